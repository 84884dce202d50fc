#!/bin/bash
# vmhuge's documents are valid by the installed schema in every mode, live and on captured trees.
# Usage: vmhuge.sh BIN
# As root also the view of a user without privilege.
set -eu
bin=$(cd "$1" && pwd)
here=$(cd "$(dirname "$0")" && pwd)
schema=$here/../../schemas/vmhuge-1.json
/usr/bin/python3 -c 'import jsonschema' 2>/dev/null || { echo "skip: python3-jsonschema is not installed"; exit 77; }
[ -x "$bin/vmhuge" ] || { echo "skip: vmhuge isn't built"; exit 77; }
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
failed=0
# shellcheck source=tests/tools/reach.sh
. "$here/../tools/reach.sh"

# valid STATUS ARGUMENT...: vmhuge ends with this status, and its document is valid.
valid() {
	local wanted=$1 status=0
	shift
	"${as[@]}" "$bin/vmhuge" "$@" >"$scratch/out" 2>"$scratch/err" || status=$?
	if [ $status != "$wanted" ]; then
		echo "vmhuge $*: status $status instead of $wanted: $(head -1 "$scratch/err")"
		failed=1
	fi
	/usr/bin/python3 -B "$here/validate.py" "$schema" "vmhuge $*" <"$scratch/out" || failed=1
}
is() {
	[ "$2" = "$3" ] || { echo "$1: $2 instead of $3"; failed=1; }
}
# tells FILTER: the last document satisfies it.
tells() {
	jq -e "$1" "$scratch/out" >/dev/null || { echo "not so: $1 in $(head -c 2000 "$scratch/out")"; failed=1; }
}

every_mode() {
	valid 0 -J
	tells '.mode == "machine" and .memory.total_bytes > 0'
	valid 0 -J -o all
	valid 0 -J -m 0.05 2
	is "documents of samples" "$(wc -l <"$scratch/out")" 2
	valid 0 -J -a
	tells '.mode == "all"'
	valid 0 -J -a -o all
	valid 0 -J -a --filter 'RSS < 0'
	tells '.processes == []'
	valid 0 -J self
	tells '.processes[0] | .resident_bytes > 0 and (.mappings | length > 0) and (.why | length > 0)'
	tells '[.processes[0].why[] | (.reasons | length) == (.evidence | length)] | all'
	valid 0 -J -o all self
	valid 0 -J -o START,HUGE self
	tells '.processes[0].mappings[0] | keys == ["huge_bytes", "start"]'
	valid 0 -J --ranges -o all self
	valid 0 -J self 0.05s 2
	is "documents of samples of a process" "$(wc -l <"$scratch/out")" 2
	for via in page-tables pagemap pagemap-scan; do
		"${as[@]}" "$bin/vmhuge" --via $via self >"$scratch/out" 2>&1 && valid 0 -J --via $via self
	done
	return 0
}

# A process of one's own, with memory that may be made huge: changed, or the kernel says why not.
collapse() {
	local status=0
	"${as[@]}" "$bin/vmhuge" -J --collapse all self >"$scratch/out" 2>"$scratch/err" || status=$?
	case $status in
	0) valid 0 -J --collapse all self; tells '.mode == "collapse" and .collapsed_ranges <= .tried_ranges' ;;
	1|4) echo "not collapsed: $(head -1 "$scratch/err")" ;;
	*) echo "--collapse: status $status: $(head -1 "$scratch/err")"; failed=1 ;;
	esac
}

as=(env)
every_mode
collapse
if [ "$(id -u)" = 0 ]; then
	as=(setpriv --reuid=65534 --regid=65534 --clear-groups --bounding-set=-all)
	root_bin=$bin
	bin=$(reachable "$bin")
	every_mode
	bin=$root_bin
	as=(env)
fi

# Captured trees: known numbers.
cd "$here/../fixtures"
for tree in *; do
	valid 0 -J --root "$tree"
	valid 0 -J --root "$tree" -a -o all
done
valid 0 -J --root linux-6.18 -a
is "order and figures" "$(jq -c '[.processes[] | [.pid, .resident_bytes, .huge_bytes]] | sort' "$scratch/out")" \
	'[[1001,15781888,10485760],[1002,3252224,0],[1003,12275712,0]]'
valid 0 -J --root linux-6.18 1001
tells '.took_ns == null and .processes[0].read_ns == null'
tells '.processes[0] | .resident_bytes == ([.sizes[].total_bytes] | add) and .huge_bytes == ([.mappings[].huge_bytes] | add)'
status=0
"$bin/vmhuge" -J --root linux-6.18 4194305 >"$scratch/out" 2>&1 || status=$?
is "status without a process" $status 3
exit $failed
