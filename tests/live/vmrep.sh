#!/bin/sh
# vmrep against the kernel's own counters and against page faults of a known number; on a terminal, stopped, interrupted.
# Usage: vmrep.sh BIN_DIR
# shellcheck source=tests/tools/live.sh
. "$(dirname "$0")/../tools/live.sh"
has python3
has_built vmrep
make_scratch
# Nobody has to reach them.
chmod 755 "$scratch"
mkdir "$scratch/bin" && cp "$bin/vmrep" "$scratch/bin/" || exit 1
python3 -B "$here/rep/rep.py" "$scratch/bin/vmrep"
status=$?
as_nobody_too $status "$here" vmrep.sh "$scratch/bin"
