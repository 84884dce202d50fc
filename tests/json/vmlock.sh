#!/bin/bash
# vmlock's documents are valid by the installed schema in every mode, live and on captured trees, and say what its
# tables say.  Usage: vmlock.sh BIN
# As root also the view of a user without privilege.
# shellcheck source=tests/tools/documents.sh
. "$(dirname "$0")/../tools/documents.sh"

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

every_mode
if [ "$(id -u)" = 0 ]; then
	as_nobody
	every_mode
	# Limits and rights of others are everyone's to see; their mappings aren't.
	valid 0 -J $$
	tells '.processes[0] | .memlock_limit_bytes != null and .cap_ipc_lock != null and .mappings == null'
	valid 5 -J --strict
	as_root
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
