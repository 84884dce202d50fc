#!/bin/sh
# vmdiff: leaks at a known rate, sawteeth, what moved, came and went, against what vmlab states.
# Usage: vmdiff-truth.sh BIN_DIR
# shellcheck source=tests/tools/live.sh
. "$(dirname "$0")/../tools/live.sh"
has python3
has_built vmdiff

make_scratch
run_everywhere lab/growth.py "$bin" "$scratch"
