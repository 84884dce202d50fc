#!/bin/sh
# vmfault chooses processes that make threads and children all the time, and such that gain privileges: is each fault
# told exactly once?  Usage: vmfault-heard.sh BIN_DIR
# shellcheck source=tests/tools/live.sh
. "$(dirname "$0")/../tools/live.sh"
has python3
"$bin/vmfault" --via ebpf --output /dev/null -- true 2>/dev/null || skip "this user may not watch faults by eBPF"
make_scratch
python3 -B "$here/vmfault-heard.py" "$bin" "$scratch"
