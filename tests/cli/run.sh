#!/bin/bash
# Snapshots of what commands print.  Usage: tests/cli/run.sh [--update] [BIN_DIR] [COMMAND/NAME...]
#
# tests/cli/COMMAND/NAME.sh is a list of commands; what they print, errors and exit statuses included, must
# be what COMMAND/NAME.out holds.  --update writes the .out files: read the diff before committing it.
#
# In a test, `run CMD...` shows the command, its output, its errors (marked "! ") and its exit status if
# that isn't 0.  It runs in tests/fixtures, so that --root linux-6.18 names a captured tree; $tmp is an
# empty directory of the test's own.
set -u
here=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd)
update=
if [ "${1-}" = --update ]; then
	update=1
	shift
fi
bin=${1:-${VM_BIN:-}}
[ $# -eq 0 ] || shift
[ -n "$bin" ] || { echo "usage: $0 [--update] BIN_DIR [COMMAND/NAME...]" >&2; exit 2; }
bin=$(CDPATH='' cd -- "$bin" && pwd) || exit 2

scratch=$(mktemp -d) || exit 2
trap 'rm -rf "$scratch"' EXIT
export PATH="$bin:$PATH" LC_ALL=C.UTF-8 TZ=UTC TERM=dumb COLUMNS=110 LINES=40
unset NO_COLOR LANG LANGUAGE

run() {
	local status
	printf '$ %s\n' "${*//$tmp/TMP}"
	"$@" >"$tmp/.stdout" 2>"$tmp/.stderr" </dev/null
	status=$?
	show "$status"
}

# The same for a shell command line, with pipes and redirections.
run_line() {
	local status
	printf '$ %s\n' "$1"
	bash -c "$1" >"$tmp/.stdout" 2>"$tmp/.stderr" </dev/null
	status=$?
	show "$status"
}

show() {
	sed -e "s|$tmp|TMP|g" "$tmp/.stdout"
	sed -e "s|$tmp|TMP|g" -e 's/^/! /' "$tmp/.stderr"
	[ "$1" -eq 0 ] || printf '[%s]\n' "$1"
	printf '\n'
}

tests=("$@")
if [ ${#tests[@]} -eq 0 ]; then
	for file in "$here"/*/*.sh; do
		name=${file#"$here/"}
		tests+=("${name%.sh}")
	done
fi

failed=0 passed=0 skipped=0
for name in "${tests[@]}"; do
	if [ ! -x "$bin/${name%%/*}" ]; then
		skipped=$((skipped + 1))
		continue
	fi
	tmp=$scratch/$(printf '%s' "$name" | tr / _)
	mkdir "$tmp"
	export tmp
	(
		cd "$here/../fixtures" || exit
		# shellcheck disable=SC1090
		. "$here/$name.sh"
	) >"$scratch/out" 2>&1
	if [ -n "$update" ]; then
		cmp -s "$scratch/out" "$here/$name.out" || { echo "updated $name"; cp "$scratch/out" "$here/$name.out"; }
	elif [ ! -f "$here/$name.out" ]; then
		echo "FAIL $name: there is no $name.out (--update makes it)"
		failed=$((failed + 1))
		continue
	elif ! diff -au "$here/$name.out" "$scratch/out" >"$scratch/diff"; then
		echo "FAIL $name"
		head -n 60 "$scratch/diff"
		failed=$((failed + 1))
		continue
	fi
	passed=$((passed + 1))
done
echo "cli: $passed passed, $failed failed, $skipped skipped (command not built)"
[ "$failed" -eq 0 ] || exit 1
[ "$passed" -gt 0 ] || exit 77
