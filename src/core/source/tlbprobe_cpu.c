/** Which CPU this is, whether a hypervisor is below it, and what it says of its TLBs. */

#include <stdio.h>
#include <string.h>

#include "core/base/cleanup.h"
#include "core/base/str.h"
#include "core/model/tlbcpu.h"
#include "core/source/session.h"
#include "core/source/tlbprobe_part.h"

#ifdef __x86_64__

#include <cpuid.h>

enum { HYPERVISOR_BIT = 31, HYBRID_BIT = 15, SUBLEAVES = 16 };

static struct vm_cpuid ask(uint32_t leaf, uint32_t subleaf)
{
	struct vm_cpuid r = { 0 };
	__cpuid_count(leaf, subleaf, r.eax, r.ebx, r.ecx, r.edx);
	return r;
}

static void put_name(char *to, size_t size, uint32_t a, uint32_t b, uint32_t c)
{
	char text[13] = "";
	memcpy(text, &a, 4);
	memcpy(text + 4, &b, 4);
	memcpy(text + 8, &c, 4);
	for (char *s = text; *s; s++)
		if (*s < '!' || *s > '~')
			*s = *s == ' ' ? ' ' : '?';
	snprintf(to, size, "%s", text);
}

/** The signatures that virtual machines are known by. */
static const char *hypervisor_name(const char *signature)
{
	static const struct { const char *signature, *name; } names[] = {
		{ "KVMKVMKVM", "KVM" }, { "Microsoft Hv", "Hyper-V" }, { "VMwareVMware", "VMware" }, { "XenVMMXenVMM", "Xen" },
		{ "TCGTCGTCGTCG", "QEMU's TCG" }, { "bhyve bhyve ", "bhyve" }, { "VBoxVBoxVBox", "VirtualBox" },
		{ "ACRNACRNACRN", "ACRN" }, { " lrpepyh  vr", "Parallels" },
	};
	for (size_t i = 0; i < vm_countof(names); i++)
		if (strcmp(signature, names[i].signature) == 0)
			return names[i].name;
	return *signature ? signature : "unnamed";
}

void vm_tlb_cpu_read(struct vm_session *s, struct vm_tlb_cpu *out)
{
	(void)s;
	char vendor[16], signature[16];
	const struct vm_cpuid zero = ask(0, 0), one = ask(1, 0);
	const unsigned base = one.eax >> 8 & 0xf, model = one.eax >> 4 & 0xf;
	*out = (struct vm_tlb_cpu){ .virtual = one.ecx >> HYPERVISOR_BIT & 1 };
	put_name(vendor, sizeof(vendor), zero.ebx, zero.edx, zero.ecx);
	const int n = snprintf(out->model, sizeof(out->model), "%s family %u model %u stepping %u", vendor,
			       base == 15 ? base + (one.eax >> 20 & 0xff) : base,
			       base == 6 || base == 15 ? model | (one.eax >> 12 & 0xf0) : model, one.eax & 0xf);
	/* Cores of several kinds have TLBs of several kinds. */
	if (zero.eax >= 0x1a && (ask(7, 0).edx >> HYBRID_BIT & 1) && n > 0 && (size_t)n < sizeof(out->model))
		snprintf(out->model + n, sizeof(out->model) - (size_t)n, " core %x", ask(0x1a, 0).eax >> 24);
	if (!out->virtual)
		return;
	const struct vm_cpuid h = ask(0x40000000, 0);
	put_name(signature, sizeof(signature), h.ebx, h.ecx, h.edx);
	snprintf(out->hypervisor, sizeof(out->hypervisor), "%s", hypervisor_name(signature));
}

static unsigned ask_intel(struct vm_tlb_geometry *g)
{
	struct vm_cpuid r[SUBLEAVES];
	size_t n = 0;
	if (ask(0, 0).eax < 0x18)
		return 0;
	const unsigned last = ask(0x18, 0).eax;
	for (; n < SUBLEAVES && n <= last; n++)
		r[n] = ask(0x18, (uint32_t)n);
	return vm_tlb_from_leaf18(r, n, g);
}

static unsigned ask_amd(struct vm_tlb_geometry *g)
{
	const unsigned last = ask(0x80000000, 0).eax;
	if (last < 0x80000006)
		return 0;
	const struct vm_cpuid l1 = ask(0x80000005, 0), l2 = ask(0x80000006, 0);
	const struct vm_cpuid huge = last >= 0x80000019 ? ask(0x80000019, 0) : (struct vm_cpuid){ 0 };
	return vm_tlb_from_amd(&l1, &l2, &huge, g);
}

bool vm_tlb_cpu_geometry(struct vm_tlb_geometry *g)
{
	char vendor[16];
	const struct vm_cpuid zero = ask(0, 0);
	/* What a hypervisor shows may be of another model. */
	if (ask(1, 0).ecx >> HYPERVISOR_BIT & 1)
		return false;
	put_name(vendor, sizeof(vendor), zero.ebx, zero.edx, zero.ecx);
	const bool amd = strcmp(vendor, "AuthenticAMD") == 0 || strcmp(vendor, "HygonGenuine") == 0;
	struct vm_tlb_geometry told = *g;
	/* Half an answer would mix with the default of another CPU. */
	if ((amd ? ask_amd(&told) : ask_intel(&told)) < 3)
		return false;
	*g = told;
	return true;
}

#else

void vm_tlb_cpu_read(struct vm_session *s, struct vm_tlb_cpu *out)
{
	uint64_t midr;
	*out = (struct vm_tlb_cpu){ 0 };
	long n = vm_session_slurp(s, &s->scratch, "sys/devices/system/cpu/cpu0/regs/identification/midr_el1");
	if (n > 0) {
		s->scratch.s[strcspn(s->scratch.s, "\n")] = '\0';
		if (vm_parse_u64(s->scratch.s, &midr) == 0)
			snprintf(out->model, sizeof(out->model), "implementer 0x%x part 0x%x variant %u revision %u",
				 (unsigned)(midr >> 24 & 0xff), (unsigned)(midr >> 4 & 0xfff), (unsigned)(midr >> 20 & 0xf),
				 (unsigned)(midr & 0xf));
	}
	n = vm_session_slurp(s, &s->scratch, "sys/hypervisor/type");
	if (n > 0)
		snprintf(out->hypervisor, sizeof(out->hypervisor), "%.*s", (int)strcspn(s->scratch.s, "\n"), s->scratch.s);
	out->virtual = n > 0;
}

bool vm_tlb_cpu_geometry(struct vm_tlb_geometry *g)
{
	(void)g;
	return false;
}

#endif
