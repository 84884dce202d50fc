/** core/model/vmflags: the table is whole, in order and speaks. */
#include "core/model/vmflags.h"

#include <ctype.h>

#include "unit.h"

START_TEST(codes_are_two_letters_without_duplicates)
{
	for (unsigned i = 0; i < VM_VMF_UNKNOWN; i++) {
		const char *c = vm_vmflags[i].code;
		ck_assert_msg(islower((unsigned char)c[0]) && islower((unsigned char)c[1]) && !c[2],
			      "flag %u has the code '%s'", i, c);
		for (unsigned k = 0; k < i; k++)
			ck_assert_msg(strcmp(c, vm_vmflags[k].code) != 0, "'%s' stands twice", c);
	}
	ck_assert_str_eq(vm_vmflags[VM_VMF_UNKNOWN].code, "??");
	ck_assert_int_le(VM_VMF_COUNT, 64);
}
END_TEST

START_TEST(every_flag_speaks)
{
	for (unsigned i = 0; i < VM_VMF_UNKNOWN; i++) {
		const struct vm_vmflag *f = &vm_vmflags[i];
		ck_assert_msg(strncmp(f->name, "VM_", 3) == 0, "'%s' has the name '%s'", f->code, f->name);
		ck_assert_msg(strlen(f->words) >= 4 && strlen(f->words) <= 32, "'%s': '%s'", f->code, f->words);
		ck_assert_msg(strlen(f->sentence) >= 10, "'%s': '%s'", f->code, f->sentence);
		ck_assert_msg(f->sentence[strlen(f->sentence) - 1] != '.', "'%s' ends with a period", f->code);
		for (unsigned k = 0; k < i; k++) {
			ck_assert_str_ne(f->name, vm_vmflags[k].name);
			ck_assert_str_ne(f->words, vm_vmflags[k].words);
		}
	}
}
END_TEST

/* Order and letters of show_smap_vma_flags() in fs/proc/task_mmu.c, Linux 5.10 to 7.x together. */
START_TEST(order_is_the_kernels)
{
	static const char all[] = "rd wr ex sh mr mw me ms gd um pf dw gu uw lo io sr rr dc de lf ac nr ht sf ar "
				  "wf dd bt sd mm hg nh mg mp mt ui ss dp sl ??";
	char buf[256];
	ck_assert_str_eq(vm_vmflags_text((UINT64_C(1) << VM_VMF_COUNT) - 1, buf, sizeof(buf)), all);
}
END_TEST

START_TEST(find)
{
	for (unsigned i = 0; i < VM_VMF_UNKNOWN; i++)
		ck_assert_uint_eq(vm_vmflag_find(vm_vmflags[i].code), i);
	ck_assert_uint_eq(vm_vmflag_find("rd"), VM_VMF_RD);
	ck_assert_uint_eq(vm_vmflag_find("hg"), VM_VMF_HG);
	ck_assert_uint_eq(vm_vmflag_find("sl"), VM_VMF_SL);
	ck_assert_uint_eq(vm_vmflag_find("zz"), VM_VMF_UNKNOWN);
	ck_assert_uint_eq(vm_vmflag_find("RD"), VM_VMF_UNKNOWN);
	ck_assert_uint_eq(vm_vmflag_find("??"), VM_VMF_UNKNOWN);
}
END_TEST

START_TEST(some_names)
{
	ck_assert_str_eq(vm_vmflags[VM_VMF_HG].name, "VM_HUGEPAGE");
	ck_assert_str_eq(vm_vmflags[VM_VMF_DW].name, "VM_DENYWRITE");
	ck_assert_str_eq(vm_vmflags[VM_VMF_GD].name, "VM_GROWSDOWN");
	ck_assert_str_eq(vm_vmflags[VM_VMF_LO].name, "VM_LOCKED");
	ck_assert_str_eq(vm_vmflags[VM_VMF_SS].name, "VM_SHADOW_STACK");
	ck_assert_str_eq(vm_vmflags[VM_VMF_SL].name, "VM_SEALED");
}
END_TEST

START_TEST(text)
{
	char buf[256];
	ck_assert_str_eq(vm_vmflags_text(0, buf, sizeof(buf)), "");
	ck_assert_str_eq(vm_vmflags_text(VM_VMF(RD), buf, sizeof(buf)), "rd");
	ck_assert_str_eq(vm_vmflags_text(VM_VMF(MR) | VM_VMF(RD) | VM_VMF(UNKNOWN), buf, sizeof(buf)), "rd mr ??");
}
END_TEST

START_TEST(text_never_overruns)
{
	char buf[64];
	for (size_t size = 1; size < 32; size++) {
		memset(buf, '#', sizeof(buf));
		vm_vmflags_text(UINT64_MAX, buf, size);
		ck_assert_uint_lt(strlen(buf), size);
		for (size_t i = size; i < sizeof(buf); i++)
			ck_assert_int_eq(buf[i], '#');
		/* never half a flag */
		ck_assert(strlen(buf) == 0 || strlen(buf) % 3 == 2);
	}
}
END_TEST

UNIT_MAIN("vmflags", codes_are_two_letters_without_duplicates, every_flag_speaks, order_is_the_kernels, find,
	  some_names, text, text_never_overruns)
