/** A small table of fields over a row of our own: every type and unit, known or not. */
#ifndef VM_TESTS_UNIT_ROWS_H
#define VM_TESTS_UNIT_ROWS_H

#include <math.h>
#include <stdio.h>

#include "core/field/field.h"

#include "unit.h"

struct row {
	const char *name;          /* NULL: not known */
	uint64_t size;             /* UINT64_MAX - 1: not known */
	double share;              /* NAN: not known */
	bool gone;
	uint64_t addr, wait;
	const char *words;
	double rate;
};
#define UNKNOWN_SIZE (UINT64_MAX - 1)

#define ROW_GETTER(name, expr) \
	static struct vm_value name(const struct vm_field *f, const void *p, struct vm_scratch *tmp) \
	{ \
		(void)f, (void)tmp; \
		const struct row *r = p; \
		return expr; \
	}
ROW_GETTER(row_name, r->name ? VM_STR(r->name) : VM_ABSENT)
ROW_GETTER(row_size, r->size == UNKNOWN_SIZE ? VM_ABSENT : VM_U64(r->size))
ROW_GETTER(row_share, VM_F64(r->share))
ROW_GETTER(row_gone, VM_BOOL(r->gone))
ROW_GETTER(row_addr, VM_U64(r->addr))
ROW_GETTER(row_wait, VM_U64(r->wait))
ROW_GETTER(row_words, r->words ? VM_LIST(r->words) : VM_ABSENT)
ROW_GETTER(row_rate, VM_F64(r->rate))

/** The name again, from a text that the getter makes. */
static struct vm_value row_made(const struct vm_field *f, const void *p, struct vm_scratch *tmp)
{
	(void)f;
	const struct row *r = p;
	snprintf(tmp->text, sizeof(tmp->text), "<%s>", r->name);
	return VM_STR(tmp->text);
}

enum { NEED_A = 1, NEED_B = 2, NEED_C = 4 };

static const struct vm_field row_table[] = {
	{ .name = "NAME", .key = "name", .help = "h", .type = VM_T_STR, .flags = VM_F_DEFAULT | VM_F_MACHINE,
	  .needs = NEED_A, .get = row_name },
	{ .name = "SIZE", .key = "size_bytes", .help = "h", .type = VM_T_U64, .unit = VM_U_BYTES,
	  .flags = VM_F_DEFAULT | VM_F_DESC | VM_F_SUM, .needs = NEED_B, .get = row_size },
	{ .name = "MEM%", .key = "share", .help = "h", .type = VM_T_F64, .unit = VM_U_RATIO, .flags = VM_F_DESC,
	  .needs = NEED_B | NEED_C, .get = row_share },
	{ .name = "GONE", .key = "gone", .help = "h", .type = VM_T_BOOL, .get = row_gone },
	{ .name = "START", .key = "start", .help = "h", .type = VM_T_U64, .unit = VM_U_ADDR, .get = row_addr },
	{ .name = "WAIT", .key = "wait_ns", .help = "h", .type = VM_T_U64, .unit = VM_U_NS, .flags = VM_F_DESC,
	  .get = row_wait },
	{ .name = "VMFLAGS", .key = "vm_flags", .help = "h", .type = VM_T_LIST, .get = row_words },
	{ .name = "FLT/S", .key = "faults_per_second", .help = "h", .type = VM_T_F64, .unit = VM_U_PERSEC,
	  .flags = VM_F_DESC, .get = row_rate },
	{ .name = "MADE", .key = "made", .help = "h", .type = VM_T_STR, .get = row_made },
};
static const struct vm_fieldset row_set = {
	.row = "row", .rows = "rows", .v = row_table, .n = sizeof(row_table) / sizeof(row_table[0]),
};

#endif
