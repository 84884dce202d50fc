#include "cli/vmfault_explain.h"
void vmfault_explain(struct vm_report *r, const uint64_t c[VM_FAULT_KIND_NR], const uint64_t t[VM_FAULT_KIND_NR], bool h) { (void)r,(void)c,(void)t,(void)h; }
