#!/bin/bash
# Each folder includes only the layers that it may.  Usage: layers.sh
# Includes of ours are written from src/, so this is exact.
set -eu
failed=0

# layer FOLDER ALLOWED...: FOLDER includes itself and the allowed folders only.
layer() {
	local folder=$1 allowed found
	allowed=$(printf '|%s' "$@")
	found=$(grep -n '^#[[:space:]]*include "' src/"$folder"/*.[ch] | grep -v -E "\"(${allowed#|})/[^/]*\"") || return 0
	printf 'src/%s may include only %s:\n%s\n' "$folder" "$*" "$found"
	failed=1
}

layer core/base
layer core/model core/base
layer core/analysis core/base core/model
layer core/field core/base core/model core/analysis
# bpf/*.h is what a program and its loader share; bpf/*.skel.h is made from the program.
# engines/*/*.h: what an engine and who reads its results share.
layer core/source core/base core/model bpf engines/qemu
layer cli/render core/base core/field
layer cli/tui core/base core/model core/analysis core/field cli/render
# What commands share knows none of them; a command knows itself and what they share.
core="core/base core/model core/analysis core/field core/source"
# shellcheck disable=SC2086
layer cli $core cli/render
for command in src/cli/vm*/; do
	# shellcheck disable=SC2086
	layer "cli/$(basename "$command")" $core cli cli/render cli/tui workloads
done
layer workloads core/base

# Only the sources open /proc, only curses.c knows a terminal, only the commands print results.
only() {
	local what=$1 pattern=$2 except=$3 found
	found=$(grep -n -E "$pattern" src/core/*/*.[ch] src/cli/*.[ch] src/cli/*/*.[ch] | grep -v -E "^src/($except)") || return 0
	printf '%s:\n%s\n' "$what" "$found"
	failed=1
}
only "only core/source opens files of /proc" '(open|fopen|openat)\("/?(proc|sys)/' 'core/source/'
only "only curses.c knows ncurses" '#[[:space:]]*include <(n?curses|term)' 'cli/tui/curses.c'
only "the core prints nothing" '\b(printf|puts|perror)\(' 'cli/'
exit $failed
