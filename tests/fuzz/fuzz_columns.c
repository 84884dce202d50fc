/** Lists of columns, with everything that -o accepts. */
#include <errno.h>

#include "core/base/err.h"
#include "core/field/field.h"

#include "fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = fuzz_text(data, size);
	const struct vm_fieldset *set = &vm_process_fields;
	struct vm_columns cols = { .n = 7777 };
	struct vm_sort sort = { .reverse = true };
	struct vm_err err = { 0 };
	int r = vm_columns_parse(set, text, VM_F_MACHINE, &cols, &err);
	HOLDS(r == 0 || (r == -EINVAL && err.what[0] && cols.n == 7777));
	if (r == 0) {
		HOLDS(cols.n > 0 && cols.n <= set->n);
		/* The names of what was chosen choose the same. */
		char again[4000] = "";
		for (size_t i = 0; i < cols.n; i++)
			snprintf(again + strlen(again), sizeof(again) - strlen(again), "%s%s", i ? "," : "",
				 set->v[cols.at[i]].name);
		struct vm_columns same;
		HOLDS(vm_columns_parse(set, again, 0, &same, NULL) == 0);
		HOLDS(same.n == cols.n && memcmp(same.at, cols.at, cols.n) == 0);
	}
	r = vm_sort_parse(set, text, &sort, &err);
	HOLDS(r == 0 || (r == -EINVAL && sort.reverse && !sort.field));
	const char *near = vm_field_suggest(set, text);
	HOLDS(!near || vm_field_find(set, near, strlen(near)) >= 0);
	free(text);
	return 0;
}
