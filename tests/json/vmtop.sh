#!/bin/bash
# vmtop's documents are valid by the installed schema, and say what its table says.  Usage: vmtop.sh BIN
# shellcheck source=tests/tools/documents.sh
. "$(dirname "$0")/../tools/documents.sh"

valid 0 -J
valid 0 -J -k -o all
valid 0 --format ndjson -o PID,RSS,PSS
valid 0 -J --filter 'RSS < 0'
valid 0 -J -p self,$$
valid 0 -J -o PID,MINFLT/S,RSS/S,CPU% 0.05 3
is "documents of 0.05 3" "$(wc -l <"$scratch/out")" 3
is "rates of the first" "$(head -1 "$scratch/out" | jq -c '[.processes[].cpu_share] | unique')" '[null]'
is "rates of the last" "$(tail -1 "$scratch/out" | jq '[.processes[].cpu_share | numbers] | length > 0')" true
if [ "$(id -u)" = 0 ]; then
	as_nobody
	valid 0 -J
	is "PSS of others" "$(jq -c '[.processes[] | select(.uid == 0) | .pss_bytes] | unique' "$scratch/out")" '[null]'
	is "a partial sum isn't told" "$(jq .totals.pss_bytes "$scratch/out")" null
	valid 5 -J --strict
	as_root
fi

# A captured machine: known numbers.
sh "$here/../tui/mktree.sh" "$scratch/root"
valid 0 -J --root "$scratch/root" -o all
valid 0 -J --root "$scratch/root" -o PID,PSS,COMM
is "order" "$(jq -c '[.processes[].pid]' "$scratch/out")" '[300,301,1,500,666]'
is "sum of PSS" "$(jq .totals.pss_bytes "$scratch/out")" $(((102400 + 51200 + 6144 + 1024 + 3072) * 1024))
is "hostile name" "$(jq -r '.processes[4].comm' "$scratch/out")" 'e) R (vil'
numa=$here/../fixtures/numa2
valid 0 -J --root "$numa" -o PID,N0,N1,CONTAINER,THP%
is "bytes by node" "$(jq -c '[.processes[] | select(.pid == 501) | .node0_bytes, .node1_bytes] | map(. > 0)' "$scratch/out")" '[true,true]'
valid 0 -J --root "$scratch/root" -u ann
is "of ann" "$(jq -c '[.processes[].pid]' "$scratch/out")" '[500,666]'
valid 0 -J --root "$scratch/root" -n '^post'
is "by name" "$(jq -c '[.processes[].pid]' "$scratch/out")" '[300,301]'
valid 0 -J --root "$scratch/root" -k -s PID
is "kernel threads too" "$(jq -c '[.processes[].pid]' "$scratch/out")" '[1,2,300,301,500,666]'

# What x writes; without screens there is no key.
if [ "${VM_HAVE_TUI:-1}" = 1 ]; then
	(cd "$scratch" && printf 'key x\nkey Enter Tab x\n' >keys && "$bin/vmtop" --root root --script keys)
	for file in "$scratch"/vmtop-*.json; do
		/usr/bin/python3 -B "$here/validate.py" "$schema" "key x: ${file##*/}" <"$file" || failed=1
	done
	is "files of x" "$(find "$scratch" -name 'vmtop-*.json' | wc -l)" 2
fi

# Wrong usage and processes that aren't there have statuses of their own.
status() {
	local wanted=$1 got=0
	shift
	"$bin/vmtop" "$@" >"$scratch/out" 2>"$scratch/err" || got=$?
	is "status of vmtop $*" "$got" "$wanted"
	is "output of vmtop $*" "$(wc -c <"$scratch/out")" 0
	is "message of vmtop $*" "$([ -s "$scratch/err" ] && echo yes)" yes
}
status 3 -p 4194305
status 2 -p x
status 2 -o NOPE
status 2 -n '('
status 2 -u nosuchuser
status 2 --budget 0
status 2 --budget 101
status 2 1 2 3
status 2 --script "$scratch/nothing" 1 x
code=0
"$bin/vmtop" --once >/dev/full 2>"$scratch/err" || code=$?
is "a full disk" "$code" 1
exit $failed
