#!/bin/sh
# vmtlb --sites and --stacks: by the kernel's own events, which are exact; and by a PMU that isn't there, for which the
# kernel delivers page faults.  Usage: vmtlb-sites.sh BIN_DIR
set -u
here=$(CDPATH="" cd -- "$(dirname -- "$0")" && pwd)
bin=${1:-${VM_BIN:-}}
build=${VM_BUILD:-$bin/..}

skip() {
	echo "skip: $1"
	exit 77
}

[ -n "$bin" ] || { echo "usage: $0 BIN_DIR" >&2; exit 2; }
command -v python3 >/dev/null || skip "python3 is not installed"
[ -x "$bin/vmtlb" ] || skip "no vmtlb in $bin that this user may run"
scratch=$(mktemp -d) || skip "no directory for temporary files"
trap 'rm -rf "$scratch"' EXIT
# Nobody has to reach what is copied there.
chmod 755 "$scratch"
"$bin/vmtlb" --sites --event page-faults -J -- true >"$scratch/try" 2>/dev/null || skip "vmtlb doesn't run here"
grep -q '"refused": null' "$scratch/try" || skip "this user may not sample page faults"
mkdir "$scratch/bin" && cp "$bin/vmtlb" "$bin/vmlab" "$scratch/bin/" || exit 1
for library in "$build/tests/libfakepmu.so" "$bin/libfakepmu.so"; do
	[ ! -e "$library" ] || cp "$library" "$scratch/bin/"
done
python3 -B "$here/count/sites.py" "$scratch/bin" "$scratch"
status=$?
# shellcheck source=tests/tools/reach.sh
. "$here/../tools/reach.sh"
as_nobody_too $status "$here" vmtlb-sites.sh "$scratch/bin"
