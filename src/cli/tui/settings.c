#include "cli/tui/settings.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "cli/tui/config.h"
#include "cli/tui/ui.h"
#include "core/base/str.h"

/* ---- Sets of columns ---------------------------------------------------------------------------------------------- */

static const struct { const char *name, *columns; } usual_sets[] = {
	{ "usual", "" },
	{ "faults", "PID,USER,S,RSS,RSS/S,MINFLT/S,MAJFLT/S,FAULT%,CPU%,COMMAND" },
	{ "kinds", "PID,USER,RSS,ANON,FILE,SHMEM,SWAP,PTE,HUGETLB,COMMAND" },
	{ "huge", "PID,USER,RSS,ANON,THP,THP%,SHMEMTHP,FILETHP,HUGETLB,REACH%,COMMAND" },
	{ "locked", "PID,USER,RSS,LOCKED,PINNED,MEMLOCK,HEADROOM,MAPS,MAPS%,COMMAND" },
	{ "nodes", "PID,USER,RSS,NODES,LOCAL%,COMMAND" },
	{ "containers", "PID,USER,CONTAINER,RSS,PSS,SWAP,COMMAND" },
};
enum { USUAL_SETS = sizeof(usual_sets) / sizeof(usual_sets[0]) };

static struct vm_set usual_set(size_t i)
{
	struct vm_set set = { .own = false };
	snprintf(set.name, sizeof(set.name), "%s", usual_sets[i].name);
	snprintf(set.columns, sizeof(set.columns), "%s", usual_sets[i].columns);
	return set;
}

bool vm_sets_init(struct vm_sets *s)
{
	bool ok = true;
	for (size_t i = 0; i < USUAL_SETS; i++)
		ok = ok && vm_vec_push(&s->v, usual_set(i));
	return ok;
}

void vm_sets_free(struct vm_sets *s)
{
	vm_vec_free(&s->v);
}

static struct vm_set *find_set(const struct vm_sets *s, const char *name)
{
	for (size_t i = 0; i < s->v.n; i++)
		if (strcmp(s->v.v[i].name, name) == 0)
			return &s->v.v[i];
	return NULL;
}

const struct vm_set *vm_sets_find(const struct vm_sets *s, const char *name)
{
	return find_set(s, name);
}

int vm_sets_keep(struct vm_sets *s, const char *name, const char *columns, struct vm_err *err)
{
	struct vm_set set = { .own = true }, *old = find_set(s, name);
	if (!*name || strpbrk(name, "=# \t") || strlen(name) >= sizeof(set.name))
		return vm_fail(err, EINVAL, "a name without blanks, # and =");
	if (strlen(columns) >= sizeof(set.columns))
		return vm_fail(err, EINVAL, "too many columns for a set");
	snprintf(set.name, sizeof(set.name), "%s", name);
	snprintf(set.columns, sizeof(set.columns), "%s", columns);
	if (old)
		*old = set;
	else if (!vm_vec_push(&s->v, set))
		return vm_fail(err, ENOMEM, "out of memory");
	return 0;
}

void vm_sets_drop(struct vm_sets *s, const char *name)
{
	struct vm_set *old = find_set(s, name);
	if (!old || !old->own)
		return;
	for (size_t i = 0; i < USUAL_SETS; i++)
		if (strcmp(usual_sets[i].name, name) == 0) {
			*old = usual_set(i);
			return;
		}
	memmove(old, old + 1, (size_t)(s->v.v + s->v.n - (old + 1)) * sizeof(*old));
	s->v.n--;
}

/* ---- Single settings ---------------------------------------------------------------------------------------------- */

static int set_bool(bool *to, bool yes, const char *value, struct vm_err *err)
{
	if (strcmp(value, "yes") != 0 && strcmp(value, "no") != 0)
		return vm_fail(err, EINVAL, "'%s' is neither yes nor no", value);
	*to = (strcmp(value, "yes") == 0) == yes;
	return 0;
}

static int set_interval(struct vm_ui *ui, const char *value, struct vm_err *err)
{
	uint64_t ns;
	if (vm_parse_duration(value, &ns) < 0 || ns < VM_INTERVAL_LEAST_NS)
		return vm_fail(err, EINVAL, "'%s' is no time of at least 0.05 seconds", value);
	if (!ui->opts->interval_ns)
		ui->interval_ns = ns;
	return 0;
}

static void get_interval(const struct vm_ui *ui, struct vm_buf *out)
{
	const bool whole = ui->interval_ns % 1000000000 == 0;
	vm_buf_addf(out, "%llu%s", (unsigned long long)(ui->interval_ns / (whole ? 1000000000 : 1000000)), whole ? "s" : "ms");
}

static int set_budget(struct vm_ui *ui, const char *value, struct vm_err *err)
{
	double share;
	if (!strchr(value, '%') || vm_parse_ratio(value, &share) < 0 || share <= 0)
		return vm_fail(err, EINVAL, "'%s' is no percentage of one CPU", value);
	if (ui->opts->budget <= 0)
		ui->budget = share;
	return 0;
}

static void get_budget(const struct vm_ui *ui, struct vm_buf *out)
{
	/* What was given for this once isn't a setting. */
	if (ui->opts->budget <= 0)
		vm_buf_addf(out, "%g%%", ui->budget * 100);
}

static int set_columns(struct vm_grid *g, const char *value, struct vm_err *err)
{
	return vm_grid_set_columns(g, strcmp(value, "usual") == 0 ? NULL : value, err);
}

static void get_columns(const struct vm_grid *g, struct vm_buf *out)
{
	struct vm_columns usual;
	if (vm_columns_parse(g->class->set, g->class->usual, VM_F_DEFAULT, &usual, NULL) == 0 && usual.n == g->cols.n &&
	    memcmp(usual.at, g->cols.at, usual.n * sizeof(usual.at[0])) == 0)
		vm_buf_add_str(out, "usual");
	else
		vm_grid_put_columns(g, out);
}

static int set_process_columns(struct vm_ui *ui, const char *value, struct vm_err *err)
{
	return ui->opts->columns ? 0 : set_columns(&ui->procs, value, err);
}

static void get_process_columns(const struct vm_ui *ui, struct vm_buf *out)
{
	get_columns(&ui->procs, out);
}

static int set_sort(struct vm_ui *ui, const char *value, struct vm_err *err)
{
	struct vm_sort sort;
	int r = vm_sort_parse(ui->procs.class->set, value, &sort, err);
	if (r == 0 && !ui->opts->sort)
		ui->procs.sort = sort;
	return r;
}

static void get_sort(const struct vm_ui *ui, struct vm_buf *out)
{
	const struct vm_sort *s = &ui->procs.sort;
	if (s->field)
		vm_buf_addf(out, "%s%s", s->reverse ? "-" : "", s->field->name);
}

#define YES_NO(name_, member, yes) \
	static int set_##name_(struct vm_ui *ui, const char *value, struct vm_err *err) \
	{ \
		return set_bool(&ui->member, yes, value, err); \
	} \
	static void get_##name_(const struct vm_ui *ui, struct vm_buf *out) \
	{ \
		vm_buf_add_str(out, ui->member == (yes) ? "yes" : "no"); \
	}
YES_NO(tree, procs.tree, true)
YES_NO(exact, exact, true)
YES_NO(kernel, kernel, true)
YES_NO(sparklines, no_sparks, false)
YES_NO(ascii, ascii, true)

static const struct setting {
	const char *name, *help;
	int (*set)(struct vm_ui *ui, const char *value, struct vm_err *err);
	void (*get)(const struct vm_ui *ui, struct vm_buf *out);
} settings[] = {
	{ "interval", "time between refreshes: 2, 0.5, 500ms", set_interval, get_interval },
	{ "budget", "share of one CPU that PSS, USS and their kin may take", set_budget, get_budget },
	{ "columns", "columns of the processes, as of -o; or usual", set_process_columns, get_process_columns },
	{ "sort", "column to sort by; -RSS: the other way round", set_sort, get_sort },
	{ "tree", "processes below their parents: yes or no", set_tree, get_tree },
	{ "exact", "numbers in bytes: yes or no", set_exact, get_exact },
	{ "kernel", "kernel threads too: yes or no", set_kernel, get_kernel },
	{ "sparklines", "what rates were, in columns of rates: yes or no", set_sparklines, get_sparklines },
	{ "ascii", "no other characters for bars and lines, whatever the terminal can: yes or no", set_ascii, get_ascii },
};
enum { SETTINGS = sizeof(settings) / sizeof(settings[0]) };

/** Of names with two parts. */
static const struct { const char *name, *help; } families[] = {
	{ "set.NAME", "columns that F7 offers under this name, as of -o" },
	{ "columns.TAB", "columns of a tab of the process screen: columns.Mappings, columns.NUMA" },
	{ "level.COLUMN", "from which values on a figure is yellow, and red: 1G 4G; of the machine's memory: 10% 30%; or none" },
	{ "key.NAME", "keys for what the help calls NAME: key.sort-rss = F9 M; or none" },
};
enum { FAMILIES = sizeof(families) / sizeof(families[0]) };

/* ---- All of them -------------------------------------------------------------------------------------------------- */

/** What is wrong with the file: the first thing is told, the others are counted. */
struct trouble {
	struct vm_err first;
	size_t n;
};

static void take_trouble(struct trouble *t, const char *name, const struct vm_err *err)
{
	if (t->n++ == 0)
		vm_fail(&t->first, EINVAL, "%s: %s", name, err->what);
}

static void apply_single(struct vm_ui *ui, struct trouble *t)
{
	for (size_t i = 0; i < SETTINGS; i++) {
		const char *value = vm_config_get(ui->config, settings[i].name);
		struct vm_err err = { 0 };
		if (value && settings[i].set(ui, value, &err) < 0)
			take_trouble(t, settings[i].name, &err);
	}
}

static int apply_tab_columns(struct vm_ui *ui, const char *tab, const char *value, struct vm_err *err)
{
	for (size_t i = 0; i < vm_tabs_n; i++) {
		struct vm_grid *g = vm_tabs[i]->grid ? vm_tab_kept(vm_tabs[i], ui->open.state[i]) : NULL;
		if (strcmp(vm_tabs[i]->name, tab) == 0)
			return g ? set_columns(g, value, err) : 0;
	}
	/* A tab that this build doesn't have, or a later one. */
	return vm_fail(err, EINVAL, "there is no tab '%s'", tab);
}

static int apply_set(struct vm_ui *ui, const char *name, const char *value, struct vm_err *err)
{
	struct vm_columns cols;
	/* Another machine may have these columns: they stay, too. */
	int r = vm_sets_keep(&ui->sets, name, value, err);
	return r < 0 ? r : vm_columns_parse(ui->procs.class->set, value, VM_F_DEFAULT, &cols, err);
}

static int apply_level(struct vm_ui *ui, const char *name, const char *value, struct vm_err *err)
{
	if (vm_field_find(ui->procs.class->set, name, strlen(name)) < 0)
		return vm_fail(err, EINVAL, "there is no such column");
	return vm_levels_set(&ui->levels, name, value) ? 0 :
	       vm_fail(err, EINVAL, "'%s' is not two values, the smaller one first, and not none", value);
}

static int apply_key(struct vm_ui *ui, const char *name, const char *value, struct vm_err *err)
{
	return vm_keymap_set(&ui->keymap, name, value, err);
}

static void apply_family(struct vm_ui *ui, const char *prefix,
			 int (*set)(struct vm_ui *ui, const char *name, const char *value, struct vm_err *err), struct trouble *t)
{
	const struct vm_config_line *l;
	for (size_t at = 0; (l = vm_config_next(ui->config, prefix, &at));) {
		struct vm_err err = { 0 };
		if (set(ui, l->name + strlen(prefix), l->value, &err) < 0)
			take_trouble(t, l->name, &err);
	}
}

void vm_settings_apply(struct vm_ui *ui)
{
	struct trouble t = { 0 };
	size_t more = 0;
	const char *text = "";
	if (!ui->config)
		return;
	apply_single(ui, &t);
	apply_family(ui, "set.", apply_set, &t);
	apply_family(ui, "columns.", apply_tab_columns, &t);
	apply_family(ui, "level.", apply_level, &t);
	apply_family(ui, "key.", apply_key, &t);
	const size_t unknown = vm_config_unknown(ui->config, &text, &more);
	if (t.n)
		vm_ui_note(ui, "Settings: %s%s", t.first.what, t.n + (unknown != 0) + more > 1 ? " (and more)" : "");
	else if (unknown)
		vm_ui_note(ui, "Settings: line %zu, '%.60s', is not known and stays as it is%s", unknown, text,
			   more ? "; so do others" : "");
}

/** A new file begins with what can be in it. */
static void introduce(struct vm_config *c)
{
	vm_config_say(c, "# Settings of vmtop(1), which writes them when W is pressed.  Lines that it doesn't know stay as they are.");
	for (size_t i = 0; i < FAMILIES; i++) {
		char line[160];
		snprintf(line, sizeof(line), "# %s = ...: %s", families[i].name, families[i].help);
		vm_config_say(c, line);
	}
}

static void store_sets(const struct vm_ui *ui, struct vm_config *c)
{
	const struct vm_config_line *l;
	char name[64];
	/* What was dropped goes, too. */
	for (size_t at = 0; (l = vm_config_next(c, "set.", &at));) {
		const struct vm_set *s = vm_sets_find(&ui->sets, l->name + strlen("set."));
		if (s && s->own)
			continue;
		snprintf(name, sizeof(name), "%.63s", l->name);
		vm_config_remove(c, name);
		at = 0;
	}
	for (size_t i = 0; i < ui->sets.v.n; i++) {
		const struct vm_set *s = &ui->sets.v.v[i];
		snprintf(name, sizeof(name), "set.%s", s->name);
		if (s->own)
			vm_config_set(c, name, s->columns, NULL);
	}
}

static void store_tabs(const struct vm_ui *ui, struct vm_config *c)
{
	for (size_t i = 0; i < vm_tabs_n; i++) {
		const struct vm_grid *g = vm_tabs[i]->grid ? vm_tab_kept(vm_tabs[i], ui->open.state[i]) : NULL;
		struct vm_buf b = { 0 };
		char name[64];
		if (!g)
			continue;
		snprintf(name, sizeof(name), "columns.%s", vm_tabs[i]->name);
		get_columns(g, &b);
		if (strcmp(vm_buf_str(&b), "usual") != 0 || vm_config_get(c, name))
			vm_config_set(c, name, vm_buf_str(&b), NULL);
		vm_buf_free(&b);
	}
}

static void store(struct vm_ui *ui, struct vm_config *c)
{
	if (!c->lines.n)
		introduce(c);
	for (size_t i = 0; i < SETTINGS; i++) {
		struct vm_buf b = { 0 };
		char comment[160];
		settings[i].get(ui, &b);
		snprintf(comment, sizeof(comment), "# %s", settings[i].help);
		if (b.n)
			vm_config_set(c, settings[i].name, vm_buf_str(&b), comment);
		vm_buf_free(&b);
	}
	store_sets(ui, c);
	store_tabs(ui, c);
}

void vm_settings_save(struct vm_ui *ui)
{
	struct vm_err err = { 0 };
	struct vm_buf text = { 0 };
	char name[256];
	if (ui->opts->read_only || !ui->config || !ui->feed->save) {
		vm_ui_note(ui, ui->opts->read_only ? "Nothing is written: --read-only" : "There is no file of settings here");
		return;
	}
	store(ui, ui->config);
	vm_config_put(ui->config, &text);
	if (ui->feed->save(ui->feed->ctx, vm_buf_str(&text), text.n, name, sizeof(name), &err) < 0)
		vm_ui_note(ui, "%s", err.what);
	else
		vm_ui_note(ui, "Settings saved in %s", name);
	vm_buf_free(&text);
}

void vm_settings_write_man(FILE *out)
{
	fputs(".Bl -tag -width \"level.COLUMN\" -compact\n", out);
	for (size_t i = 0; i < SETTINGS; i++)
		fprintf(out, ".It Li %s\n%s.\n", settings[i].name, settings[i].help);
	for (size_t i = 0; i < FAMILIES; i++)
		fprintf(out, ".It Li %s\n%s.\n", families[i].name, families[i].help);
	fputs(".El\n", out);
}
