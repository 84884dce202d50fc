# shellcheck shell=sh disable=SC2034
# Sourced by tests/live/NAME.sh BIN_DIR, which may come as VM_BIN too: what they all need.

set -u
here=$(CDPATH="" cd -- "$(dirname -- "$0")" && pwd)
bin=${1:-${VM_BIN:-}}
[ -n "$bin" ] || { echo "usage: $0 BIN_DIR" >&2; exit 2; }
[ ! -d "$bin" ] || bin=$(CDPATH="" cd -- "$bin" && pwd)
# shellcheck source=tests/tools/reach.sh
. "$here/../tools/reach.sh"

skip() {
	echo "skip: $1"
	exit 77
}

# has_built COMMAND...: of those under test.
has_built() {
	for needed; do
		[ -x "$bin/$needed" ] || skip "no $needed in $bin that this user may run"
	done
}

# has PROGRAM...: of the system.
has() {
	for needed; do
		command -v "$needed" >/dev/null || skip "$needed is not installed"
	done
}

# A directory, $scratch, that goes away at the end.
make_scratch() {
	scratch=$(mktemp -d) || skip "no directory for temporary files"
	trap 'rm -rf "$scratch"' EXIT
}

# run_everywhere SCRIPT ARGUMENT...: a program beside the test; as root then the whole test as a user without privilege, too.
run_everywhere() {
	script=$1
	shift
	status=0
	python3 -B "$here/$script" "$@" || status=$?
	as_nobody_too $status "$here" "$(basename "$0")" "$bin"
}
