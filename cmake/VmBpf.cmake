# vm_bpf_object(vmsource walk LIGHT FULL): src/bpf/walk.bpf.c compiled by clang for that target, LIGHT as walk.light.h,
# which loads itself (kernels from 5.17 on) and needs no libbpf, FULL as walk.skel.h, which libbpf loads.
function(vm_bpf_object target name)
	cmake_parse_arguments(B "LIGHT;FULL" "" "" ${ARGN})
	set(src ${CMAKE_SOURCE_DIR}/src/bpf)
	set(dir ${CMAKE_BINARY_DIR}/include/bpf)
	file(MAKE_DIRECTORY ${dir})
	file(GLOB headers CONFIGURE_DEPENDS ${src}/*.h)
	add_custom_command(OUTPUT ${dir}/${name}.bpf.o
		COMMAND ${VM_CLANG} -target bpf -O2 -g -Wall -Wextra -Werror -I${CMAKE_SOURCE_DIR}/src
			-c ${src}/${name}.bpf.c -o ${dir}/${name}.full.o
		COMMAND ${VM_BPFTOOL} gen object ${dir}/${name}.bpf.o ${dir}/${name}.full.o
		DEPENDS ${src}/${name}.bpf.c ${headers} VERBATIM)
	if(B_FULL)
		add_custom_command(OUTPUT ${dir}/${name}.skel.h
			COMMAND ${VM_BPFTOOL} gen skeleton ${dir}/${name}.bpf.o name ${name}_bpf > ${dir}/${name}.skel.h
			DEPENDS ${dir}/${name}.bpf.o VERBATIM)
		target_sources(${target} PRIVATE ${dir}/${name}.skel.h)
	endif()
	if(B_LIGHT)
		add_custom_command(OUTPUT ${dir}/${name}.light.h
			COMMAND ${VM_BPFTOOL} gen skeleton -L ${dir}/${name}.bpf.o name ${name}_light > ${dir}/${name}.light.h
			DEPENDS ${dir}/${name}.bpf.o VERBATIM)
		target_sources(${target} PRIVATE ${dir}/${name}.light.h)
	endif()
	target_include_directories(${target} SYSTEM PRIVATE ${CMAKE_BINARY_DIR}/include)
endfunction()
