#!/bin/bash
# What layers.sh doesn't see: where libraries, files and risky calls may stand.  Usage: style.sh
# Works on the tree in the current directory; selftest.sh proves that each rule can fail.
set -u
failed=0

# never PATTERN EXCEPT FOLDERS... -- MESSAGE: no line matches, but in files that match EXCEPT.
never() {
	local pattern=$1 except=$2 found
	shift 2
	local folders=()
	while [ "$1" != -- ]; do
		folders+=("$1")
		shift
	done
	found=$(grep -r -n -E --include='*.[ch]' "$pattern" "${folders[@]}" | grep -v -E "^($except)") || return 0
	printf '%s:\n%s\n' "$2" "$found"
	failed=1
}

none='^$'
never '"/?(proc|sys)/' "$none" src/cli -- 'commands name no files of /proc: a source reads them'
never '#[[:space:]]*include <libproc2/' 'src/core/source/' src -- 'only core/source knows libproc2'
never '#[[:space:]]*include <(numa|numaif|perfmon|bpf)' 'src/(core/source|workloads|bpf)/' src -- \
	'only core/source, workloads and the eBPF programs know libnuma, libpfm4 and libbpf'
never '#[[:space:]]*include <(elfutils|libelf|gelf|dwarf|lzma)' 'src/core/source/' src -- \
	'only core/source knows elfutils and liblzma'
never '#[[:space:]]*include <(n?curses|term)' 'src/cli/tui/curses\.c' src -- 'only curses.c knows ncurses'
never '\b(sprintf|vsprintf|gets|strtok|asctime|ctime|tmpnam|mktemp)\(' "$none" src -- 'calls that go wrong sooner or later'
never '\b(strcpy|strcat)\(' 'src/workloads/' src -- 'copies without a bound'
never 'setlocale\(LC_(ALL|NUMERIC)' "$none" src -- 'numbers must look the same in every locale'
never '\b(atoi|atol|atoll|atof)\(' "$none" src -- 'numbers without a check'
never '\b(system|popen)\(' "$none" src -- 'shells'
never '\b(putchar|puts|printf)\(' 'src/workloads/' src/core src/cli/render src/cli/tui -- \
	'output goes to the stream that one is given'
never '\bexit\(' 'src/(cli/main\.c|workloads/)' src/core src/cli/render -- 'the core returns errors'

# Each header can be included twice, and its module includes it first, so that it stands alone.
for h in src/*/*.h src/*/*/*.h; do
	grep -q '^#ifndef VM_' "$h" || { echo "$h has no include guard"; failed=1; }
	c=${h%.h}.c
	[ -f "$c" ] || continue
	[ "$(grep -m 1 '^#[[:space:]]*include' "$c")" = "#include \"${h#src/}\"" ] ||
		{ echo "$c doesn't include its own header first"; failed=1; }
done
exit "$failed"
