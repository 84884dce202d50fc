/** What is to be said of memory that isn't huge, line by line: between who knows and who shows. */
#ifndef VM_ANALYSIS_WHYSAY_H
#define VM_ANALYSIS_WHYSAY_H

enum vm_huge_line {
	VM_HUGE_LINE_WHY,          /* of what, and why */
	VM_HUGE_LINE_NOW,          /* what makes it huge at once */
	VM_HUGE_LINE_LATER,        /* what lets it become so; the only one, or behind NOW */
	VM_HUGE_LINE_WINS,
};
typedef void vm_huge_say(void *ctx, enum vm_huge_line line, const char *words);

#endif
