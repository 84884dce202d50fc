# The warning set, once.  An interface target that everything of ours links.
add_library(vm_warnings INTERFACE)
target_compile_options(vm_warnings INTERFACE
	-Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wpointer-arith -Wcast-qual
	-Wwrite-strings -Wundef -Wformat=2 -Wformat-nonliteral -Wvla -Wnull-dereference)
option(VM_WERROR "Warnings are errors" OFF)
if(VM_WERROR)
	target_compile_options(vm_warnings INTERFACE -Werror)
endif()
