/** Columns of trends, and of limits that they lead to. */

#include "core/field/trend.h"

#include <math.h>
#include <stdio.h>

#include "core/base/str.h"
#include "core/field/define.h"
#include "core/model/aspace.h"
#include "core/model/kind.h"

static struct vm_value amount(const struct vm_trend_row *row, double v, struct vm_scratch *tmp)
{
	if (!(row->count && row->people))
		return VM_U64((uint64_t)llround(v));
	snprintf(tmp->text, sizeof(tmp->text), "%.0f", v);
	return VM_STR(tmp->text);
}

static struct vm_value change(const struct vm_trend_row *row, double v, struct vm_scratch *tmp)
{
	if (!isfinite(v) || row->samples < 3)
		return VM_ABSENT;
	if (!(row->count && row->people))
		return VM_I64(llround(v));
	snprintf(tmp->text, sizeof(tmp->text), v == 0 ? "0" : fabs(v) < 10 ? "%+.1f" : "%+.0f", v);
	return VM_STR(tmp->text);
}

static struct vm_value probability(const struct vm_trend *t)
{
	return t->n >= 3 ? VM_F64(t->p_up) : VM_ABSENT;
}

static struct vm_value rate(const struct vm_trend_row *row, double v)
{
	return row->samples >= 3 ? VM_F64(v) : VM_ABSENT;
}

static struct vm_value kind(const struct vm_mapping *m)
{
	return m && m->kind != VM_KIND_UNKNOWN ? VM_STR(vm_kinds[m->kind].name) : VM_ABSENT;
}

enum { HOUR = 3600 };

PLAIN(get_verdict, vm_trend_row, VM_STR(vm_growth_words[row->growth.verdict].word))
PLAIN(get_figure, vm_trend_row, VM_STR(row->figure))
PLAIN(get_unit, vm_trend_row, VM_STR(row->count ? "count" : "bytes"))
PLAIN(get_samples, vm_trend_row, VM_U64(row->samples))
PLAIN(get_first, vm_trend_row, amount(row, row->growth.first, tmp))
PLAIN(get_last, vm_trend_row, amount(row, row->growth.last, tmp))
PLAIN(get_least, vm_trend_row, amount(row, row->growth.least, tmp))
PLAIN(get_most, vm_trend_row, amount(row, row->growth.most, tmp))
PLAIN(get_grown, vm_trend_row, change(row, row->growth.last - row->growth.first, tmp))
PLAIN(get_per_hour, vm_trend_row, change(row, row->growth.rate * HOUR, tmp))
PLAIN(get_low_per_hour, vm_trend_row, change(row, row->growth.low * HOUR, tmp))
PLAIN(get_high_per_hour, vm_trend_row, change(row, row->growth.high * HOUR, tmp))
PLAIN(get_rate, vm_trend_row, rate(row, row->growth.rate))
PLAIN(get_low, vm_trend_row, rate(row, row->growth.low))
PLAIN(get_high, vm_trend_row, rate(row, row->growth.high))
PLAIN(get_p, vm_trend_row, probability(&row->growth.all))
PLAIN(get_p_late, vm_trend_row, probability(&row->growth.late))
PLAIN(get_p_minima, vm_trend_row, probability(&row->growth.floor))
PLAIN(get_minima, vm_trend_row, VM_U64(row->growth.floor.n))
PLAIN(get_drops, vm_trend_row, VM_U64(row->growth.drops))
PLAIN(get_kind, vm_trend_row, kind(row->group))
PLAIN(get_perm, vm_trend_row,
      row->group && !(row->group->differs & VM_DIFFERS_PERM) ? VM_STR(vm_mapping_perm(row->group)) : VM_ABSENT)
PLAIN(get_name, vm_trend_row, row->group ? VM_STR(row->group->name) : VM_ABSENT)
PLAIN(get_page, vm_trend_row,
      row->group && (row->group->have & VM_HAVE(VM_Q_KPAGE)) ? VM_U64(row->group->q[VM_Q_KPAGE]) : VM_ABSENT)

#define D VM_F_DEFAULT
#define M VM_F_MACHINE
#define FIELD(name_, key_, type_, unit_, flags_, get_, help_) \
	{ .name = name_, .key = key_, .help = help_, .type = type_, .unit = unit_, .flags = flags_, .get = get_, .source = "vmdiff" }
#define SIZE(name_, key_, flags_, get_, help_) FIELD(name_, key_, VM_T_U64, VM_U_BYTES, (flags_) | VM_F_DESC, get_, help_)
#define CHANGE(name_, key_, flags_, get_, help_) FIELD(name_, key_, VM_T_I64, VM_U_BYTES, (flags_) | VM_F_DESC, get_, help_)
#define NUMBER(name_, key_, flags_, get_, help_) FIELD(name_, key_, VM_T_F64, VM_U_FINE, (flags_) | VM_F_DESC, get_, help_)

static const struct vm_field fields[] = {
	FIELD("VERDICT", "verdict", VM_T_STR, VM_U_NONE, D | M, get_verdict,
	      "growing, rising, levelled, sawtooth, up and down, steady, falling, constant, too few"),
	FIELD("FIGURE", "figure", VM_T_STR, VM_U_NONE, M | VM_F_LABEL, get_figure, "which figure of the process or of the mappings"),
	FIELD("UNIT", "unit", VM_T_STR, VM_U_NONE, M, get_unit, "bytes or count"),
	FIELD("SAMPLES", "samples", VM_T_U64, VM_U_COUNT, M | VM_F_DESC, get_samples, "how often it was looked at"),
	SIZE("FIRST", "first", M, get_first, "at first"),
	SIZE("NOW", "last", D | M, get_last, "at last"),
	SIZE("LEAST", "least", M, get_least, "the least of it"),
	SIZE("MOST", "most", M, get_most, "the most of it"),
	CHANGE("GROWTH", "growth", D | M, get_grown, "from first to last"),
	CHANGE("RATE/H", "growth_per_hour", D, get_per_hour, "in the long run, an hour: median slope of all pairs (Theil-Sen)"),
	CHANGE("LOW/H", "growth_low_per_hour", D, get_low_per_hour, "the least that it may be, with 95 % confidence"),
	CHANGE("HIGH/H", "growth_high_per_hour", D, get_high_per_hour, "the most that it may be"),
	NUMBER("RATE", "rate_per_second", M, get_rate, "the same a second"),
	NUMBER("LOW", "rate_low_per_second", M, get_low, "the least that it may be"),
	NUMBER("HIGH", "rate_high_per_second", M, get_high, "the most that it may be"),
	FIELD("DROPS", "drops", VM_T_U64, VM_U_COUNT, D | M | VM_F_DESC, get_drops, "times that it fell by a fifth of its range or more"),
	FIELD("MINIMA", "minima", VM_T_U64, VM_U_COUNT, M | VM_F_DESC, get_minima,
	      "minima after drops that the verdict rests on; 0: it rests on all samples"),
	NUMBER("P", "p_up", M, get_p, "probability of such a rise of all samples by chance (Mann-Kendall, Hamed-Rao)"),
	NUMBER("P.LATE", "p_up_late", M, get_p_late, "the same of the later half"),
	NUMBER("P.MINIMA", "p_up_minima", M, get_p_minima, "the same of the minima after drops"),
	FIELD("PERM", "perm", VM_T_STR, VM_U_NONE, 0, get_perm, "permissions of the mappings"),
	SIZE("PAGE", "page_bytes", 0, get_page, "page size of the mappings' backing"),
	FIELD("KIND", "kind", VM_T_STR, VM_U_NONE, D | M | VM_F_LABEL, get_kind, "what the mappings are for"),
	FIELD("MAPPING", "name", VM_T_STR, VM_U_NONE, D | M | VM_F_LABEL | VM_F_PATH, get_name, "file or other name of the mappings"),
};
FIELDS(vm_trend_fields, "trend", "groups", fields);

/* ---- Limits ---------------------------------------------------------------------------------------------------------- */

/** A time beyond a century is none. */
static struct vm_value duration(double seconds)
{
	return seconds >= 0 && seconds < 100 * 365.25 * 86400 ? VM_F64(seconds) : VM_ABSENT;
}

PLAIN(get_limit, vm_limit_row, VM_STR(row->name))
PLAIN(get_limit_figure, vm_limit_row, row->of ? VM_STR(row->of->figure) : VM_ABSENT)
PLAIN(get_limit_unit, vm_limit_row, VM_STR(row->of && row->of->count ? "count" : "bytes"))
PLAIN(get_room, vm_limit_row, VM_U64(row->room))
PLAIN(get_seconds, vm_limit_row, duration(row->seconds))
PLAIN(get_soonest, vm_limit_row, duration(row->soonest))
PLAIN(get_latest, vm_limit_row, duration(row->latest))

static const struct vm_field limit_fields[] = {
	FIELD("LIMIT", "limit", VM_T_STR, VM_U_NONE, M | VM_F_LABEL, get_limit, "what ends the growth"),
	FIELD("FIGURE", "figure", VM_T_STR, VM_U_NONE, M | VM_F_LABEL, get_limit_figure, "the figure that it limits"),
	FIELD("UNIT", "unit", VM_T_STR, VM_U_NONE, M, get_limit_unit, "bytes or count"),
	FIELD("ROOM", "room", VM_T_U64, VM_U_BYTES, M, get_room, "what is left"),
	NUMBER("SECONDS", "seconds", M, get_seconds, "until it is used up at the figure's rate, where that keeps growing"),
	NUMBER("SOONEST", "seconds_soonest", M, get_soonest, "at the most that the rate may be"),
	NUMBER("LATEST", "seconds_latest", M, get_latest, "at the least that it may be"),
};
FIELDS(vm_limit_fields, "limit", "limits", limit_fields, .fixed = true);
