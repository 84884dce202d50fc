#include "core/field/tlb_ab.h"

#include <math.h>
#include <stdio.h>

#include "core/base/str.h"
#include "core/field/define.h"

static const struct measure {
	const char *name, *key;
	enum vm_unit unit;
} measures[] = {
	[VM_AB_WALL] = { "wall time", "wall_ns", VM_U_NS },
	[VM_AB_CPU] = { "CPU time", "cpu_ns", VM_U_NS },
	[VM_AB_USER] = { "  user", "user_ns", VM_U_NS },
	[VM_AB_SYSTEM] = { "  system", "system_ns", VM_U_NS },
	[VM_AB_MINOR] = { "minor faults", "minor_faults", VM_U_COUNT },
	[VM_AB_MAJOR] = { "major faults", "major_faults", VM_U_COUNT },
	[VM_AB_RSS] = { "max RSS", "max_rss_bytes", VM_U_BYTES },
	[VM_AB_HUGE] = { "huge pages", "huge_bytes", VM_U_BYTES },
};

const char *vm_ab_name(enum vm_ab_measure m)
{
	const char *name = measures[m].name;
	while (*name == ' ')
		name++;
	return name;
}

const char *vm_ab_key(enum vm_ab_measure m)
{
	return measures[m].key;
}

const char *vm_ab_text(enum vm_ab_measure m, double v, bool sign, bool exact, char *buf, size_t size)
{
	char number[VM_NUMBUF];
	const uint64_t n = (uint64_t)(fabs(v) + 0.5);
	if (isnan(v)) {
		snprintf(buf, size, "-");
		return buf;
	}
	vm_value_text(VM_U64(n), measures[m].unit, exact, number, sizeof(number));
	snprintf(buf, size, "%s%s", v < 0 && n ? "-" : sign && n ? "+" : "", number);
	return buf;
}

static struct vm_value figure(const struct vm_ab_row *row, double v, bool sign, struct vm_scratch *tmp)
{
	if (isnan(v))
		return VM_ABSENT;
	return row->texts ? VM_STR(vm_ab_text(row->measure, v, sign, row->exact, tmp->text, sizeof(tmp->text))) : VM_F64(v);
}

static struct vm_value share(double v)
{
	return isnan(v) ? VM_ABSENT : VM_F64(v);
}

/** To a tenth of a per cent, without a negative 0. */
static double per_cent(double share)
{
	return round(1000 * share) / 10 + 0.0;
}

/** In per cent where that is known. */
static struct vm_value interval(const struct vm_ab_row *row, struct vm_scratch *tmp)
{
	char low[VM_NUMBUF], high[VM_NUMBUF];
	const struct vm_pairs *p = &row->pairs;
	if (isnan(p->low))
		return VM_ABSENT;
	if (isnan(p->share_low))
		snprintf(tmp->text, sizeof(tmp->text), "%s .. %s",
			 vm_ab_text(row->measure, p->low, true, row->exact, low, sizeof(low)),
			 vm_ab_text(row->measure, p->high, true, row->exact, high, sizeof(high)));
	else
		snprintf(tmp->text, sizeof(tmp->text), "%+.1f .. %+.1f %%", per_cent(p->share_low), per_cent(p->share_high));
	return VM_STR(tmp->text);
}

PLAIN(get_measure, vm_ab_row, VM_STR(measures[row->measure].name))
PLAIN(get_key, vm_ab_row, VM_STR(measures[row->measure].key))
PLAIN(get_off, vm_ab_row, figure(row, row->pairs.a, false, tmp))
PLAIN(get_on, vm_ab_row, figure(row, row->pairs.b, false, tmp))
PLAIN(get_difference, vm_ab_row, figure(row, row->pairs.difference, true, tmp))
PLAIN(get_share, vm_ab_row, share(row->pairs.share))
PLAIN(get_share_low, vm_ab_row, share(row->pairs.share_low))
PLAIN(get_share_high, vm_ab_row, share(row->pairs.share_high))
PLAIN(get_interval, vm_ab_row, interval(row, tmp))
PLAIN(get_low, vm_ab_row, figure(row, row->pairs.low, true, tmp))
PLAIN(get_high, vm_ab_row, figure(row, row->pairs.high, true, tmp))
PLAIN(get_confidence, vm_ab_row, row->pairs.confidence > 0 ? VM_F64(row->pairs.confidence) : VM_ABSENT)
PLAIN(get_pairs, vm_ab_row, VM_U64(row->pairs.n))

#define FROM "wait4(2), clock_gettime(2), smaps_rollup: AnonHugePages, ShmemPmdMapped, FilePmdMapped"
enum { D = VM_F_DEFAULT | VM_F_MACHINE | VM_F_DESC, M = VM_F_MACHINE | VM_F_DESC };

static const struct vm_field fields[] = {
	{ .name = "MEASURE", .key = "measure", .help = "what was measured", .type = VM_T_STR, .flags = VM_F_DEFAULT,
	  .get = get_measure, .source = FROM },
	{ .name = "NAME", .key = "name", .help = "the same as a word that says the unit", .type = VM_T_STR,
	  .flags = VM_F_MACHINE | VM_F_LABEL, .get = get_key, .source = FROM },
	{ .name = "OFF", .key = "off", .help = "median of the runs without huge pages", .type = VM_T_F64, .flags = D,
	  .get = get_off, .source = FROM },
	{ .name = "ON", .key = "on", .help = "median of the runs with huge pages", .type = VM_T_F64, .flags = D, .get = get_on,
	  .source = FROM },
	{ .name = "DIFFERENCE", .key = "difference", .help = "by how much ON differs: median of the means of pairs' differences",
	  .type = VM_T_F64, .flags = D, .get = get_difference, .source = FROM },
	{ .name = "%", .key = "share", .help = "the same in per cent, by the ratios of pairs (JSON: -0.5 is half)", .type = VM_T_F64,
	  .unit = VM_U_RATIO, .flags = D, .get = get_share, .source = FROM },
	{ .name = "INTERVAL", .key = "interval", .help = "% lies between these, else DIFFERENCE, with the confidence that is said",
	  .type = VM_T_STR, .flags = VM_F_DEFAULT, .get = get_interval, .source = FROM },
	{ .name = "LOW", .key = "low", .help = "the lower end of the interval of DIFFERENCE", .type = VM_T_F64, .flags = M,
	  .get = get_low, .source = FROM },
	{ .name = "HIGH", .key = "high", .help = "its upper end", .type = VM_T_F64, .flags = M, .get = get_high, .source = FROM },
	{ .name = "LOW%", .key = "share_low", .help = "the lower end of the interval of %", .type = VM_T_F64,
	  .unit = VM_U_RATIO, .flags = M, .get = get_share_low, .source = FROM },
	{ .name = "HIGH%", .key = "share_high", .help = "its upper end", .type = VM_T_F64, .unit = VM_U_RATIO, .flags = M,
	  .get = get_share_high, .source = FROM },
	{ .name = "CONFIDENCE", .key = "confidence", .help = "how sure the interval is, in per cent (JSON: 0 to 1)",
	  .type = VM_T_F64, .unit = VM_U_RATIO, .flags = M, .get = get_confidence, .source = FROM },
	{ .name = "PAIRS", .key = "pairs", .help = "pairs of runs of which both told it", .type = VM_T_U64, .unit = VM_U_COUNT,
	  .flags = M, .get = get_pairs, .source = FROM },
};

const struct vm_fieldset vm_ab_fields = {
	.row = "measure", .rows = "measures", .v = fields, .n = sizeof(fields) / sizeof(fields[0]),
};
