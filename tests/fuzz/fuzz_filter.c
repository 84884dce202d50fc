/** Filters and columns: never a crash, an error always has words, what is accepted can be asked. */
#include <errno.h>

#include "core/base/err.h"
#include "core/field/field.h"
#include "core/field/filter.h"
#include "core/model/aspace.h"
#include "core/model/process.h"

#include "fuzz.h"

static void check_filter(const struct vm_fieldset *set, const char *text, const void *row)
{
	struct vm_filter *f = NULL;
	struct vm_err err = { 0 };
	int r = vm_filter_parse(set, text, &f, &err);
	HOLDS(r == 0 || (r == -EINVAL && err.code == EINVAL && err.what[0]));
	if (r == 0) {
		bool first = vm_filter_accepts(f, row);
		HOLDS(vm_filter_accepts(f, row) == first);
		vm_filter_needs(f);
		vm_filter_free(f);
	}
}

static void check_columns(const struct vm_fieldset *set, const char *text)
{
	struct vm_columns cols = { .n = 7777 };
	struct vm_sort sort;
	struct vm_err err = { 0 };
	int r = vm_columns_parse(set, text, VM_F_DEFAULT, &cols, &err);
	HOLDS(r == 0 || (r == -EINVAL && err.what[0] && cols.n == 7777));
	if (r == 0) {
		HOLDS(cols.n > 0 && cols.n <= set->n);
		for (size_t i = 0; i < cols.n; i++) {
			HOLDS(cols.at[i] < set->n);
			for (size_t k = 0; k < i; k++)
				HOLDS(cols.at[k] != cols.at[i]);
		}
		vm_columns_needs(set, &cols);
	}
	r = vm_sort_parse(set, text, &sort, &err);
	HOLDS(r == 0 || r == -EINVAL);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	/* Repetition counts of regular expressions cost glibc without bound; that is the user's own time. */
	if (size > 400 || memchr(data, '{', size) || memchr(data, '*', size) || memchr(data, '+', size))
		return 0;
	char *text = fuzz_text(data, size);
	static struct vm_mapping m = { .start = 0x1000, .end = 0x2000, .count = 1, .name = "/a b", .have = 3, .q = vm_no_figures };
	static struct vm_proc p;
	vm_proc_init(&p, 1);
	check_filter(&vm_mapping_fields, text, &m);
	check_filter(&vm_process_fields, text, &p);
	check_columns(&vm_mapping_fields, text);
	check_columns(&vm_mm_fields, text);
	free(text);
	return 0;
}
