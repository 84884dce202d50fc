#!/bin/sh
# vmtop goes through all of its screens thousands of times, and doesn't grow.  soak.sh BINDIR
set -eu
bin=$(cd "${1:?directory of the commands}" && pwd)
here=$(cd "$(dirname "$0")" && pwd)
[ -x "$bin/vmtop" ] || { echo "skip: vmtop isn't built"; exit 77; }
command -v python3 >/dev/null || { echo "skip: python3 is not installed"; exit 77; }
exec python3 -B "$here/soak.py" "$bin"
