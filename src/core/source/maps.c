#include "core/source/maps.h"

#include <endian.h>
#include <errno.h>
#include <string.h>
#include <sys/mman.h>

#include "core/base/str.h"
#include "core/model/aspace.h"
#include "core/model/vmflags.h"

/** A line of smaps: key with its colon, and what it tells.  Order as Linux 6.18 prints them. */
static const struct smaps_line {
	const char *key;
	uint8_t len;
	uint8_t qty;
	bool kib;
} lines[] = {
#define LINE(key, qty, kib) { key ":", sizeof(key), qty, kib }
	LINE("Size", VM_Q_SIZE, true),
	LINE("KernelPageSize", VM_Q_KPAGE, true),
	LINE("MMUPageSize", VM_Q_MMUPAGE, true),
	LINE("Rss", VM_Q_RSS, true),
	LINE("Pss", VM_Q_PSS, true),
	LINE("Pss_Dirty", VM_Q_PSS_DIRTY, true),
	LINE("Shared_Clean", VM_Q_SHARED_CLEAN, true),
	LINE("Shared_Dirty", VM_Q_SHARED_DIRTY, true),
	LINE("Private_Clean", VM_Q_PRIVATE_CLEAN, true),
	LINE("Private_Dirty", VM_Q_PRIVATE_DIRTY, true),
	LINE("Referenced", VM_Q_REFERENCED, true),
	LINE("Anonymous", VM_Q_ANON, true),
	LINE("KSM", VM_Q_KSM, true),
	LINE("LazyFree", VM_Q_LAZYFREE, true),
	LINE("AnonHugePages", VM_Q_THP, true),
	LINE("ShmemPmdMapped", VM_Q_SHMEM_THP, true),
	LINE("FilePmdMapped", VM_Q_FILE_THP, true),
	LINE("Shared_Hugetlb", VM_Q_SHARED_HUGETLB, true),
	LINE("Private_Hugetlb", VM_Q_PRIVATE_HUGETLB, true),
	LINE("Swap", VM_Q_SWAP, true),
	LINE("SwapPss", VM_Q_SWAP_PSS, true),
	LINE("Locked", VM_Q_LOCKED, true),
	LINE("THPeligible", VM_Q_THP_ELIGIBLE, false),
	LINE("ProtectionKey", VM_Q_PKEY, false),
#undef LINE
};
#define FLAGS "VmFlags:"
enum { KEY_PADDED = 16, FIGURE_END = 24, FIGURE_LINE = 28 };
enum { NLINES = sizeof(lines) / sizeof(lines[0]) };

void vm_maps_begin(struct vm_maps_parser *p, struct vm_aspace *as)
{
	memset(p, 0, sizeof(*p));
	p->as = as;
	memset(p->flag, VM_VMF_UNKNOWN, sizeof(p->flag));
	for (unsigned i = 0; i < VM_VMF_UNKNOWN; i++)
		p->flag[(vm_vmflags[i].code[0] - 'a') * 26 + (vm_vmflags[i].code[1] - 'a')] = (uint8_t)i;
}

/** The byte x in all eight. */
#define EACH(x) (UINT64_C(0x0101010101010101) * (x))

/** Value of a lower-case hexadecimal digit, plus one; 0: it isn't one. */
static const uint8_t hex_digit[256] = {
	['0'] = 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, ['a'] = 11, 12, 13, 14, 15, 16,
};

static bool is_hex(char c)
{
	return hex_digit[(unsigned char)c];
}

/**
 * Eight characters as a number in base 16: two to a byte, four to two bytes, all eight.  False if one
 * of them isn't a lower-case digit.
 */
static bool eight_hex(const char *s, uint64_t *out)
{
	uint64_t v;
	memcpy(&v, s, sizeof(v));
	v = be64toh(v);
	uint64_t letter = v >> 6 & EACH(1);                       /* 'a' to 'f' are 0x61 to 0x66 */
	uint64_t low = v & EACH(0x0f);
	/* Digits are 0x30 and up to 9 more; letters are 0x60 and one to six more. */
	uint64_t bad = ((v & EACH(0xf0)) ^ (EACH(0x30) + letter * 0x30)) |
		       ((low + EACH(6) - letter * 0x06 + letter * 9) & EACH(0x10)) |
		       (letter & ~(low | low >> 1 | low >> 2));
	v = low + letter * 9;
	v = (v | v >> 4) & UINT64_C(0x00ff00ff00ff00ff);
	v = (v | v >> 8) & UINT64_C(0x0000ffff0000ffff);
	*out = (v | v >> 16) & 0xffffffff;
	return bad == 0;
}

/** Digits at *s in base 16; false if there are none or too many. */
static bool take_hex(const char **s, const char *end, uint64_t *v)
{
	const char *from = *s, *p = from;
	uint64_t x = 0;
	if (end - p >= 8 && eight_hex(p, &x))
		p += 8;
	else
		x = 0;
	for (unsigned d; p < end && (d = hex_digit[(unsigned char)*p]); p++)
		x = x << 4 | (d - 1);
	*s = p;
	*v = x;
	return p != from && p - from <= 16;
}

#define TEN_TO_19 UINT64_C(10000000000000000000)

static bool take_dec(const char **s, const char *end, uint64_t *v)
{
	const char *from = *s, *p = from;
	uint64_t x = 0;
	for (; p < end && *p >= '0' && *p <= '9'; p++)
		x = x * 10 + (uint64_t)(*p - '0');
	*s = p;
	*v = x;
	/* 2^64 has 20 digits; a number of 20 digits that wrapped is below 10^19. */
	return p != from && (p - from < 20 || (p - from == 20 && (*from == '0' || (*from == '1' && x >= TEN_TO_19))));
}

static bool take_char(const char **s, const char *end, char c)
{
	if (*s >= end || **s != c)
		return false;
	++*s;
	return true;
}

static bool take_perm(const char **s, const char *end, struct vm_mapping *m)
{
	if (end - *s < 4)
		return false;
	const char *p = *s;
	m->prot = (uint8_t)((p[0] == 'r' ? PROT_READ : 0) | (p[1] == 'w' ? PROT_WRITE : 0) |
			    (p[2] == 'x' ? PROT_EXEC : 0));
	/* 's' is VM_MAYSHARE: mapped shared, whatever the permissions. */
	m->shared = p[3] == 's';
	*s += 4;
	return true;
}

static const char *keep_name(struct vm_maps_parser *p, const char *s, const char *end)
{
	size_t len = (size_t)(end - s);
	if (len == 0)
		return "";
	/* Neighbours often share their name. */
	size_t n = p->as->nmaps;
	if (n >= 2) {
		const char *before = p->as->map[n - 2].name;
		if (strlen(before) == len && memcmp(before, s, len) == 0)
			return before;
	}
	char *name = vm_arena_strndup(&p->as->arena, s, len);
	if (!name) {
		p->failed = true;
		return "";
	}
	if (memchr(name, '\\', len))
		name[vm_unescape_newlines(name, len)] = '\0';
	return name;
}

static bool ends_with(const char *s, size_t len, const char *with)
{
	size_t n = strlen(with);
	return len >= n && memcmp(s + len - n, with, n) == 0;
}

static void keep_figures(struct vm_maps_parser *p, struct vm_mapping *m)
{
	if (p->repeated) {
		m->have = p->block.derived;
		m->q = p->kept = p->block.q;
		vm_sum_add(&p->as->total, m);
		return;
	}
	/* The range tells the size. */
	p->q[VM_Q_SIZE] = 0;
	m->have &= ~VM_HAVE(VM_Q_SIZE);
	vm_mapping_derive(m, p->q);
	if (!p->kept || memcmp(p->kept, p->q, sizeof(p->q)) != 0) {
		uint64_t *q = vm_aspace_add_figures(p->as, m);
		if (!q) {
			p->failed = true;
			p->block.len = 0;
			return;
		}
		p->kept = memcpy(q, p->q, sizeof(p->q));
	}
	m->q = p->kept;
	if (p->learnt) {
		p->block.q = p->kept;
		p->block.derived = m->have;
	}
	vm_sum_add(&p->as->total, m);
}

static void close_mapping(struct vm_maps_parser *p)
{
	if (p->open && p->figures)
		keep_figures(p, &p->as->map[p->as->nmaps - 1]);
	p->open = p->figures = p->learnt = p->repeated = false;
	p->from = NULL;
}

/** Offset, device and inode.  Most mappings have none of them. */
static bool take_object(const char **s, const char *end, struct vm_mapping *m)
{
	static const char none[] = "00000000 00:00 0 ";
	uint64_t major = 0, minor = 0;
	m->offset = m->inode = 0;
	if ((size_t)(end - *s) >= sizeof(none) - 1 && memcmp(*s, none, sizeof(none) - 1) == 0)
		*s += sizeof(none) - 1;
	else if (!take_hex(s, end, &m->offset) || !take_char(s, end, ' ') || !take_hex(s, end, &major) ||
		 !take_char(s, end, ':') || !take_hex(s, end, &minor) || !take_char(s, end, ' ') || !take_dec(s, end, &m->inode))
		return false;
	m->dev_major = (uint32_t)major;
	m->dev_minor = (uint32_t)minor;
	return true;
}

/** "55d0c3a00000-55d0c3c1f000 r-xp 00002000 fe:00 247134      /usr/bin/cat" */
static void take_header(struct vm_maps_parser *p, const char *s, const char *end)
{
	struct vm_mapping h;
	close_mapping(p);
	if (!take_hex(&s, end, &h.start) || !take_char(&s, end, '-') || !take_hex(&s, end, &h.end) ||
	    !take_char(&s, end, ' ') || !take_perm(&s, end, &h) || !take_char(&s, end, ' ') ||
	    !take_object(&s, end, &h))
		return;
	if (h.start >= h.end || h.start < p->last_end)
		return;
	struct vm_mapping *m = vm_aspace_add(p->as);
	if (!m) {
		p->failed = true;
		return;
	}
	m->start = h.start;
	m->end = p->last_end = h.end;
	m->offset = h.offset;
	m->inode = h.inode;
	m->dev_major = h.dev_major;
	m->dev_minor = h.dev_minor;
	m->prot = h.prot;
	m->shared = h.shared;
	while (s < end && *s == ' ')
		s++;
	m->deleted = ends_with(s, (size_t)(end - s), " (deleted)");
	m->name = keep_name(p, s, end);
	if (m->name[0] == '[' && strcmp(m->name, "[heap]") == 0)
		p->as->heap_end = m->end;
	p->open = true;
	p->line = 0;
}

/**
 * "??" is a flag that the kernel itself has no letters for.  Between "lo" and what comes behind VM_LOCKONFAULT that is
 * the only one there is: it got its "lf" long after it came (Linux 6.1 has none yet, 6.12 has).
 */
static unsigned name_unnamed(uint64_t before)
{
	return (before & VM_VMF(LO)) && !(before >> VM_VMF_LF) ? VM_VMF_LF : VM_VMF_UNKNOWN;
}

static void take_flags(const struct vm_maps_parser *p, struct vm_mapping *m, const char *s, const char *end)
{
	m->have_flags = true;
	for (; end - s >= 2; s++) {
		if (*s == ' ')
			continue;
		unsigned a = (unsigned char)s[0] - 'a', b = (unsigned char)s[1] - 'a';
		unsigned bit = a < 26 && b < 26 ? p->flag[a * 26 + b] : VM_VMF_UNKNOWN;
		if (bit == VM_VMF_UNKNOWN && s[0] == '?')
			bit = name_unnamed(m->flags);
		m->flags |= UINT64_C(1) << bit;
		s++;
	}
}

/** The figures end at `end`, where the flags begin. */
static void learn_block(struct vm_maps_parser *p, const struct vm_mapping *m, const char *end)
{
	const size_t len = p->from && p->figures && !p->repeated ? (size_t)(end - p->from) : 0;
	if (!len || len > sizeof(p->block.text) || m->have_flags)
		return;
	memcpy(p->block.text, p->from, len);
	p->block.len = len;
	p->block.have = m->have;
	p->learnt = true;
}

/** The figures of a mapping begin at `s`; returns where they end if they are those of the block. */
static const char *take_repeated(struct vm_maps_parser *p, const char *s, const char *end)
{
	const size_t len = p->block.len, flags = sizeof(FLAGS) - 1;
	p->from = s;
	if (!len || (size_t)(end - s) < len + flags || memcmp(s, p->block.text, len) != 0 || memcmp(s + len, FLAGS, flags) != 0)
		return s;
	memcpy(p->q, p->block.q, sizeof(p->q));
	p->as->map[p->as->nmaps - 1].have = p->block.have;
	p->line = VM_SMAPS_LINES;
	p->figures = p->repeated = true;
	return s + len;
}

static void learn(struct vm_usual_line *u, unsigned index)
{
	char padded[KEY_PADDED];
	memset(padded, ' ', sizeof(padded));
	memcpy(padded, lines[index].key, lines[index].len);
	memcpy(u->key, padded, sizeof(u->key));
	u->have = VM_HAVE(lines[index].qty);
	u->index = (uint8_t)index;
	u->qty = lines[index].qty;
}

static bool is_line(const char *s, size_t len, unsigned index)
{
	return lines[index].len <= len && memcmp(s, lines[index].key, lines[index].len) == 0;
}

static const struct smaps_line *find_line(struct vm_maps_parser *p, const char *s, size_t len)
{
	unsigned at = p->line < VM_SMAPS_LINES ? p->line : VM_SMAPS_LINES - 1;
	struct vm_usual_line *u = &p->usual[at];
	p->line++;
	if (u->key[0] && is_line(s, len, u->index))
		return &lines[u->index];
	for (unsigned i = 0; i < NLINES; i++) {
		if (is_line(s, len, i)) {
			learn(u, i);
			return &lines[i];
		}
	}
	return NULL;
}

/**
 * Eight characters, blanks and then digits, as a number: pairs, then fours, then all eight at once.
 * False if they are anything else.
 */
static bool eight_digits(const char *s, uint64_t *out)
{
	uint64_t v;
	memcpy(&v, s, sizeof(v));
	v = le64toh(v) ^ EACH(0x20);       /* a blank is 0 now, digits are 0x10 to 0x19 */
	uint64_t digit = v & EACH(0x10), low = v & EACH(0x0f);
	uint64_t bad = (v & EACH(0xe0)) | ((low + EACH(6)) & EACH(0x10)) |
		       ((low + EACH(0x0f)) & EACH(0x10) & ~digit) | (digit << 8 & ~digit);
	v = low * 10 + (low >> 8);
	*out = (((v & UINT64_C(0x000000ff000000ff)) * UINT64_C(0x000f424000000064) +
		 (v >> 16 & UINT64_C(0x000000ff000000ff)) * UINT64_C(0x0000271000000001)) >> 32) & 0xffffffff;
	return bad == 0 && digit >> 60;
}

static uint64_t load8(const char *s)
{
	uint64_t v;
	memcpy(&v, s, sizeof(v));
	return v;
}

/**
 * The lines that stood in these places of the mapping before, in the form in which the kernel prints
 * figures below 10^8 kB: key and blanks to column 16, eight columns of number, " kB".  Most of smaps is
 * that, so this loop is most of what reading it costs.  Returns where the first other line begins.
 */
static const char *take_usual_figures(struct vm_maps_parser *p, const char *s, const char *end)
{
	struct vm_mapping *m = &p->as->map[p->as->nmaps - 1];
	const uint64_t zero = load8("       0");
	const struct vm_usual_line *u = &p->usual[p->line], *stop = &p->usual[VM_SMAPS_LINES];
	uint64_t *q = p->q;
	uint32_t have = m->have;
	/* What stands behind the flags is told line by line: the block must not miss it. */
	if (m->have_flags)
		return s;
	for (; u < stop && end - s >= FIGURE_LINE; u++, s += FIGURE_LINE) {
		uint64_t kib, number = load8(s + KEY_PADDED);
		if (((load8(s) ^ u->key[0]) | (load8(s + 8) ^ u->key[1])) || memcmp(s + FIGURE_END, " kB\n", 4) != 0)
			break;
		/* Most figures of most mappings are zero, and so is the memory that they go to. */
		if (number != zero) {
			if (!eight_digits(s + KEY_PADDED, &kib))
				break;
			q[u->qty] = kib * 1024;
		}
		have |= u->have;
	}
	m->have = have;
	p->line = (unsigned)(u - p->usual);
	return s;
}

/** "Rss:                1780 kB" */
static void take_figure(struct vm_maps_parser *p, const char *s, const char *end)
{
	struct vm_mapping *m = &p->as->map[p->as->nmaps - 1];
	if ((size_t)(end - s) >= sizeof(FLAGS) && memcmp(s, FLAGS, sizeof(FLAGS) - 1) == 0) {
		learn_block(p, m, s);
		take_flags(p, m, s + sizeof(FLAGS) - 1, end);
		return;
	}
	const struct smaps_line *l = find_line(p, s, (size_t)(end - s));
	if (!l)
		return;
	s += l->len;
	while (s < end && *s == ' ')
		s++;
	uint64_t v;
	if (!take_dec(&s, end, &v))
		return;
	if (l->kib && __builtin_mul_overflow(v, (uint64_t)1024, &v))
		return;
	if (!p->figures)
		memset(p->q, 0, sizeof(p->q));
	p->figures = true;
	/* No kernel prints figures behind the flags; if one does, the block isn't all. */
	if (m->have_flags)
		p->block.len = 0;
	p->repeated = false;
	p->q[l->qty] = v;
	m->have |= VM_HAVE(l->qty);
}

static void take_line(struct vm_maps_parser *p, const char *s, const char *end)
{
	if (s < end && is_hex(*s))
		take_header(p, s, end);
	else if (p->open)
		take_figure(p, s, end);
}

size_t vm_maps_feed(struct vm_maps_parser *p, const char *text, size_t len, bool last)
{
	const char *s = text, *end = text + len;
	p->from = NULL;
	while (s < end) {
		if (p->open && !p->figures && !p->line)
			s = take_repeated(p, s, end);
		if (p->figures && p->line < VM_SMAPS_LINES)
			s = take_usual_figures(p, s, end);
		if (s == end)
			break;
		const char *eol = memchr(s, '\n', (size_t)(end - s));
		if (!eol && !last)
			break;
		take_line(p, s, eol ? eol : end);
		s = eol ? eol + 1 : end;
	}
	return (size_t)(s - text);
}

int vm_maps_end(struct vm_maps_parser *p)
{
	close_mapping(p);
	return p->failed ? -ENOMEM : 0;
}
