/**
 * What was measured, kept until the machine boots again: ~/.cache/vmtop/tlb, lines of a word and numbers.
 *
 * The directory must be ours, and nobody else's to write; as root no symbolic link leads there, since with sudo the home
 * may be that of somebody else.  What isn't exactly as it was written is ignored as a whole.
 */

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <linux/openat2.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "core/base/cleanup.h"
#include "core/source/session.h"
#include "core/source/tlbprobe_part.h"

static const char MAGIC[] = "vmtop tlb 1";
enum { FILE_MOST = 64 * 1024 };

/* ---- Text --------------------------------------------------------------------------------------------------------- */

enum kind { UNSIGNED, NUMBER64, DOUBLE, KNEE, TEXT, SPLIT };

static const struct member {
	const char *name;
	enum kind kind;
	size_t at, size;           /* size: of texts */
} members[] = {
#define AT(name, kind, member) { name, kind, offsetof(struct vm_tlb_probe, member), sizeof(((struct vm_tlb_probe *)0)->member) }
	AT("cpu", TEXT, cpu), AT("hypervisor", TEXT, hypervisor), AT("on_cpu", UNSIGNED, on_cpu), AT("at", NUMBER64, at_s),
	AT("took", NUMBER64, took_ns), AT("page", NUMBER64, page_bytes), AT("dtlb", KNEE, dtlb), AT("stlb", KNEE, stlb),
	AT("itlb", KNEE, itlb), AT("hit", DOUBLE, known.hit_ns), AT("stlb_hit", DOUBLE, known.stlb_hit_ns),
	AT("walk", DOUBLE, known.walk_ns), AT("split", SPLIT, known.huge_pages_split), AT("few_lines", UNSIGNED, few_lines),
	AT("many_lines", UNSIGNED, many_lines), AT("few_lines_ns", DOUBLE, few_lines_ns),
	AT("many_lines_ns", DOUBLE, many_lines_ns), AT("doubt", TEXT, doubt), AT("no_code", TEXT, no_code),
	AT("no_huge", TEXT, no_huge), AT("no_more", TEXT, no_more),
#undef AT
};

static void put_double(struct vm_buf *b, double v)
{
	if (isfinite(v))
		vm_buf_addf(b, " %.17g", v);
	else
		vm_buf_add_str(b, " -");
}

static void put_member(struct vm_buf *b, const struct member *m, const char *base)
{
	const void *v = base + m->at;
	vm_buf_add_str(b, m->name);
	switch (m->kind) {
	case UNSIGNED:
		vm_buf_addf(b, " %u", *(const unsigned *)v);
		break;
	case SPLIT:
		vm_buf_addf(b, " %u", (unsigned)*(const enum vm_tlb_split *)v);
		break;
	case NUMBER64:
		vm_buf_addf(b, " %" PRIu64, *(const uint64_t *)v);
		break;
	case DOUBLE:
		put_double(b, *(const double *)v);
		break;
	case KNEE:
		put_double(b, ((const struct vm_tlb_knee *)v)->at);
		put_double(b, ((const struct vm_tlb_knee *)v)->low);
		put_double(b, ((const struct vm_tlb_knee *)v)->high);
		break;
	case TEXT:
		vm_buf_addf(b, " %s", (const char *)v);
		break;
	}
	vm_buf_add_char(b, '\n');
}

static void put_curve(struct vm_buf *b, const char *name, const struct vm_tlb_curve *c)
{
	for (size_t i = 0; i < c->n; i++) {
		vm_buf_addf(b, "%s %u", name, c->v[i].pages);
		put_double(b, c->v[i].ns);
		put_double(b, c->v[i].low);
		put_double(b, c->v[i].high);
		vm_buf_add_char(b, '\n');
	}
}

void vm_tlb_cache_put(struct vm_buf *b, const char *key, const struct vm_tlb_probe *p)
{
	vm_buf_addf(b, "%s\nkey %s\n", MAGIC, key);
	for (size_t i = 0; i < vm_countof(members); i++)
		put_member(b, &members[i], (const char *)p);
	for (size_t i = 0; i < p->known.ncosts; i++) {
		vm_buf_addf(b, "cost %" PRIu64, p->known.cost[i].bytes);
		put_double(b, p->known.cost[i].ns_4k);
		put_double(b, p->known.cost[i].ns_2m);
		vm_buf_add_char(b, '\n');
	}
	put_curve(b, "data", &p->data);
	put_curve(b, "code", &p->code);
	vm_buf_add_str(b, "end\n");
}

/** A blank and a number from 0 to `most`, or a blank and "-"; moves *s behind it. */
static bool take_double(char **s, double most, double *to)
{
	char *end;
	if (**s != ' ')
		return false;
	if (strncmp(*s, " -", 2) == 0) {
		*to = (double)NAN;
		*s += 2;
		return true;
	}
	*to = strtod(*s + 1, &end);
	if (end == *s + 1 || !(*to >= 0 && *to <= most))
		return false;
	*s = end;
	return true;
}

static bool take_u64(char **s, uint64_t most, uint64_t *to)
{
	char *end;
	if (**s != ' ' || (*s)[1] < '0' || (*s)[1] > '9')
		return false;
	errno = 0;
	*to = strtoull(*s + 1, &end, 10);
	*s = end;
	return errno == 0 && *to <= most;
}

/** Times above a second and buffers of millions of entries are nonsense. */
static const double NS_MOST = 1e9, PAGES_MOST = 1e7;

static bool take_knee(char **s, struct vm_tlb_knee *k)
{
	return take_double(s, PAGES_MOST, &k->at) && take_double(s, PAGES_MOST, &k->low) &&
	       take_double(s, PAGES_MOST, &k->high) && isfinite(k->at) && isfinite(k->low) && isfinite(k->high);
}

static bool take_text(char **s, char *to, size_t size)
{
	const size_t n = strlen(*s);
	if (**s != ' ' || n > size)
		return false;
	memcpy(to, *s + 1, n);
	*s += n;
	return true;
}

static bool take_member(const struct member *m, char *s, char *base)
{
	uint64_t v = 0;
	void *to = base + m->at;
	bool good = false;
	switch (m->kind) {
	case UNSIGNED:
		good = take_u64(&s, 1u << 20, &v);
		*(unsigned *)to = (unsigned)v;
		break;
	case SPLIT:
		good = take_u64(&s, VM_TLB_SPLIT_YES, &v);
		*(enum vm_tlb_split *)to = (enum vm_tlb_split)v;
		break;
	case NUMBER64:
		good = take_u64(&s, UINT64_C(1) << 40, (uint64_t *)to);
		break;
	case DOUBLE:
		good = take_double(&s, NS_MOST, to);
		break;
	case KNEE:
		good = take_knee(&s, to);
		break;
	case TEXT:
		good = take_text(&s, to, m->size);
		break;
	}
	return good && !*s;
}

static bool take_point(char *s, struct vm_tlb_curve *c)
{
	uint64_t pages;
	struct vm_tlb_point p;
	if (c->n == VM_TLB_POINTS_MAX || !take_u64(&s, (uint64_t)PAGES_MOST, &pages) || !take_double(&s, NS_MOST, &p.ns) ||
	    !take_double(&s, NS_MOST, &p.low) || !take_double(&s, NS_MOST, &p.high) || *s)
		return false;
	p.pages = (unsigned)pages;
	if (!pages || !(p.ns > 0) || !isfinite(p.low) || !isfinite(p.high) || (c->n && c->v[c->n - 1].pages >= pages))
		return false;
	c->v[c->n++] = p;
	return true;
}

static bool take_cost(char *s, struct vm_tlb_known *k)
{
	struct vm_tlb_cost c;
	if (k->ncosts == VM_TLB_COSTS_MAX || !take_u64(&s, UINT64_C(1) << 40, &c.bytes) || !take_double(&s, NS_MOST, &c.ns_4k) ||
	    !take_double(&s, NS_MOST, &c.ns_2m) || *s || !c.bytes || (k->ncosts && k->cost[k->ncosts - 1].bytes >= c.bytes))
		return false;
	k->cost[k->ncosts++] = c;
	return true;
}

/** One line; *seen gets the bits of members. */
static bool take_line(char *line, struct vm_tlb_probe *p, uint32_t *seen)
{
	const size_t word = strcspn(line, " ");
	char *rest = line + word;
	for (size_t i = 0; i < vm_countof(members); i++) {
		if (strlen(members[i].name) != word || strncmp(members[i].name, line, word) != 0)
			continue;
		if (*seen >> i & 1)
			return false;
		*seen |= UINT32_C(1) << i;
		return take_member(&members[i], rest, (char *)p);
	}
	if (strncmp(line, "data ", 5) == 0)
		return take_point(rest, &p->data);
	if (strncmp(line, "code ", 5) == 0)
		return take_point(rest, &p->code);
	return strncmp(line, "cost ", 5) == 0 && take_cost(rest, &p->known);
}

/** What is shown later must not drive a terminal. */
static bool is_plain(const char *text, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (text[i] != '\n' && (text[i] < ' ' || text[i] > '~'))
			return false;
	return n > 0 && text[n - 1] == '\n';
}

bool vm_tlb_cache_parse(const char *text, size_t n, const char *key, struct vm_tlb_probe *out)
{
	struct vm_tlb_probe p = { 0 };
	uint32_t seen = 0;
	if (n > FILE_MOST || !is_plain(text, n))
		return false;
	vm_auto_free char *copy = strndup(text, n);
	char *next = copy;
	bool ended = false;
	for (unsigned i = 0; next && *next && !ended; i++) {
		char *line = next, *end = strchr(line, '\n');
		*end = '\0';
		next = end + 1;
		ended = strcmp(line, "end") == 0;
		if (i == 0 ? strcmp(line, MAGIC) != 0 : i == 1 ? strncmp(line, "key ", 4) != 0 || strcmp(line + 4, key) != 0 :
		    !ended && !take_line(line, &p, &seen))
			return false;
	}
	if (!ended || *next || seen != (UINT32_C(1) << vm_countof(members)) - 1)
		return false;
	*out = p;
	return true;
}

/* ---- The file ----------------------------------------------------------------------------------------------------- */

static bool is_ours(int fd, mode_t type)
{
	struct stat st;
	return fstat(fd, &st) == 0 && (st.st_mode & S_IFMT) == type && st.st_uid == geteuid() && !(st.st_mode & 022);
}

/** The directory that the environment names.  A descriptor or a negative errno. */
static int open_home(const char *path)
{
	struct open_how how = { .flags = O_PATH | O_DIRECTORY | O_CLOEXEC, .resolve = geteuid() == 0 ? RESOLVE_NO_SYMLINKS : 0 };
	if (!path || *path != '/')
		return -ENOENT;
	const int fd = (int)syscall(SYS_openat2, AT_FDCWD, path, &how, sizeof(how));
	return fd < 0 ? -errno : fd;
}

/** A directory of ours below another; made if it isn't there and `make`.  Takes `dir` over. */
static int descend(int dir, const char *name, bool make, int flags)
{
	vm_auto_close int parent = dir;
	if (parent < 0)
		return parent;
	if (!is_ours(parent, S_IFDIR))
		return -EPERM;
	if (make && mkdirat(parent, name, 0700) != 0 && errno != EEXIST)
		return -errno;
	const int fd = openat(parent, name, O_PATH | O_DIRECTORY | O_CLOEXEC | flags);
	return fd < 0 ? -errno : fd;
}

/** As the base directory specification has it, the last part of XDG_CACHE_HOME is made if it isn't there. */
static int open_xdg(const char *path, bool make)
{
	const int fd = open_home(path);
	const char *last = strrchr(path, '/');
	if (fd != -ENOENT || !make || last == path || !last[1])
		return fd;
	vm_auto_free char *parent = strndup(path, (size_t)(last - path));
	return parent ? descend(open_home(parent), last + 1, true, O_NOFOLLOW) : -ENOMEM;
}

/** Where the cache is, ours alone.  A descriptor or a negative errno. */
static int open_cache_dir(bool make)
{
	const char *cache = secure_getenv("XDG_CACHE_HOME");
	int dir;
	if (cache && *cache == '/')
		dir = open_xdg(cache, make);
	else
		dir = descend(open_home(secure_getenv("HOME")), ".cache", make, geteuid() == 0 ? O_NOFOLLOW : 0);
	dir = descend(dir, "vmtop", make, O_NOFOLLOW);
	if (dir >= 0 && !is_ours(dir, S_IFDIR)) {
		close(dir);
		return -EPERM;
	}
	return dir;
}

/** What a measurement is good for.  0 or a negative errno. */
static int make_key(struct vm_session *s, struct vm_buf *key)
{
	struct vm_tlb_cpu cpu;
	if (!s->live)
		return -EOPNOTSUPP;
	vm_tlb_cpu_read(s, &cpu);
	const long n = vm_session_slurp(s, &s->scratch, "proc/sys/kernel/random/boot_id");
	if (n <= 0)
		return n < 0 ? (int)n : -ENODATA;
	vm_buf_addf(key, "%s, hypervisor %s, boot %.*s", cpu.model, cpu.hypervisor, (int)strcspn(s->scratch.s, "\n"),
		    s->scratch.s);
	vm_buf_str(key);
	return key->failed ? -ENOMEM : 0;
}

int vm_tlb_cache_read(struct vm_session *s, struct vm_tlb_probe *out)
{
	struct vm_buf key = { 0 }, text = { 0 };
	int r = make_key(s, &key);
	vm_auto_close int dir = r < 0 ? r : open_cache_dir(false);
	vm_auto_close int fd = dir < 0 ? dir : openat(dir, "tlb", O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	if (fd < 0)
		r = -ENOENT;
	else if (!is_ours(fd, S_IFREG))
		r = -EPERM;
	else if (vm_read_all(fd, &text) < 0 || !vm_tlb_cache_parse(vm_buf_str(&text), text.n, key.s, out))
		r = -EBADMSG;
	vm_buf_free(&key);
	vm_buf_free(&text);
	return r;
}

/** As a new file, which then takes the place of the one before. */
static int replace(int dir, const struct vm_buf *text)
{
	char name[32];
	snprintf(name, sizeof(name), "tlb.%d", (int)getpid());
	/* Of one with our number that was killed. */
	unlinkat(dir, name, 0);
	vm_auto_close int fd = openat(dir, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd < 0)
		return -errno;
	int r = vm_write_all(fd, text->s, text->n);
	if (r == 0 && renameat(dir, name, dir, "tlb") != 0)
		r = -errno;
	if (r < 0)
		unlinkat(dir, name, 0);
	return r;
}

int vm_tlb_cache_write(struct vm_session *s, const struct vm_tlb_probe *p)
{
	struct vm_buf key = { 0 }, text = { 0 };
	int r = make_key(s, &key);
	if (r == 0)
		vm_tlb_cache_put(&text, key.s, p);
	if (r == 0 && (text.failed || !is_plain(text.s, text.n)))
		r = -ENOMEM;
	vm_auto_close int dir = r < 0 ? r : open_cache_dir(true);
	r = dir < 0 ? dir : replace(dir, &text);
	vm_buf_free(&key);
	vm_buf_free(&text);
	return r;
}
