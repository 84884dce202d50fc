/** core/source/rec*: what was written is read; what is torn or broken is told, and what is whole is read all the same. */
#include "core/source/recording.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "core/base/err.h"
#include "core/source/recwriter.h"
#include "core/source/session.h"

#include "tmpdir.h"
#include "unit.h"

#define SECOND INT64_C(1000000000)
#define BEGIN (INT64_C(1767225600) * SECOND)

static char file[100];

static void put(struct vm_rec_writer *w, const char *path, const char *text)
{
	ck_assert_int_eq(vm_rec_put(w, path, VM_REC_FILE, text, strlen(text)), 0);
}

static struct vm_rec_writer *begin(void)
{
	struct vm_rec_writer *w;
	uint64_t cut;
	struct vm_err err = { 0 };
	ck_assert_msg(vm_rec_writer_open(file, &w, &cut, &err) == 0, "%s", err.what);
	return w;
}

/** Frame i: counters that go up, a process that comes with i == 1 and goes with i == 3, a link that leads elsewhere. */
static void frame(struct vm_rec_writer *w, unsigned i)
{
	char text[200];
	snprintf(text, sizeof(text), "MemFree:  %8u kB\nMemTotal: 1000 kB\n", 5000 - i * 7);
	put(w, "proc/meminfo", text);
	snprintf(text, sizeof(text), "7 (x y) %c 1 %u\n", i % 2 ? 'S' : 'R', i);
	put(w, "proc/7/stat", text);
	if (i == 1 || i == 2)
		put(w, "proc/70/stat", "70 (gone) S 1 1\n");
	if (i == 3) {
		vm_rec_drop(w, "proc/70/stat");
		vm_rec_drop(w, "proc/never/there");
	}
	const char *to = i < 2 ? "/usr/bin/a" : "/usr/bin/b c";
	ck_assert_int_eq(vm_rec_put(w, "proc/7/exe", VM_REC_LINK, to, strlen(to)), 0);
	struct vm_err err = { 0 };
	ck_assert_msg(vm_rec_commit(w, BEGIN + i * SECOND, 5000 + i * (uint64_t)SECOND, &err) == 0, "%s", err.what);
}

static void check_text(struct vm_recording *r, const char *path, const char *want)
{
	const struct vm_rec_entry *e = vm_rec_tree_find(vm_recording_tree(r), path, strlen(path));
	if (!want) {
		ck_assert_msg(!e || !e->there, "%s is there", path);
		return;
	}
	ck_assert_msg(e && e->there && e->len == strlen(want) && memcmp(e->data, want, e->len) == 0, "%s: '%.*s' instead of '%s'",
		      path, e ? (int)e->len : 0, e ? e->data : "", want);
}

static void check_frame(struct vm_recording *r, unsigned i)
{
	char text[200];
	snprintf(text, sizeof(text), "MemFree:  %8u kB\nMemTotal: 1000 kB\n", 5000 - i * 7);
	check_text(r, "proc/meminfo", text);
	snprintf(text, sizeof(text), "7 (x y) %c 1 %u\n", i % 2 ? 'S' : 'R', i);
	check_text(r, "proc/7/stat", text);
	check_text(r, "proc/70/stat", i == 1 || i == 2 ? "70 (gone) S 1 1\n" : NULL);
	check_text(r, "proc/7/exe", i < 2 ? "/usr/bin/a" : "/usr/bin/b c");
}

static void write_frames(unsigned from, unsigned to)
{
	struct vm_rec_writer *w = begin();
	for (unsigned i = from; i < to; i++)
		frame(w, i);
	ck_assert_int_eq(vm_rec_writer_close(w, NULL), 0);
}

static struct vm_recording *open_it(void)
{
	struct vm_recording *r;
	struct vm_err err = { 0 };
	ck_assert_msg(vm_recording_open(file, &r, &err) == 0, "%s", err.what);
	return r;
}

static void set_up(void)
{
	make_dir();
	snprintf(file, sizeof(file), "%s/r", dir);
}

START_TEST(all_moments)
{
	set_up();
	write_frames(0, 6);
	struct vm_recording *r = open_it();
	ck_u64_eq(vm_recording_count(r), 6);
	ck_assert(vm_recording_closed(r));
	ck_u64_eq(vm_recording_lost(r), 0);
	/* Forwards, backwards, and anywhere. */
	static const unsigned order[] = { 0, 1, 2, 3, 4, 5, 4, 3, 2, 1, 0, 5, 1, 1, 4 };
	for (size_t i = 0; i < sizeof(order) / sizeof(order[0]); i++) {
		ck_assert_int_eq(vm_recording_read(r, order[i], NULL), 0);
		check_frame(r, order[i]);
		ck_assert(vm_recording_moment(r, order[i])->real_ns == BEGIN + order[i] * SECOND);
	}
	vm_recording_close(r);
	clear_dir();
}
END_TEST

START_TEST(gone_on_with)
{
	set_up();
	write_frames(0, 3);
	write_frames(3, 5);
	struct vm_recording *r = open_it();
	ck_u64_eq(vm_recording_count(r), 5);
	ck_assert(vm_recording_moment(r, 3)->key);
	for (unsigned i = 5; i-- > 0;) {
		ck_assert_int_eq(vm_recording_read(r, i, NULL), 0);
		check_frame(r, i);
	}
	vm_recording_close(r);
	/* One writer at a time. */
	struct vm_rec_writer *w = begin(), *other;
	uint64_t cut;
	ck_assert_int_eq(vm_rec_writer_open(file, &other, &cut, NULL), -EBUSY);
	vm_rec_writer_close(w, NULL);
	clear_dir();
}
END_TEST

START_TEST(many_whole_frames)
{
	/* Bytes that nothing tells shorter, so that whole frames come often. */
	set_up();
	struct vm_rec_writer *w = begin();
	uint64_t x = 1;
	char *noise = malloc(30001);
	for (unsigned i = 0; i < 60; i++) {
		for (unsigned k = 0; k < 30000; k++)
			noise[k] = (char)('A' + (vm_mix64(++x) & 63));
		noise[30000] = '\0';
		put(w, "noise", noise);
		frame(w, i);
	}
	ck_assert_int_eq(vm_rec_writer_close(w, NULL), 0);
	struct vm_recording *r = open_it();
	unsigned whole = 0;
	for (unsigned i = 0; i < 60; i++) {
		whole += vm_recording_moment(r, i)->key;
		ck_assert_int_eq(vm_recording_read(r, i, NULL), 0);
		check_frame(r, i);
	}
	check_text(r, "noise", noise);
	ck_assert_uint_ge(whole, 2);
	ck_assert_uint_le(whole, 30);
	vm_recording_close(r);
	free(noise);
	clear_dir();
}
END_TEST

static long size_of(void)
{
	FILE *f = fopen(file, "r");
	ck_assert_ptr_nonnull(f);
	fseek(f, 0, SEEK_END);
	const long n = ftell(f);
	fclose(f);
	return n;
}

/** Where the frames end, in the file as long as it is. */
static uint64_t ends[8];

static void note_ends(struct vm_recording *r)
{
	for (size_t i = 0; i + 1 < vm_recording_count(r); i++)
		ends[i] = vm_recording_moment(r, i + 1)->offset;
	ends[vm_recording_count(r) - 1] = (uint64_t)size_of();
}

/** As a kill or loss of power leaves it: cut anywhere, each frame that is complete is read, and it can be gone on with. */
START_TEST(cut_anywhere)
{
	set_up();
	write_frames(0, 4);
	struct vm_recording *r = open_it();
	note_ends(r);
	vm_recording_close(r);
	const long size = size_of();
	char keep[120];
	snprintf(keep, sizeof(keep), "%s/keep", dir);
	ck_assert(shell("cp '%s' '%s'", file, keep));
	FILE *f = fopen(keep, "r");
	char *bytes = malloc((size_t)size);
	ck_assert_uint_eq(fread(bytes, 1, (size_t)size, f), (size_t)size);
	fclose(f);
	for (long cut = 0; cut < size; cut++) {
		f = fopen(file, "w");
		ck_assert_uint_eq(fwrite(bytes, 1, (size_t)cut, f), (size_t)cut);
		fclose(f);
		size_t whole = 0;
		while (whole < 3 && ends[whole] <= (uint64_t)cut)
			whole++;
		struct vm_err err = { 0 };
		const int got = vm_recording_open(file, &r, &err);
		if (!whole) {
			/* The index ends the last frame's bytes in ends[]; a cut within it leaves all frames. */
			ck_assert_msg(got == -EBADMSG, "cut at %ld: %d", cut, got);
			continue;
		}
		ck_assert_msg(got == 0, "cut at %ld: %s", cut, err.what);
		ck_assert_msg(vm_recording_count(r) == whole || (whole == 3 && vm_recording_count(r) == 4), "cut at %ld: %zu", cut,
			      vm_recording_count(r));
		whole = vm_recording_count(r);
		for (unsigned i = 0; i < whole; i++) {
			ck_assert_int_eq(vm_recording_read(r, i, NULL), 0);
			check_frame(r, i);
		}
		vm_recording_close(r);
		if (cut % 7)
			continue;
		write_frames(5, 6);
		r = open_it();
		ck_u64_eq(vm_recording_count(r), whole + 1);
		ck_u64_eq(vm_recording_lost(r), 0);
		ck_assert_int_eq(vm_recording_read(r, whole, NULL), 0);
		/* What went on had only seen its own frames. */
		check_text(r, "proc/7/stat", "7 (x y) S 1 5\n");
		vm_recording_close(r);
	}
	free(bytes);
	clear_dir();
}
END_TEST

/** A bit that is wrong: nothing that is shown may be wrong. */
START_TEST(bits_flipped)
{
	set_up();
	write_frames(0, 4);
	const long size = size_of();
	for (long at = 0; at < size; at++) {
		int fd = open(file, O_RDWR);
		char c, wrong;
		ck_assert(pread(fd, &c, 1, at) == 1);
		wrong = (char)(c ^ 1 << at % 8);
		ck_assert(pwrite(fd, &wrong, 1, at) == 1);
		struct vm_recording *r;
		if (vm_recording_open(file, &r, NULL) == 0) {
			for (size_t i = 0; i < vm_recording_count(r); i++)
				if (vm_recording_read(r, i, NULL) == 0)
					check_frame(r, (unsigned)((vm_recording_moment(r, i)->real_ns - BEGIN) / SECOND));
			vm_recording_close(r);
		}
		ck_assert(pwrite(fd, &c, 1, at) == 1);
		close(fd);
	}
	clear_dir();
}
END_TEST

START_TEST(as_a_session)
{
	set_up();
	struct vm_rec_writer *w = begin();
	frame(w, 0);
	frame(w, 1);
	put(w, "proc/700/task/701/stat", "701 (t) S\n");
	put(w, "proc/7-x", "not below 7\n");
	put(w, "proc/self", "");
	ck_assert_int_eq(vm_rec_put(w, "etc/mtab", VM_REC_LINK, "../proc/./mounts", 16), 0);
	ck_assert_int_eq(vm_rec_put(w, "proc/mounts", VM_REC_LINK, "/../../proc/7/stat", 18), 0);
	ck_assert_int_eq(vm_rec_put(w, "loop", VM_REC_LINK, "loop", 4), 0);
	ck_assert_int_eq(vm_rec_put(w, "proc/dir", VM_REC_LINK, "700/task", 8), 0);
	frame(w, 2);
	ck_assert_int_eq(vm_rec_writer_close(w, NULL), 0);
	struct vm_session *s;
	ck_assert_int_eq(vm_session_open_recording(open_it(), 2, &s, NULL), 0);
	ck_assert(!s->live);
	struct vm_buf b = { 0 };
	char text[100];
	ck_assert_int_eq(vm_session_slurp(s, &b, "proc/%d/stat", 7), 14);
	ck_assert_str_eq(b.s, "7 (x y) R 1 2\n");
	ck_assert_int_eq(vm_session_slurp(s, &b, "etc/mtab"), 14);
	ck_assert_int_eq(vm_session_slurp(s, &b, "proc/dir/701/stat"), 10);
	ck_assert_int_eq(vm_session_slurp(s, &b, "proc/self"), 0);
	ck_assert_int_eq(vm_session_slurp(s, &b, "loop"), -ELOOP);
	ck_assert_int_eq(vm_session_slurp(s, &b, "proc/8/stat"), -ENOENT);
	ck_assert_int_eq(vm_session_slurp(s, &b, "proc/7"), -EISDIR);
	ck_assert_int_eq(vm_session_readlink(s, text, sizeof(text), "proc/7/exe"), 12);
	ck_assert_str_eq(text, "/usr/bin/b c");
	ck_assert_int_eq(vm_session_readlink(s, text, 5, "proc/7/exe"), 4);
	ck_assert_int_eq(vm_session_readlink(s, text, sizeof(text), "proc/7/stat"), -EINVAL);
	int fd = vm_session_open_file(s, O_RDONLY, "proc/7/stat");
	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(read(fd, text, sizeof(text)), 14);
	close(fd);
	ck_assert_int_eq(vm_session_open_file(s, O_WRONLY, "proc/7/stat"), -EROFS);
	ck_assert_int_eq(vm_session_open_file(s, O_RDONLY | O_DIRECTORY, "proc/7/stat"), -ENOTDIR);
	ck_assert_int_eq(vm_session_list(s, &b, "proc"), 0);
	const char *want[] = { "7", "7-x", "70", "700", "dir", "meminfo", "mounts", "self" };
	size_t n = 0;
	bool seen[8] = { false };
	for (const char *name = NULL; (name = vm_next_name(&b, name)); n++)
		for (size_t i = 0; i < 8; i++)
			seen[i] = seen[i] || strcmp(name, want[i]) == 0;
	ck_u64_eq(n, 8);
	for (size_t i = 0; i < 8; i++)
		ck_assert_msg(seen[i], "%s isn't listed", want[i]);
	ck_assert_int_eq(vm_session_list(s, &b, "proc/9"), -ENOENT);
	/* The clock is the recording's. */
	ck_u64_eq(vm_session_clock(s), 5000 + 2 * (uint64_t)SECOND);
	ck_assert_int_eq(vm_session_seek(s, 0, NULL), 0);
	ck_u64_eq(vm_session_clock(s), 5000);
	ck_assert_int_eq(vm_session_slurp(s, &b, "proc/mounts"), -ENOENT);
	ck_assert_int_eq(vm_session_list(s, &b, "proc/700"), -ENOENT);
	ck_assert_int_eq(vm_session_advance(s, SECOND + 1, NULL), 0);
	ck_u64_eq(vm_session_moment(s), 2);
	ck_assert_int_eq(vm_session_advance(s, 1, NULL), -ENODATA);
	ck_u64_eq(vm_session_moment(s), 2);
	vm_session_close(s);
	vm_buf_free(&b);
	clear_dir();
}
END_TEST

START_TEST(times)
{
	setenv("TZ", "UTC", 1);
	set_up();
	write_frames(0, 6);
	struct vm_recording *r = open_it();
	static const struct { const char *text; int result; size_t moment; } is[] = {
		{ "#1", 0, 0 }, { "#6", 0, 5 }, { "#7", -ERANGE, 0 }, { "#0", -ERANGE, 0 }, { "#", -EINVAL, 0 }, { "#x", -EINVAL, 0 },
		{ "+0", 0, 0 }, { "+2", 0, 2 }, { "+2.5s", 0, 2 }, { "+1h", -ERANGE, 0 }, { "-1", 0, 4 }, { "-9", -ERANGE, 0 },
		{ "@1767225603", 0, 3 }, { "@1767225603.9", 0, 3 }, { "@1", -ERANGE, 0 }, { "@", -EINVAL, 0 }, { "@nan", -EINVAL, 0 },
		{ "00:00:04", 0, 4 }, { "00:00:04.5", 0, 4 }, { "00:01", -ERANGE, 0 }, { "24:01", -EINVAL, 0 }, { "12", -EINVAL, 0 },
		{ "2026-01-01T00:00:05Z", 0, 5 }, { "2026-01-01 00:00:01", 0, 1 }, { "2025-12-31", -ERANGE, 0 },
		{ "2026-01-01T00:00:05X", -EINVAL, 0 }, { "", -EINVAL, 0 }, { "soon", -EINVAL, 0 },
	};
	for (size_t i = 0; i < sizeof(is) / sizeof(is[0]); i++) {
		size_t m = 99;
		const int got = vm_recording_find(r, is[i].text, &m, NULL);
		ck_assert_msg(got == is[i].result && (got < 0 || m == is[i].moment), "'%s': %d, #%zu", is[i].text, got, m + 1);
	}
	vm_recording_close(r);
	clear_dir();
}
END_TEST

START_TEST(not_ours)
{
	set_up();
	struct vm_rec_writer *w;
	uint64_t cut;
	ck_assert(shell("echo precious >'%s'", file));
	ck_assert_int_eq(vm_rec_writer_open(file, &w, &cut, NULL), -EEXIST);
	ck_assert(shell("grep -qx precious '%s'", file));
	/* Without a frame nothing stays behind. */
	ck_assert(shell("rm '%s'", file));
	w = begin();
	ck_assert_int_eq(vm_rec_writer_close(w, NULL), 0);
	ck_assert_int_ne(access(file, F_OK), 0);
	clear_dir();
}
END_TEST

UNIT_MAIN("recording", all_moments, gone_on_with, many_whole_frames, cut_anywhere, bits_flipped, as_a_session, times, not_ours)
