#!/bin/sh
# vmtlb's counting: with a PMU that isn't there, with the kernel's own events, and where it is refused.
# Usage: vmtlb-count.sh BIN_DIR
# shellcheck source=tests/tools/live.sh
. "$(dirname "$0")/../tools/live.sh"
has python3
has_built vmtlb
# What it needs besides is beside it, where an earlier run has put it, or among the tests' programs.
tools=$bin/../tests
[ -x "$bin/toucher" ] && tools=$bin
[ -x "$tools/toucher" ] || skip "the tests' programs aren't built"
make_scratch
# Nobody has to reach them.
chmod 755 "$scratch"
mkdir "$scratch/bin" && cp "$bin/vmtlb" "$tools/toucher" "$tools/libfakepmu.so" "$scratch/bin/" || exit 1
bin=$scratch/bin
run_everywhere count/count.py "$bin" "$scratch"
