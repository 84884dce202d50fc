#include "core/model/doctor.h"

const char *const vm_verdict_name[VM_VERDICT_NR] = {
	[VM_VERDICT_FACT] = "fact", [VM_VERDICT_WORKS] = "works", [VM_VERDICT_PARTLY] = "partly", [VM_VERDICT_DENIED] = "denied",
	[VM_VERDICT_ABSENT] = "absent", [VM_VERDICT_UNTRIED] = "untried",
};
