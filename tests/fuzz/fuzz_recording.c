/** Recordings of any bytes, each moment of them; and deltas of any bytes against any text. */
#include <endian.h>
#include <sys/mman.h>
#include <unistd.h>

#include "core/base/crc32c.h"
#include "core/base/textdelta.h"
#include "core/source/recformat.h"
#include "core/source/recording.h"
#include "core/source/session.h"

#include "fuzz.h"

/** What is read is what a tree can be: paths below the root, each there once. */
static void check_tree(const struct vm_rec_tree *t)
{
	for (size_t i = 0; i < t->entries.n; i++) {
		const struct vm_rec_entry *e = &t->entries.v[i];
		HOLDS(e->path_len && e->path[0] != '/' && strlen(e->path) == e->path_len);
		HOLDS(vm_rec_tree_find((struct vm_rec_tree *)t, e->path, e->path_len) == e);
	}
}

static void use(struct vm_recording *r)
{
	struct vm_session *s;
	struct vm_buf names = { 0 };
	size_t at;
	vm_recording_find(r, "+1", &at, NULL);
	for (size_t i = 0; i < vm_recording_count(r) && i < 20; i++)
		if (vm_recording_read(r, i, NULL) == 0)
			check_tree(vm_recording_tree(r));
	if (vm_session_open_recording(r, vm_recording_count(r) - 1, &s, NULL) < 0)
		return;
	if (vm_session_list(s, &names, "proc") == 0)
		for (const char *name = NULL; (name = vm_next_name(&names, name));)
			vm_session_slurp(s, &s->scratch, "proc/%s/stat", name);
	/* Through it, whatever its clocks say. */
	int go = vm_session_begin(s, NULL);
	for (size_t steps = 0; go == 0; steps++) {
		HOLDS(steps < 1000000);
		go = vm_session_advance(s, 1, NULL);
	}
	vm_buf_free(&names);
	vm_session_close(s);
}

/** Checksums that are right, or no input would get beyond them: of the file's head, and of each block and its parts. */
static void mend(uint8_t *data, size_t size)
{
	struct vm_rec_block b;
	if (size >= VM_REC_HEAD) {
		memcpy(data, "VMREC\r\n\x1a\1\0\0", 12);
		const uint32_t crc = htole32(vm_crc32c(data, 12));
		memcpy(data + 12, &crc, 4);
	}
	for (size_t at = 0; at + VM_REC_BLOCK <= size; at++) {
		uint8_t *head = data + at;
		if (memcmp(head, "VMRB", 4) != 0)
			continue;
		uint32_t crc = htole32(vm_crc32c(head, 60));
		memcpy(head + 60, &crc, 4);
		if (!vm_rec_take_block(head, &b) || vm_rec_block_size(&b) > size - at)
			continue;
		crc = htole32(vm_crc32c(head + VM_REC_BLOCK, (size_t)vm_rec_block_size(&b) - VM_REC_BLOCK));
		memcpy(head + 48, &crc, 4);
		crc = htole32(vm_crc32c(head, 60));
		memcpy(head + 60, &crc, 4);
	}
}

static void as_file(const uint8_t *data, size_t size)
{
	char path[64];
	struct vm_recording *r;
	const int fd = memfd_create("fuzz", MFD_CLOEXEC);
	HOLDS(fd >= 0 && write(fd, data, size) == (ssize_t)size);
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	if (vm_recording_open(path, &r, NULL) == 0)
		use(r);
	close(fd);
}

/** The first byte says where the text ends and the delta begins; then the same bytes as two texts. */
static void as_delta(const char *bytes, size_t size)
{
	struct vm_buf made = { 0 }, back = { 0 };
	const size_t cut = size ? (unsigned char)bytes[0] % size : 0;
	vm_textdelta_apply(bytes, cut, bytes + cut, size - cut, &back);
	back.n = 0;
	if (vm_textdelta_make(bytes, cut, bytes + cut, size - cut, &made)) {
		HOLDS(vm_textdelta_apply(bytes, cut, made.s, made.n, &back) == 0);
		HOLDS(back.n == size - cut && (back.n == 0 || memcmp(back.s, bytes + cut, back.n) == 0));
	}
	vm_buf_free(&made);
	vm_buf_free(&back);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *bytes = fuzz_bytes(data, size);
	as_delta(bytes, size);
	as_file((const uint8_t *)bytes, size);
	mend((uint8_t *)bytes, size);
	as_file((const uint8_t *)bytes, size);
	free(bytes);
	return 0;
}
