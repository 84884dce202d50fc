#!/bin/sh
# vmshare against what workloads state by construction, and against raw page frames, map counts and PSS of the kernel.
# Usage: vmshare-truth.sh BIN_DIR
# shellcheck source=tests/tools/live.sh
. "$(dirname "$0")/../tools/live.sh"
has python3
has_built vmshare

make_scratch
run_everywhere lab/sharing.py "$bin"
