#include "core/model/pageflags.h"

#include <errno.h>
#include <string.h>
#include <strings.h>

#include "core/base/buf.h"
#include "core/base/err.h"
#include "core/base/str.h"

const struct vm_kpf_info vm_kpf_info[64] = {
	[VM_KPF_LOCKED] = { "locked", 'L', "locked for exclusive access, as while it is read in or written out" },
	[VM_KPF_ERROR] = { "error", 'E', "reading or writing it failed (until Linux 6.9)" },
	[VM_KPF_REFERENCED] = { "referenced", 'R', "used since it was put on its LRU list" },
	[VM_KPF_UPTODATE] = { "uptodate", 'U', "its content is valid" },
	[VM_KPF_DIRTY] = { "dirty", 'D', "has content that its file or swap doesn't have" },
	[VM_KPF_LRU] = { "lru", 'l', "on one of the lists from which memory is reclaimed" },
	[VM_KPF_ACTIVE] = { "active", 'A', "on the active list: reclaimed last" },
	[VM_KPF_SLAB] = { "slab", 'S', "memory of the kernel's own objects" },
	[VM_KPF_WRITEBACK] = { "writeback", 'W', "being written to disk" },
	[VM_KPF_RECLAIM] = { "reclaim", 'I', "to be freed as soon as it is written out" },
	[VM_KPF_BUDDY] = { "buddy", 'B', "free, head of a block of the buddy allocator" },
	[VM_KPF_MMAP] = { "mmap", 'M', "mapped into user space" },
	[VM_KPF_ANON] = { "anonymous", 'a', "mapped, and not a page of a file" },
	[VM_KPF_SWAPCACHE] = { "swapcache", 's', "has a slot in swap" },
	[VM_KPF_SWAPBACKED] = { "swapbacked", 'b', "backed by swap: anonymous or shared memory" },
	[VM_KPF_COMPOUND_HEAD] = { "compound_head", 'H', "first page of a larger unit (folio)" },
	[VM_KPF_COMPOUND_TAIL] = { "compound_tail", 'T', "further page of a larger unit: most flags are those of its head" },
	[VM_KPF_HUGE] = { "huge", 'G', "part of a hugetlb page" },
	[VM_KPF_UNEVICTABLE] = { "unevictable", 'u', "can't be reclaimed: locked, ramfs or secret memory" },
	[VM_KPF_HWPOISON] = { "hwpoison", 'X', "its memory failed" },
	[VM_KPF_NOPAGE] = { "nopage", 'n', "there is no such page frame" },
	[VM_KPF_KSM] = { "ksm", 'x', "one copy of equal pages, merged by KSM" },
	[VM_KPF_THP] = { "thp", 't', "part of a transparent huge page" },
	[VM_KPF_OFFLINE] = { "offline", 'o', "logically offline: a balloon's, or not plugged in" },
	[VM_KPF_ZERO_PAGE] = { "zero_page", 'z', "the page of zeros that all processes share" },
	[VM_KPF_IDLE] = { "idle_page", 'i', "not used since it was marked idle" },
	[VM_KPF_PGTABLE] = { "pgtable", 'g', "a page table" },
	[VM_KPF_RESERVED] = { "reserved", 'r', "not the kernel's to give away: firmware, kernel image" },
	[VM_KPF_MLOCKED] = { "mlocked", 'm', "in a mapping that is locked in memory" },
	[VM_KPF_OWNER_2] = { "owner_2", 'd', "of anonymous pages: one process's alone; of files: mapped to disk "
	  "blocks (until Linux 6.9 mappedtodisk)" },
	[VM_KPF_PRIVATE] = { "private", 'P', "has private data, as buffers of a file system" },
	[VM_KPF_PRIVATE_2] = { "private_2", 'p', "further private data of a file system" },
	[VM_KPF_OWNER_PRIVATE] = { "owner_private", 'O', "for its owner's use" },
	[VM_KPF_ARCH] = { "arch", 'h', "for the architecture's use" },
	[VM_KPF_UNCACHED] = { "uncached", 'c', "mapped as uncached (until Linux 6.13)" },
	[VM_KPF_SOFTDIRTY] = { "softdirty", 'f', "soft-dirty" },
	[VM_KPF_ARCH_2] = { "arch_2", 'H', "for the architecture's use (arm64: memory tags)" },
	[VM_KPF_ARCH_3] = { "arch_3", 'J', "for the architecture's use (arm64: memory tags)" },
};

/** Flags that page-types makes itself, of others or of pagemap, and what they are here. */
static const struct { const char *name, *instead; } made_flags[] = {
	{ "anon_exclusive", "anonymous,owner_2=anonymous,owner_2" }, { "readahead", "reclaim,~writeback" },
	{ "slub_frozen", "slab,active=slab,active" }, { "slub_debug", "slab,error=slab,error" },
	{ "file", "--by kind tells files" }, { "swap", "swapped pages have no frame" },
	{ "mmap_exclusive", "--by mapping tells what is exclusive" },
};

void vm_kpf_put_names(struct vm_buf *out, uint64_t flags, char between)
{
	size_t from = out->n;
	for (unsigned b = 0; b < 64; b++) {
		if (!(flags >> b & 1))
			continue;
		if (out->n > from)
			vm_buf_add_char(out, between);
		if (vm_kpf_info[b].name)
			vm_buf_add_str(out, vm_kpf_info[b].name);
		else
			vm_buf_addf(out, "bit%u", b);
	}
}

void vm_kpf_put_letters(struct vm_buf *out, uint64_t flags)
{
	for (unsigned b = 0; b < 64; b++)
		if (vm_kpf_info[b].name)
			vm_buf_add_char(out, flags >> b & 1 ? vm_kpf_info[b].letter : '_');
}

/** The bit of a name, with "anon" and the like as unambiguous beginnings; -1: none. */
static int find_flag(const char *word, size_t len)
{
	static const char old[] = "mappedtodisk";
	int found = -1;
	if (len == sizeof(old) - 1 && strncasecmp(word, old, len) == 0)
		return VM_KPF_OWNER_2;
	for (int b = 0; b < 64; b++) {
		const char *name = vm_kpf_info[b].name;
		if (!name || strncasecmp(name, word, len) != 0)
			continue;
		if (!name[len])
			return b;
		found = found == -1 ? b : -2;
	}
	return len >= 3 && found >= 0 ? found : -1;
}

static int unknown_flag(const char *word, size_t len, struct vm_err *err)
{
	char text[64];
	const char *near = NULL;
	unsigned best = 3;
	len = len < sizeof(text) - 1 ? len : sizeof(text) - 1;
	memcpy(text, word, len);
	text[len] = '\0';
	for (size_t i = 0; i < sizeof(made_flags) / sizeof(made_flags[0]); i++) {
		if (strcasecmp(text, made_flags[i].name) == 0) {
			vm_fail(err, EINVAL, "the page flag '%s' is page-types' own, the kernel has none", text);
			vm_hint(err, "%s", made_flags[i].instead);
			return -EINVAL;
		}
	}
	for (unsigned b = 0; b < 64; b++) {
		unsigned d = vm_kpf_info[b].name ? vm_edit_distance(text, vm_kpf_info[b].name) : 99;
		if (d < best) {
			best = d;
			near = vm_kpf_info[b].name;
		}
	}
	vm_fail(err, EINVAL, "there is no page flag '%s'", text);
	if (near)
		vm_hint(err, "did you mean '%s'?", near);
	else
		vm_hint(err, "as in lru,~active or =uptodate,lru,mmap");
	return -EINVAL;
}

/** Names and numbers, separated by commas; those with ~ in front into *off. */
static int parse_flags(const char *s, size_t len, uint64_t *on, uint64_t *off, struct vm_err *err)
{
	*on = *off = 0;
	for (const char *end = s + len; s < end;) {
		const char *comma = memchr(s, ',', (size_t)(end - s));
		const char *stop = comma ? comma : end;
		uint64_t *to = s < stop && *s == '~' ? off : on;
		s += s < stop && *s == '~';
		uint64_t v = 0;
		char number[32];
		size_t n = (size_t)(stop - s);
		if (n > 2 && n < sizeof(number) && s[0] == '0' && (s[1] == 'x' || s[1] == 'X')) {
			memcpy(number, s, n);
			number[n] = '\0';
			if (vm_parse_hex(number, &v) != 0)
				return unknown_flag(s, n, err);
		} else {
			int b = n ? find_flag(s, n) : -1;
			if (b < 0)
				return unknown_flag(s, n, err);
			v = UINT64_C(1) << b;
		}
		*to |= v;
		s = stop + (comma != NULL);
	}
	return 0;
}

int vm_kpf_match_parse(const char *spec, struct vm_kpf_match *out, struct vm_err *err)
{
	uint64_t mask, on, off, off_behind;
	const char *equals = strchr(spec, '=');
	size_t len = equals ? (size_t)(equals - spec) : strlen(spec);
	*out = (struct vm_kpf_match){ 0 };
	if (!*spec)
		return vm_fail(err, EINVAL, "page flags are missing");
	int r = parse_flags(spec, len, &mask, &off, err);
	if (r < 0)
		return r;
	if (!equals) {
		*out = (struct vm_kpf_match){ .mask = mask | off, .bits = mask, .any = !off };
		return 0;
	}
	r = parse_flags(equals + 1, strlen(equals + 1), &on, &off_behind, err);
	if (r < 0)
		return r;
	out->mask = equals == spec ? UINT64_MAX : mask;
	out->bits = on;
	if (off || off_behind || (on & ~out->mask))
		return vm_fail(err, EINVAL, "'%s': flags behind = must be among those in front of it, without ~", spec);
	return 0;
}
