#!/bin/bash
# Page tables, pagemap and PAGEMAP_SCAN tell the same of each page of a process that stands still.
# Usage: page-ways.sh BIN_DIR
# shellcheck source=tests/tools/live.sh
. "$(dirname "$0")/../tools/live.sh"
has_built vmpage
has python3
exec python3 -B "$here/page-ways.py" "$bin/vmpage"
