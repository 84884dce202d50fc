#!/bin/sh
# vmlock's verdicts against what mlock(2) really says, and its figures against vmlab's stated truth and /proc.
# Usage: vmlock-truth.sh BIN_DIR
# shellcheck source=tests/tools/live.sh
. "$(dirname "$0")/../tools/live.sh"
has python3
has_built vmlock

make_scratch
run_everywhere lab/locks.py "$bin"
