#!/bin/sh
# Page faults of vmlab's workloads, by vmfault, against what is stated.  Usage: vmfault-truth.sh BIN_DIR
# shellcheck source=tests/tools/live.sh
. "$(dirname "$0")/../tools/live.sh"
has python3
has_built vmfault
make_scratch
run_everywhere lab/faults.py "$bin" "$scratch"
