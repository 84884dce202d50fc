#!/bin/bash
# vmtlb --model, with Valgrind: what vmlab's workloads state in closed form is what it counts, to the last miss; its errors,
# exit statuses and processes; nothing is left behind, whatever ends it.
# Usage: vmtlb-model.sh BIN_DIR
set -u
bin=${1:-${VM_BIN:-}}
[ -n "$bin" ] || { echo "usage: $0 BIN_DIR" >&2; exit 2; }
bin=$(cd "$bin" && pwd)
here=$(cd "$(dirname "$0")" && pwd)
[ -x "$bin/vmtlb" ] || { echo "skip: no vmtlb in $bin that this user may run"; exit 77; }
command -v python3 >/dev/null || { echo "skip: python3 is not installed"; exit 77; }
scratch=$(mktemp -d) || exit 1
trap 'rm -rf "$scratch"' EXIT
# Whatever was measured of this machine, the model is of another one.
export XDG_CACHE_HOME=$scratch/cache TMPDIR=$scratch/tmp
mkdir "$TMPDIR"
if ! why=$("$bin/vmtlb" --model --engine valgrind -- true 2>&1 >/dev/null); then
	echo "skip: $why"
	exit 77
fi
python3 -B "$here/vmtlb-model.py" "$bin" "$scratch"
