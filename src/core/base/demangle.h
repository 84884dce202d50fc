/** Names of C++ and Rust functions from what linkers call them. */
#ifndef VM_BASE_DEMANGLE_H
#define VM_BASE_DEMANGLE_H

#include <stdbool.h>
#include <stddef.h>

/**
 * "_ZNSt6vectorIiSaIiEE9push_backERKi" to "std::vector::push_back": the qualified name, without parameters and
 * template arguments, which would be longer than a line.  What compilers append (".cold", ".isra.0") stays.
 *
 * For the Itanium C++ ABI, which Rust's older names follow too.  False: the name is none of those, is of a form that
 * isn't known here, or doesn't fit; `out` then holds nothing of use.  Else `out` is NUL-terminated.  Takes any bytes,
 * and time in proportion to them.
 */
bool vm_demangle(const char *name, size_t len, char *out, size_t size);

#endif
