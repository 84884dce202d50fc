#!/bin/sh
# vmpage on a process that maps, unmaps, forks and dies at full speed.  Usage: chaos.sh BIN_DIR
# VM_CHAOS_SECONDS: for how long (default 15).
# shellcheck source=tests/tools/live.sh
. "$(dirname "$0")/../tools/live.sh"
has_built vmpage
[ "$(id -u)" = 0 ] || skip "page tables can be read by root only"
has python3
exec python3 -B "$here/lab/chaos.py" "$bin"
