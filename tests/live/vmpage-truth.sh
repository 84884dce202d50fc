#!/bin/sh
# Every page of vmlab's workloads, by all ways of reading, against what is stated.  Usage: vmpage-truth.sh BIN_DIR
# shellcheck source=tests/tools/live.sh
. "$(dirname "$0")/../tools/live.sh"
has python3
has_built vmpage
make_scratch
run_everywhere lab/pages.py "$bin" "$scratch"
