#!/bin/sh
# Stopped and continued at any moment while it reads, a command gives the same answer.
# Usage: interrupts.sh BIN_DIR
# shellcheck source=tests/tools/live.sh
. "$(dirname "$0")/../tools/live.sh"
has python3
exec python3 -B "$here/lab/interrupts.py" "$bin"
