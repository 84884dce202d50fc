/** core/base/demangle: names of linkers and what they are called in the source. */
#include "core/base/demangle.h"

#include "unit.h"

static void is(const char *name, const char *want)
{
	char out[256];
	const bool known = vm_demangle(name, strlen(name), out, sizeof(out));
	ck_assert_msg(known == !!want, "%s is %s", name, known ? out : "not known");
	if (want)
		ck_assert_str_eq(out, want);
}

START_TEST(functions)
{
	is("_Z3foov", "foo");
	is("_Z3fooIiEvT_", "foo");
	is("_ZN3foo3barEi", "foo::bar");
	is("_ZNK3foo3barIbLi3EE3bazERKS0_", "foo::bar::baz");
	is("_ZNSt6vectorIiSaIiEE9push_backERKi", "std::vector::push_back");
	is("_ZSt4sortIPiEvT_S1_", "std::sort");
	is("_ZNSs6appendEPKc", "std::string::append");
	is("_ZN12_GLOBAL__N_13barEv", "(anonymous namespace)::bar");
	is("_ZL6staticv", "static");
	is("_ZN3foo3barB5cxx11Ev", "foo::bar");
	is("_ZN3FooC1ERKS_", "Foo::Foo");
	is("_ZN3FooIiED0Ev", "Foo::~Foo");
	is("_ZNSoD4Ev", "std::ostream::~ostream");
}
END_TEST

START_TEST(operators)
{
	is("_ZN3FoolsEi", "Foo::operator<<");
	is("_ZN3FoocvbEv", "Foo::operator (cast)");
	is("_Znwm", "operator new");
	is("_ZdaPv", "operator delete[]");
	is("_ZN3FooclEv", "Foo::operator()");
	is("_ZNKSt8functionIFviEEclEi", "std::function::operator()");
}
END_TEST

START_TEST(places_inside_functions)
{
	is("_ZZN3foo3barEiPKcENKUlvE_clEv", "foo::bar::{lambda}::operator()");
	is("_ZZ4mainENUlRiE0_4_FUNES_", "main::{lambda}::_FUN");
	is("_ZZN1A1fEvEN1B1gEv", "A::f::B::g");
	is("_ZZ1fvEN1B1gEv_0", "f::B::g");
	is("_ZThn16_N3Foo3barEv", "Foo::bar (thunk)");
	is("_ZTv0_n24_N3Foo3barEv", "Foo::bar (thunk)");
}
END_TEST

START_TEST(what_compilers_append)
{
	is("_ZN3foo3barEv.cold", "foo::bar.cold");
	is("_Z3fooi.isra.0", "foo.isra.0");
	is("_Z3fooi.constprop.0.cold", "foo.constprop.0.cold");
}
END_TEST

START_TEST(rust)
{
	is("_ZN4core3fmt9Formatter3pad17h0123456789abcdefE", "core::fmt::Formatter::pad");
	is("_ZN50_$LT$T$u20$as$u20$core..convert..Into$LT$U$GT$$GT$4into17h0123456789abcdefE",
	   "<T as core::convert::Into<U>>::into");
}
END_TEST

START_TEST(not_these)
{
	static const char *const names[] = {
		"", "_", "_Z", "main", "malloc", "_ZN", "_ZN3fooE3", "_Z99foo", "_Z3fo", "_ZN3foo", "_ZNS0_3fooEv",
		"_ZTV3Foo", "_ZN3fooIXadL_Z1fvEEE3barEv", "_Z99999999999999999999foo", "_ZNE", "_Z0", "_ZZ1fE",
		"_RNvCs1234_7mycrate3foo", "_ZC1", "_ZNC1Ev",
	};
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		char out[64];
		const bool known = vm_demangle(names[i], strlen(names[i]), out, sizeof(out));
		/* "foo" with rubbish behind it is as good as "foo" with parameters. */
		if (known)
			ck_assert_str_eq(out, "foo");
	}
	/* Deeper than is sane. */
	char deep[5000] = "_Z1fI";
	memset(deep + 5, 'P', sizeof(deep) - 6);
	deep[sizeof(deep) - 1] = '\0';
	is(deep, NULL);
	memset(deep + 2, 'Z', sizeof(deep) - 3);
	is(deep, NULL);
}
END_TEST

START_TEST(room)
{
	static const char name[] = "_ZN3foo3barEv";
	char out[16];
	for (size_t size = 0; size <= sizeof(out); size++) {
		memset(out, '#', sizeof(out));
		const bool known = vm_demangle(name, sizeof(name) - 1, out, size);
		ck_assert_int_eq(known, size > 8);
		for (size_t i = size; i < sizeof(out); i++)
			ck_assert_int_eq(out[i], '#');
	}
	/* Its length counts, not a NUL. */
	ck_assert(vm_demangle("_Z3fooX", 6, out, sizeof(out)));
	ck_assert(!vm_demangle("_Z3foo", 5, out, sizeof(out)));
}
END_TEST

UNIT_MAIN("demangle", functions, operators, places_inside_functions, what_compilers_append, rust, not_these, room)
