#!/bin/sh
# vmtop on terminals of several kinds: colours, and how much is written.  terminal.sh BINDIR
set -eu
bin=$(cd "${1:?directory of the commands}" && pwd)
here=$(cd "$(dirname "$0")" && pwd)
[ -x "$bin/vmtop" ] || { echo "skip: vmtop isn't built"; exit 77; }
/usr/bin/python3 -c 'import pty' 2>/dev/null || { echo "skip: python3 is not installed"; exit 77; }
command -v tic >/dev/null || { echo "skip: tic is missing (ncurses-bin)"; exit 77; }
exec /usr/bin/python3 -B "$here/terminal.py" "$bin" "$here/mktree.sh"
