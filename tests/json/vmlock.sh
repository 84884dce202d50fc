#!/bin/bash
# vmlock's documents are valid by the installed schema in every mode, live and on captured trees, and say what its
# tables say.  Usage: vmlock.sh BIN
# As root also the view of a user without privilege.
set -eu
bin=$(cd "$1" && pwd)
here=$(cd "$(dirname "$0")" && pwd)
schema=$here/../../schemas/vmlock-1.json
/usr/bin/python3 -c 'import jsonschema' 2>/dev/null || { echo "skip: python3-jsonschema is not installed"; exit 77; }
[ -x "$bin/vmlock" ] || { echo "skip: vmlock isn't built"; exit 77; }
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
failed=0
# shellcheck source=tests/tools/reach.sh
. "$here/../tools/reach.sh"

# valid STATUS ARGUMENT...: vmlock ends with this status, and its document is valid.
valid() {
	local wanted=$1 status=0
	shift
	"${as[@]}" "$bin/vmlock" "$@" >"$scratch/out" 2>"$scratch/err" || status=$?
	if [ $status != "$wanted" ]; then
		echo "vmlock $*: status $status instead of $wanted: $(head -1 "$scratch/err")"
		failed=1
	fi
	/usr/bin/python3 -B "$here/validate.py" "$schema" "vmlock $*" <"$scratch/out" || failed=1
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
	valid 0 -J -o all
	valid 0 --format ndjson -o PID,LOCKED
	is "documents of ndjson" "$(wc -l <"$scratch/out")" 1
	valid 0 -J --filter 'LOCKED < 0'
	valid 0 -J self
	tells '.processes[0].mappings == []'
	valid 0 -J -o PID,MAPS self
	tells '.processes[0] | keys == ["map_count", "pid"]'
	valid 0 -J -m
	valid 0 -J -m -o all self
	valid 0 -J --explain 4K
	tells '.processes[0].explain | .would_succeed and .error == null'
	valid 0 -J --explain 4K --onfault self
	valid 1 -J --explain 4K -a 1000 self
	tells '.processes[0].explain | .error == "ENOMEM" and .fails == "mapped"'
	valid 1 -J --explain 128P
	tells '.processes[0].explain | .would_succeed == false and (.fixes | length > 0)'
	valid 0 -J --explain future self
	valid 3 -J 4194305
	valid 3 -J 4194305 self
	is "others are shown" "$(jq '.processes | length' "$scratch/out")" 1
}

as=(env)
every_mode
if [ "$(id -u)" = 0 ]; then
	as=(setpriv --reuid=65534 --regid=65534 --clear-groups --bounding-set=-all)
	root_bin=$bin
	bin=$(reachable "$bin")
	every_mode
	# Limits and rights of others are everyone's to see; their mappings aren't.
	valid 0 -J $$
	tells '.processes[0] | .memlock_limit_bytes != null and .cap_ipc_lock != null and .mappings == null'
	valid 5 -J --strict
	bin=$root_bin
	as=(env)
fi

# Captured trees: known numbers.
cd "$here/../fixtures"
for tree in *; do
	valid 0 -J --root "$tree" -o all
	valid 0 -J --root "$tree" -m
done
valid 0 -J --root locks
is "order" "$(jq -c '[.processes[].pid]' "$scratch/out")" '[401,400,404,402,403,405,406,407]'
is "headroom" "$(jq -c '[.processes[].memlock_headroom_bytes]' "$scratch/out")" \
	'["unlimited",6815744,8388608,65536,0,"unlimited",null,4096]'
is "CAP_IPC_LOCK" "$(jq -c '[.processes[].cap_ipc_lock]' "$scratch/out")" '[true,false,false,false,false,false,null,false]'
is "machine" "$(jq -c '.machine | [.mlocked_bytes, .unevictable_bytes, .max_map_count]' "$scratch/out")" '[2560000,3072000,12]'
valid 0 -J --root locks 400 408
is "locked mappings" "$(jq -c '[.processes[0].mappings[] | [.start, .lock, .size_bytes, .absent_bytes]]' "$scratch/out")" \
	'[["0x10000000","yes",1048576,0],["0x20000000","onfault",524288,393216]]'
is "sums of them" "$(jq -c '.processes[0] | [.locked_mappings, .locked_rss_bytes, .locked_absent_bytes, .on_fault_bytes]' \
	"$scratch/out")" '[2,1179648,393216,524288]'
valid 1 -J --root locks --explain 16M 400 403
is "verdicts" "$(jq -c '[.processes[].explain.error]' "$scratch/out")" '["ENOMEM","EPERM"]'
valid 0 -J --root locks --explain 4K -a 50000000 400
tells '.processes[0].explain | .would_succeed == null'
for size in 64K 1M 6656K 6657K; do
	status=0
	"$bin/vmlock" --root locks --explain $size 400 >"$scratch/words" || status=$?
	valid $status -J --root locks --explain $size 400
	is "words and JSON of $size" "$(sed -n '2s/.*: \([a-z]*\).*/\1/p' "$scratch/words")" \
		"$(jq -r 'if .processes[0].explain.would_succeed then "yes" else "no" end' "$scratch/out")"
done
exit $failed
