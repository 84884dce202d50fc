#!/bin/sh
# vmdoctor's claims against reality: what is said to work is done by other means, or by the commands that want it.
# Usage: vmdoctor.sh BIN_DIR
set -u
here=$(CDPATH="" cd -- "$(dirname -- "$0")" && pwd)
bin=${1:-${VM_BIN:-}}

skip() {
	echo "skip: $1"
	exit 77
}

[ -n "$bin" ] || { echo "usage: $0 BIN_DIR" >&2; exit 2; }
command -v python3 >/dev/null || skip "python3 is not installed"
[ -x "$bin/vmdoctor" ] || skip "no vmdoctor in $bin that this user may run"
scratch=$(mktemp -d) || skip "no directory for temporary files"
trap 'rm -rf "$scratch"' EXIT
# Nobody has to reach them.
chmod 755 "$scratch"
mkdir "$scratch/bin" || exit 1
for program in "$bin/vmdoctor" "$bin/vmpage" "$bin/vmfault" "$bin/vmtlb" "$bin/../tests/libfakepmu.so" "$bin/libfakepmu.so"; do
	[ ! -e "$program" ] || cp "$program" "$scratch/bin/" || exit 1
done
python3 -B "$here/doctor/doctor.py" "$scratch/bin"
status=$?
# shellcheck source=tests/tools/reach.sh
. "$here/../tools/reach.sh"
as_nobody_too $status "$here" vmdoctor.sh "$scratch/bin"
