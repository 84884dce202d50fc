#!/bin/sh
# vmmap and vmtop against vmlab's stated truth, and against /proc.  Usage: vmmap-truth.sh BIN_DIR
# shellcheck source=tests/tools/live.sh
. "$(dirname "$0")/../tools/live.sh"
has python3
has_built vmmap

make_scratch
run_everywhere lab/tools.py "$bin"
