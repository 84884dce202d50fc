#!/bin/sh
# vmtop's tab Pages against what vmlab says of its pages, as root and without privilege: cell by cell.
# Usage: vmtop-pages.sh BIN_DIR
# shellcheck source=tests/tools/live.sh
. "$(dirname "$0")/../tools/live.sh"
has_built vmtop vmlab
has python3
exec python3 -B "$here/lab/toppages.py" "$bin"
