# vm_valgrind_tool(vmtlb FILE...): a tool for Valgrind, linked with its core, as the programs of Valgrind are: static, without
# a C library, loaded where Valgrind expects it.  Sanitizers and coverage of the rest can't be in it.
function(vm_valgrind_tool name)
	pkg_get_variable(platform valgrind platform)
	pkg_get_variable(address valgrind valt_load_address)
	pkg_get_variable(libdir valgrind libdir)
	pkg_get_variable(include valgrind includedir)
	pkg_get_variable(prefix valgrind prefix)
	if(NOT platform MATCHES "^(amd64|arm64)-linux$")
		message(STATUS "tool for Valgrind: no (made for amd64 and arm64, not for ${platform})")
		return()
	endif()
	string(REGEX REPLACE "-.*" "" arch ${platform})
	set(dir ${CMAKE_BINARY_DIR}/${VM_ENGINES_DIR}/valgrind)
	set(work ${CMAKE_BINARY_DIR}/valgrind)
	file(MAKE_DIRECTORY ${dir} ${work})
	file(GLOB headers CONFIGURE_DEPENDS src/engines/*.h src/engines/valgrind/*.h src/core/analysis/tlbsim.h src/core/model/tlb*.h
		src/core/source/uapi.h)
	set(flags -O2 -g -std=gnu17 -Wall -Wextra -Wno-unused-parameter -fno-strict-aliasing -fno-builtin -fno-stack-protector
		-fno-pie -fno-omit-frame-pointer -DVGA_${arch}=1 -DVGO_linux=1 -DVGP_${arch}_linux=1
		-DVGPV_${arch}_linux_vanilla=1 -DVM_VERSION="${PROJECT_VERSION}" -isystem ${include} -I${CMAKE_SOURCE_DIR}/src)
	if(VM_WERROR)
		list(APPEND flags -Werror)
	endif()
	set(objects)
	foreach(file ${ARGN})
		get_filename_component(base ${file} NAME_WE)
		add_custom_command(OUTPUT ${work}/${base}.o
			COMMAND ${CMAKE_C_COMPILER} ${flags} -c ${CMAKE_SOURCE_DIR}/${file} -o ${work}/${base}.o
			DEPENDS ${file} ${headers} VERBATIM)
		list(APPEND objects ${work}/${base}.o)
	endforeach()
	add_custom_command(OUTPUT ${dir}/${name}-${platform}
		COMMAND ${CMAKE_C_COMPILER} -static -nodefaultlibs -nostartfiles -no-pie -u _start -Wl,-Ttext-segment=${address}
			-Wl,--build-id=none -o ${dir}/${name}-${platform} ${objects} -L${libdir}/valgrind
			-lcoregrind-${platform} -lvex-${platform} -lgcc-sup-${platform} -lgcc
		DEPENDS ${objects} VERBATIM)
	add_custom_target(${name}_valgrind ALL DEPENDS ${dir}/${name}-${platform})
	install(PROGRAMS ${dir}/${name}-${platform} DESTINATION ${VM_ENGINES_DIR}/valgrind)
	# Valgrind looks for the part of it that programs load where its tool is.
	set(part vgpreload_core-${platform}.so)
	find_path(VM_VALGRIND_PARTS ${part} PATHS ${prefix}/libexec/valgrind ${libdir}/valgrind ${prefix}/lib/valgrind NO_DEFAULT_PATH)
	mark_as_advanced(VM_VALGRIND_PARTS)
	if(VM_VALGRIND_PARTS)
		file(CREATE_LINK ${VM_VALGRIND_PARTS}/${part} ${dir}/${part} SYMBOLIC)
		install(FILES ${dir}/${part} DESTINATION ${VM_ENGINES_DIR}/valgrind)
	endif()
	message(STATUS "tool for Valgrind: ${platform}")
endfunction()
