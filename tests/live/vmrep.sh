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
bin=$scratch/bin
run_everywhere rep/rep.py "$bin/vmrep"
