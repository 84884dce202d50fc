#!/bin/sh
# vmtlb --sites and --stacks: by the kernel's own events, which are exact; and by a PMU that isn't there, for which the
# kernel delivers page faults.  Usage: vmtlb-sites.sh BIN_DIR
# shellcheck source=tests/tools/live.sh
. "$(dirname "$0")/../tools/live.sh"
build=${VM_BUILD:-$bin/..}
has python3
has_built vmtlb
make_scratch
# Nobody has to reach what is copied there.
chmod 755 "$scratch"
"$bin/vmtlb" --sites --event page-faults -J -- true >"$scratch/try" 2>/dev/null || skip "vmtlb doesn't run here"
grep -q '"refused": null' "$scratch/try" || skip "this user may not sample page faults"
mkdir "$scratch/bin" && cp "$bin/vmtlb" "$bin/vmlab" "$scratch/bin/" || exit 1
for library in "$build/tests/libfakepmu.so" "$bin/libfakepmu.so"; do
	[ ! -e "$library" ] || cp "$library" "$scratch/bin/"
done
bin=$scratch/bin
run_everywhere count/sites.py "$bin" "$scratch"
