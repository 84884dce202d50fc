#!/bin/bash
# vmrep's documents are valid by the installed schema in every mode, live and on a captured tree, and say what was captured.
# Usage: vmrep.sh BIN
# As root also the view of a user without privilege.
# shellcheck source=tests/tools/documents.sh
. "$(dirname "$0")/../tools/documents.sh"

# tells FILTER: the documents satisfy it.
tells() {
	jq -s -e "$1" "$scratch/out" >/dev/null || { echo "not so: $1 in $(head -c 2000 "$scratch/out")"; failed=1; }
}

every_mode() {
	valid 0 -J
	tells '.[0] | .mode == "machine" and .since_boot and .machine.total_bytes > .machine.free_bytes and .elapsed_ns > 0'
	tells '.[0].machine | .page_faults_per_second > 0 and (.total_bytes >= .anon_bytes + .file_bytes + .slab_bytes)'
	valid 0 -J -o all
	valid 0 -J 0.05 3
	is "documents of 0.05 3" "$(wc -l <"$scratch/out")" 3
	tells '[.[].since_boot] == [true, false, false] and (.[1].elapsed_ns >= 50000000)'
	valid 0 -J -y 0.05 2
	tells '[.[].since_boot] == [false, false]'
	valid 0 --format ndjson -o swap,psi,tlb -t --utc
	tells '.[0].machine.time | endswith("Z")'
	valid 0 -J --totals
	tells '.[0].totals | map(select(.name == "FLT/S"))[0] | .value > 0 and .unit == "count" and .counter'
	valid 0 -J -p $$
	tells '.[0].processes | length == 1 and .[0].minor_faults > 0 and .[0].minor_faults_per_second > 0'
	valid 0 -J -p $$,self -o all 0.05 2
	is "documents of two samples" "$(wc -l <"$scratch/out")" 2
	valid 0 -J -a -s MAJFLT
	valid 0 -J -n . -o mem,fault,swap
	valid 3 -J -p 4194305
	valid 3 -J -p 4194305 0.05 2
	valid 2 -J -s FREE
}

every_mode
if [ "$(id -u)" = 0 ]; then
	as_nobody
	every_mode
	valid 0 -J -p $$ -o PID,PSS
	tells '.[0] | .processes[0].pss_bytes == null and .unmet.rollup.processes == 1'
	valid 5 -J --strict -p $$ -o PID,PSS
	as_root
fi

# A captured machine: known numbers, up for 1000 seconds.
valid 0 -J --root "$here/../fixtures/machine"
tells '.[0] | .time == "2026-01-02T03:04:05Z" and .elapsed_ns == 1e12 and .unmet == {} and .took_ns == null'
tells '.[0].machine | .page_faults_per_second == 12345 and .swapped_out_bytes_per_second == 1048576 and .time == null'
tells '.[0].machine | .used_bytes == 8589934592 and .committed_share == 0.3 and .committed_limit_share == 0.5 and .reclaimed_share == 0.75'
tells '.[0].machine | .memory_pressure_share == 0.02 and .memory_pressure_avg10_share == 0.025 and .tlb_shootdowns_per_second == 100'
tells '.[0].machine | .mthp_bytes_per_second == 209715.2 and .pool_free_bytes == 268435456 and .ksm_sharing_bytes == 33554432'
valid 0 -J --root "$here/../fixtures/machine" --totals
tells '.[0] | .uptime_ns == 1e12 and ([.totals[] | select(.name == "SI/S")][0] | .value == 104857600 and .unit == "bytes")'
# What a kernel doesn't tell is null, and why is told.
valid 0 -J --root "$here/../fixtures/linux-5.10" -o psi,tlb,fault
tells '.[0] | .machine.tlb_shootdowns_per_second == null and .unmet.shootdowns.why == "not in the captured tree"'
valid 5 -J --strict --root "$here/../fixtures/linux-5.10"
valid 0 -J --root "$here/../fixtures/linux-6.18" -a
valid 2 -J --root "$here/../fixtures/machine" 1
exit $failed
