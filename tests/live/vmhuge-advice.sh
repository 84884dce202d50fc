#!/bin/sh
# Each advice of vmhuge is followed, and what it promised must come true.  Usage: vmhuge-advice.sh BIN_DIR
# Policies of the machine are changed for moments, and put back whatever happens; as root also as a user without privilege.
# shellcheck source=tests/tools/live.sh
. "$(dirname "$0")/../tools/live.sh"
thp=/sys/kernel/mm/transparent_hugepage
has python3
has_built vmhuge
[ -r $thp/enabled ] || skip "this kernel has no transparent huge pages"
scratch=$(mktemp -d) || skip "no directory for temporary files"

settings="enabled shmem_enabled khugepaged/scan_sleep_millisecs khugepaged/alloc_sleep_millisecs khugepaged/pages_to_scan
	khugepaged/max_ptes_none khugepaged/max_ptes_swap khugepaged/max_ptes_shared
	$(cd $thp && ls -d hugepages-*/enabled 2>/dev/null)"
for s in $settings; do
	# The word in brackets, or the number.
	sed -e 's/.*\[\(.*\)\].*/\1/' $thp/"$s" >"$scratch/$(echo "$s" | tr / _)" 2>/dev/null
done
restore() {
	for s in $settings; do
		[ ! -w $thp/"$s" ] || cat "$scratch/$(echo "$s" | tr / _)" >$thp/"$s"
	done
	umount -l "$scratch/tmpfs" 2>/dev/null
	rm -rf "$scratch"
}
trap restore EXIT
trap 'exit 1' INT TERM

run_everywhere lab/advice.py "$bin" "$scratch"
