# vm_bpf_object(vmsource walk): src/bpf/walk.bpf.c compiled by clang, as walk.skel.h for that target, and as
# walk.light.h, which loads itself (kernels from 5.17 on).
function(vm_bpf_object target name)
	set(src ${CMAKE_SOURCE_DIR}/src/bpf)
	set(dir ${CMAKE_BINARY_DIR}/include/bpf)
	file(MAKE_DIRECTORY ${dir})
	file(GLOB headers CONFIGURE_DEPENDS ${src}/*.h)
	add_custom_command(OUTPUT ${dir}/${name}.skel.h ${dir}/${name}.light.h
		COMMAND ${VM_CLANG} -target bpf -O2 -g -Wall -Wextra -Werror
			-c ${src}/${name}.bpf.c -o ${dir}/${name}.full.o
		COMMAND ${VM_BPFTOOL} gen object ${dir}/${name}.bpf.o ${dir}/${name}.full.o
		COMMAND ${VM_BPFTOOL} gen skeleton ${dir}/${name}.bpf.o name ${name}_bpf > ${dir}/${name}.skel.h
		COMMAND ${VM_BPFTOOL} gen skeleton -L ${dir}/${name}.bpf.o name ${name}_light > ${dir}/${name}.light.h
		DEPENDS ${src}/${name}.bpf.c ${headers} VERBATIM)
	target_sources(${target} PRIVATE ${dir}/${name}.skel.h ${dir}/${name}.light.h)
	target_include_directories(${target} SYSTEM PRIVATE ${CMAKE_BINARY_DIR}/include)
endfunction()
