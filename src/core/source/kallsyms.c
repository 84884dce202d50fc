#include "core/source/kallsyms.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/base/cleanup.h"
#include "core/source/session.h"

enum {
	SYMBOLS_MAX = 8 * 1024 * 1024, NAMES_MAX = 512 * 1024 * 1024,
	/** No function is as long: what lies further behind the last symbol before a gap isn't of it. */
	FUNCTION_MAX = 64 * 1024,
};

static bool is_code(char type)
{
	return type && strchr("tTwW", type);
}

/** "ffffffff81000000 T _stext", and a tab and "[module]" for those of modules; zeros if addresses are withheld. */
static void take_line(void *ctx, char *line, size_t len)
{
	struct vm_kallsyms *k = ctx;
	char *at;
	(void)len;
	const uint64_t address = strtoull(line, &at, 16);
	if (at == line || at[0] != ' ' || !at[1] || at[2] != ' ' || address == 0)
		return;
	const char *name = at + 3;
	const size_t n = strcspn(name, "\t ");
	if (n == 0 || k->sym.n >= SYMBOLS_MAX || k->names.n + n + 1 > NAMES_MAX || !vm_buf_reserve(&k->names, n + 1) ||
	    !vm_vec_push(&k->sym, (struct vm_kallsym){ address, (uint32_t)k->names.n, at[1] }))
		return;
	vm_buf_add(&k->names, name, n);
	vm_buf_add_char(&k->names, '\0');
}

void vm_kallsyms_feed(struct vm_kallsyms *k, const char *data, size_t len)
{
	vm_linecut_feed(&k->cut, data, len, take_line, k);
}

/** Of several names of an address the best comes last: code, visible outside, fewer underscores, first in the file. */
static int by_address(const void *a, const void *b, void *ctx)
{
	const struct vm_kallsym *x = a, *y = b;
	const char *names = ctx;
	if (x->address != y->address)
		return x->address < y->address ? -1 : 1;
	if (is_code(x->type) != is_code(y->type))
		return is_code(x->type) ? 1 : -1;
	if ((x->type == 'T') != (y->type == 'T'))
		return x->type == 'T' ? 1 : -1;
	const size_t xunder = strspn(names + x->name, "_"), yunder = strspn(names + y->name, "_");
	if (xunder != yunder)
		return xunder < yunder ? 1 : -1;
	return x->name < y->name ? 1 : x->name > y->name ? -1 : 0;
}

void vm_kallsyms_sort(struct vm_kallsyms *k)
{
	if (k->sym.n)
		qsort_r(k->sym.v, k->sym.n, sizeof(k->sym.v[0]), by_address, k->names.s);
}

void vm_kallsyms_read(struct vm_kallsyms *k, struct vm_session *s)
{
	enum { PIECE = 256 * 1024 };
	vm_auto_close int fd = vm_session_open_file(s, O_RDONLY, "proc/kallsyms");
	vm_auto_free char *piece = malloc(PIECE);
	while (fd >= 0 && piece) {
		const ssize_t n = read(fd, piece, PIECE);
		if (n > 0)
			vm_kallsyms_feed(k, piece, (size_t)n);
		else if (n == 0 || errno != EINTR)
			break;
	}
	vm_kallsyms_sort(k);
}

const char *vm_kallsyms_find(const struct vm_kallsyms *k, uint64_t address, uint64_t *offset)
{
	size_t low = 0, high = k->sym.n;
	while (low < high) {
		const size_t mid = low + (high - low) / 2;
		if (k->sym.v[mid].address <= address)
			low = mid + 1;
		else
			high = mid;
	}
	const struct vm_kallsym *sym = low ? &k->sym.v[low - 1] : NULL;
	if (!sym || !is_code(sym->type) || address - sym->address >= FUNCTION_MAX)
		return NULL;
	*offset = address - sym->address;
	return k->names.s + sym->name;
}

void vm_kallsyms_free(struct vm_kallsyms *k)
{
	vm_linecut_free(&k->cut);
	vm_buf_free(&k->names);
	vm_vec_free(&k->sym);
}
