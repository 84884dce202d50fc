/** cli/tui: the file of settings, and keys that aren't where they were. */
#include "cli/tui/config.h"
#include "cli/tui/keymap.h"
#include "cli/tui/settings.h"
#include "cli/tui/term.h"
#include "core/base/err.h"
#include "core/field/field.h"
#include "unit.h"

static struct vm_config c;

static void parse(const char *text)
{
	vm_config_free(&c);
	c = (struct vm_config){ 0 };
	vm_config_parse(&c, text, strlen(text));
}

static void puts_back(const char *want)
{
	struct vm_buf b = { 0 };
	vm_config_put(&c, &b);
	ck_assert_str_eq(vm_buf_str(&b), want);
	vm_buf_free(&b);
}

START_TEST(lines)
{
	parse("# a = b\n\n  sort =  RSS \nx=\n= y\nempty\nsort = PSS\nlast = 1=2");
	ck_assert_str_eq(vm_config_get(&c, "sort"), "PSS");
	ck_assert_str_eq(vm_config_get(&c, "x"), "");
	ck_assert_str_eq(vm_config_get(&c, "last"), "1=2");
	ck_assert_ptr_null(vm_config_get(&c, "a"));
	ck_assert_ptr_null(vm_config_get(&c, "empty"));
	puts_back("# a = b\n\n  sort =  RSS \nx=\n= y\nempty\nsort = PSS\nlast = 1=2\n");
}
END_TEST

START_TEST(changes_leave_the_rest)
{
	parse("# mine\na = 1\nb = 2\n\nnonsense\nc = 3\n");
	vm_config_set(&c, "b", "5", "# not said twice");
	vm_config_set(&c, "c", "3", NULL);
	vm_config_set(&c, "d", "4", "# d");
	vm_config_remove(&c, "a");
	puts_back("# mine\nb = 5\n\nnonsense\nc = 3\n# d\nd = 4\n");
}
END_TEST

START_TEST(what_nobody_asked_for)
{
	const char *text;
	size_t more;
	parse("# x\na = 1\nb = 2\nset.x = 3\nnonsense\n");
	ck_assert_uint_eq(vm_config_unknown(&c, &text, &more), 2);
	ck_assert_str_eq(text, "a");
	ck_assert_uint_eq(more, 3);
	vm_config_get(&c, "a");
	vm_config_get(&c, "b");
	size_t at = 0;
	ck_assert_str_eq(vm_config_next(&c, "set.", &at)->value, "3");
	ck_assert_ptr_null(vm_config_next(&c, "set.", &at));
	ck_assert_uint_eq(vm_config_unknown(&c, &text, &more), 5);
	ck_assert_str_eq(text, "nonsense");
	ck_assert_uint_eq(more, 0);
	parse("");
	ck_assert_uint_eq(vm_config_unknown(&c, &text, &more), 0);
	puts_back("");
}
END_TEST

/* ---- Sets --------------------------------------------------------------------------------------------------------- */

START_TEST(sets)
{
	struct vm_sets s = { 0 };
	struct vm_err err;
	ck_assert(vm_sets_init(&s));
	const size_t n = s.v.n;
	ck_assert_int_eq(vm_sets_keep(&s, "mine", "PID", &err), 0);
	ck_assert_int_eq(vm_sets_keep(&s, "mine", "PID,RSS", &err), 0);
	ck_assert_uint_eq(s.v.n, n + 1);
	ck_assert_str_eq(vm_sets_find(&s, "mine")->columns, "PID,RSS");
	ck_assert_int_eq(vm_sets_keep(&s, "huge", "PID", &err), 0);
	ck_assert_str_eq(vm_sets_find(&s, "huge")->columns, "PID");
	vm_sets_drop(&s, "huge");
	ck_assert_str_ne(vm_sets_find(&s, "huge")->columns, "PID");
	vm_sets_drop(&s, "huge");
	ck_assert_ptr_nonnull(vm_sets_find(&s, "huge"));
	vm_sets_drop(&s, "mine");
	ck_assert_ptr_null(vm_sets_find(&s, "mine"));
	ck_assert_uint_eq(s.v.n, n);
	static const char *const wrong[] = { "", "a b", "a=b", "#a", "a name that is longer than there is room for one" };
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
		ck_assert_msg(vm_sets_keep(&s, wrong[i], "PID", &err) < 0, "%s", wrong[i]);
	/* Each is made of columns that there are. */
	for (size_t i = 0; i < s.v.n; i++) {
		struct vm_columns cols;
		ck_assert_msg(vm_columns_parse(&vm_process_fields, s.v.v[i].columns, VM_F_DEFAULT, &cols, &err) == 0, "%s: %s",
			      s.v.v[i].name, err.what);
	}
	vm_sets_free(&s);
}
END_TEST

/* ---- Keys --------------------------------------------------------------------------------------------------------- */

static struct vm_keymap m;

static enum vm_action does(int code, unsigned scope)
{
	size_t n;
	const struct vm_key *keys = vm_keymap_common(&m, &n);
	return vm_key_action(keys, n, code, scope);
}

static const char *keys_of(const char *name)
{
	for (size_t i = 0; i < m.n; i++)
		if (strcmp(m.v[i].name, name) == 0)
			return m.v[i].keys;
	return NULL;
}

START_TEST(keys_move)
{
	struct vm_err err = { 0 };
	ck_assert_int_eq(vm_keymap_init(&m), 0);
	ck_assert_int_eq(does('P', VM_IN_PROCS), VM_ACT_SORT_PSS);
	ck_assert_int_eq(vm_keymap_set(&m, "sort-uss", "P F9", &err), 0);
	ck_assert_int_eq(does('P', VM_IN_PROCS), VM_ACT_SORT_USS);
	ck_assert_int_eq(does(VM_KEY_F(9), VM_IN_TAB_LIST), VM_ACT_SORT_USS);
	ck_assert_int_eq(does('U', VM_IN_PROCS), VM_ACT_NONE);
	ck_assert_str_eq(keys_of("sort-uss"), "P F9");
	ck_assert_str_eq(keys_of("sort-pss"), "");
	/* Elsewhere the same key stays what it was. */
	ck_assert_int_eq(vm_keymap_set(&m, "tree", "d", &err), 0);
	ck_assert_int_eq(does('d', VM_IN_PROCS), VM_ACT_TREE);
	ck_assert_int_eq(does('d', VM_IN_COLUMNS), VM_ACT_RESET);
	ck_assert_str_eq(keys_of("delay"), "s");
	ck_assert_int_eq(vm_keymap_set(&m, "tree", "none", &err), 0);
	ck_assert_int_eq(does('d', VM_IN_PROCS), VM_ACT_NONE);
	ck_assert_int_eq(vm_keymap_set(&m, "kernel", "Space ^K Shift-Tab", &err), 0);
	ck_assert_int_eq(does(' ', VM_IN_PROCS), VM_ACT_KERNEL);
	ck_assert_int_eq(does(' ', VM_IN_COLUMNS), VM_ACT_TOGGLE);
	ck_assert_int_eq(does(VM_KEY_CTRL('K'), VM_IN_PROCS), VM_ACT_KERNEL);
	ck_assert_str_eq(keys_of("kernel"), "Space ^K Shift-Tab");
	ck_assert_int_lt(vm_keymap_set(&m, "nothing", "x", &err), 0);
	ck_assert_int_lt(vm_keymap_set(&m, "tree", "Nokey", &err), 0);
	ck_assert_ptr_nonnull(strstr(err.what, "Nokey"));
	ck_assert_int_lt(vm_keymap_set(&m, "tree", "", &err), 0);
	ck_assert_int_lt(vm_keymap_set(&m, "tree", "a b c d e f g h i j", &err), 0);
	vm_keymap_free(&m);
}
END_TEST

START_TEST(names_of_keys)
{
	for (size_t i = 0; i < vm_keys_n; i++) {
		for (size_t j = 0; j < i; j++)
			ck_assert_str_ne(vm_keys[i].name, vm_keys[j].name);
		for (unsigned k = 0; k < VM_KEY_CODES && vm_keys[i].code[k]; k++) {
			struct vm_buf b = { 0 };
			vm_key_put(&b, vm_keys[i].code[k]);
			ck_assert_int_eq(vm_key_code(vm_buf_str(&b)), vm_keys[i].code[k]);
			vm_buf_free(&b);
		}
	}
	ck_assert_int_eq(vm_key_code("F25"), 0);
	ck_assert_int_eq(vm_key_code(""), 0);
	ck_assert_int_eq(vm_key_code("ä"), 0xe4);
}
END_TEST

UNIT_MAIN("tui_config", lines, changes_leave_the_rest, what_nobody_asked_for, sets, keys_move, names_of_keys)
