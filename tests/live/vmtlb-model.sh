#!/bin/bash
# vmtlb --model, with Valgrind: what vmlab's workloads state in closed form is what it counts, to the last miss; its errors,
# exit statuses and processes; nothing is left behind, whatever ends it.
# Usage: vmtlb-model.sh BIN_DIR
# shellcheck source=tests/tools/live.sh
. "$(dirname "$0")/../tools/live.sh"
has_built vmtlb
has python3
make_scratch
# Whatever was measured of this machine, the model is of another one.
export XDG_CACHE_HOME=$scratch/cache TMPDIR=$scratch/tmp
mkdir "$TMPDIR"
if ! why=$("$bin/vmtlb" --model --engine valgrind -- true 2>&1 >/dev/null); then
	echo "skip: $why"
	exit 77
fi
python3 -B "$here/vmtlb-model.py" "$bin" "$scratch"
