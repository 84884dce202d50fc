#!/bin/sh
# Sizes of pages by vmhuge in all ways of reading, against what vmlab's workloads state and against kpageflags by hand.
# Usage: vmhuge-truth.sh BIN_DIR; as root also as a user without privilege
# shellcheck source=tests/tools/live.sh
. "$(dirname "$0")/../tools/live.sh"
has python3
has_built vmhuge
make_scratch
run_everywhere lab/huge.py "$bin" "$scratch"
