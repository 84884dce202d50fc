#!/bin/sh
# vmtop's columns about page faults: their rates and time of a process that faults and of one that doesn't; what is
# told without permission; nothing is left when vmtop is killed.
# Usage: vmtop-faults.sh BIN_DIR
# shellcheck source=tests/tools/live.sh
. "$(dirname "$0")/../tools/live.sh"
has_built vmtop
has python3
exec python3 -B "$here/lab/topfaults.py" "$bin"
