#!/bin/bash
# Processes of 8 to 20 000 mappings: every format tells all of them, and the sums are right.
# Usage: large.sh BIN_DIR
set -u
here=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd)
bin=${1:-${VM_BIN:-}}
[ -n "$bin" ] || { echo "usage: $0 BIN_DIR" >&2; exit 2; }
[ -x "$bin/vmmap" ] || { echo "skip: no vmmap in $bin"; exit 77; }
command -v python3 >/dev/null || { echo "skip: python3 is not installed"; exit 77; }
command -v jq >/dev/null || { echo "skip: jq is not installed"; exit 77; }
scratch=$(mktemp -d) || exit 1
trap 'rm -rf "$scratch"' EXIT
failed=0

# is WHAT GOT WANTED
is() {
	[ "$2" = "$3" ] && return
	echo "FAIL: $n mappings, $1: $2 instead of $3"
	failed=1
}

# 2047 to 2049: around where tables and buffers change their manner.
for n in 8 100 2047 2048 2049 20000; do
	rm -rf "$scratch/tree"
	truth=$(python3 -B "$here/../tools/mkproc.py" "$scratch/tree" "$n" "$n") || exit 1
	map() { "$bin/vmmap" --root "$scratch/tree" "$@" 7000 2>/dev/null; }
	fact() { jq ".$1" <<<"$truth"; }
	map -J >"$scratch/doc"
	# Figures by list, by totals and of the process itself, each a line as the truth has them.
	is "figures of the list" "$(jq -c '.processes[0].mappings | map([.count, .size_bytes, .rss_bytes, .pss_bytes,
		.uss_bytes, .anon_bytes]) | transpose | map(add)' "$scratch/doc")" \
		"$(jq -c '[.mappings, .size_bytes, .rss_bytes, .pss_bytes, .uss_bytes, .anon_bytes]' <<<"$truth")"
	is "figures of the totals" "$(jq -c '.processes[0].totals | map([.count, .size_bytes, .rss_bytes, .pss_bytes,
		.uss_bytes, .anon_bytes]) | transpose | map(add)' "$scratch/doc")" \
		"$(jq -c '[.mappings, .size_bytes, .rss_bytes, .pss_bytes, .uss_bytes, .anon_bytes]' <<<"$truth")"
	is "figures of the process" "$(jq -c '.processes[0] | [.vsz_bytes, .rss_bytes, .pss_bytes, .uss_bytes, .anon_bytes]' \
		"$scratch/doc")" "$(jq -c '[.size_bytes, .rss_bytes, .pss_bytes, .uss_bytes, .anon_bytes]' <<<"$truth")"
	for by in kind file perm name page; do
		map -J --by "$by" -o COUNT,RSS >"$scratch/groups"
		is "count by $by" "$(jq '[.processes[0].groups[].count] | add' "$scratch/groups")" "$(fact mappings)"
		is "RSS by $by" "$(jq '[.processes[0].groups[].rss_bytes] | add' "$scratch/groups")" "$(fact rss_bytes)"
	done
	is "lines of CSV" "$(map --csv -o START,RSS | tail -n +2 | wc -l)" "$(fact mappings)"
	is "RSS in CSV" "$(map --csv --no-headings -o RSS | awk '{ s += $1 } END { printf "%.0f", s }')" "$(fact rss_bytes)"
	is "samples of OpenMetrics" "$(map --format openmetrics -o RSS | grep -c '^vm_')" "$(fact mappings)"
	is "rows of the table" "$(map --no-headings -o SIZE,MAPPING | wc -l)" "$(fact mappings)"
	is "RSS in the table" "$(map --no-headings -b -o RSS | awk '{ s += $1 } END { printf "%.0f", s }')" "$(fact rss_bytes)"
	is "ascending addresses" "$(map --csv --no-headings -o START | LC_ALL=C sort -c 2>&1)" ""
	is "sorted by RSS" "$(map --csv --no-headings -o RSS -s RSS | sort -c -n -r 2>&1)" ""
	is "VSZ in --mm" "$(map --mm -J | jq '.processes[0].mm.total_vm_bytes')" "$(fact size_bytes)"
	is "map_count" "$(map --mm -J | jq '.processes[0].mm.map_count')" "$(fact mappings)"
	map --layout >"$scratch/layout" || is "status of --layout" "$?" 0
done
[ "$failed" = 0 ] && echo "all sums are right"
exit "$failed"
