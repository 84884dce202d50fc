/** Symbols as text. */
#include "core/source/symbols.h"

#include "core/base/buf.h"

void vm_symbol_put(struct vm_buf *b, const struct vm_symbol *s)
{
	if (!s->function)
		vm_buf_addf(b, "%s+0x%llx", s->object, (unsigned long long)s->object_offset);
	else if (s->inlined)
		vm_buf_addf(b, "%s (inlined)", s->function);
	else
		vm_buf_addf(b, "%s+0x%llx (%s)", s->function, (unsigned long long)s->offset, s->object);
}
