#!/bin/bash
# vmfault's documents are valid by the installed schemas, and their sums hold.  Usage: vmfault.sh BIN
# shellcheck source=tests/tools/documents.sh
. "$(dirname "$0")/../tools/documents.sh"
schemas=$here/../../schemas

# valid SCHEMA ARGUMENT...: vmfault's documents in $scratch/out are valid.
valid() {
	local schema=$1 status=0
	shift
	: >"$scratch/out"
	chmod 666 "$scratch/out"
	"${as[@]}" "$bin/vmfault" --output "$scratch/out" "$@" >"$scratch/said" 2>"$scratch/err" || status=$?
	if [ $status != 0 ]; then
		echo "vmfault $*: status $status: $(head -1 "$scratch/err")"
		failed=1
		return
	fi
	/usr/bin/python3 -B "$here/validate.py" "$schemas/$schema" "vmfault $*" <"$scratch/out" || failed=1
}
# holds WHAT FILTER: jq says true of every document.
holds() {
	[ "$(jq -s "map($2) | all" "$scratch/out")" = true ] || { echo "$1: $2 doesn't hold"; failed=1; }
}
sums() {
	holds "$1" '([.kinds[].count] | add // 0) == .faults.total'
	holds "$1" '([.mappings[].faults] | add // 0) <= .faults.total'
	holds "$1" '[.kinds[] | select(.p50_ns) | .p50_ns <= .p90_ns and .p90_ns <= .p99_ns and .p99_ns <= .max_ns] | all'
	holds "$1" '[.mappings[] | .faults == ([.kinds[]] | add)] | all'
	holds "$1" '[.sites[] | .faults == ([.kinds[]] | add)] | all'
	holds "$1" '.faults.minor + .faults.major + (.faults.invalid // 0) + (.faults.unresolved // 0) == .faults.total'
	holds "$1" '.faults.total == 0 or ([.kinds[].share] | add - 1 | fabs < 1e-6)'
	holds "$1" '.fault_time_ns == null or ([.kinds[].time_ns // 0] | add // 0) == .fault_time_ns'
	holds "$1" '([.sites[].faults] | add // 0) <= .faults.total'
	holds "$1" '([.timeline.faults[]] | add // 0) <= .faults.total'
	holds "$1" '.counters.minor_faults == null or .counters.minor_faults <= .faults.minor + .counters.minor_unseen'
	holds "$1" '.counters.major_faults == null or .counters.major_faults <= .faults.major + .counters.major_unseen'
	# Two stacks that share a place in the kernel's table leave one of them out, which is told.
	holds "$1" '[.lost | to_entries[] | select(.key != "stacks") | .value] | add == 0'
}

valid vmfault-1.json -J -- true
sums "a command"
source=$(jq -r .source "$scratch/out")
holds "a command" '.exit_status == 0 and .target == "command" and .faults.total > 10'
valid vmfault-1.json -J -o all -- sh -c 'exit 0'
cat >"$scratch/busy" <<'END'
i=0; while [ $i -lt 20000 ]; do i=$((i+1)); done
END
valid vmfault-1.json --format ndjson -i 50ms -- sh "$scratch/busy"
sums "an interval"
valid vmfault-1.json -J -p $$ 0.1
holds "a process" '.target == "pids" and .exit_status == null'
valid vmfault-1.json -J --via counters -- true
holds "counters" '.source == "counters" and .fault_time_ns == null and .mappings == [] and .faults.total > 10'
holds "counters" '[.kinds[] | .bytes == null and .kernel_count == null and .mean_ns == null] | all'
holds "counters" '.faults.invalid == null and .faults.kernel == null and [.threads[].invalid_faults] == [null]'
for by in kind mapping file site stack thread; do
	[ "$source" != counters ] || [ $by = kind ] || [ $by = thread ] || continue
	valid vmfault-1.json -J --by $by -o all -- true
	sums "--by $by"
done
if "$bin/vmfault" --via perf -- true >/dev/null 2>&1; then
	valid vmfault-1.json -J --via perf -- true
	sums "perf events"
	holds "perf events" '.source == "perf" and .fault_time_ns == null and .faults.invalid == null'
	holds "perf events" '.kinds[].bytes == null and ([.mappings[].faults] | add) > 10'
fi
# The schemas know the kinds that the program knows.
words=$("$bin/vmfault" --print-doc man-fault-kinds | sed -n 's/^\.It .* Pq Cm //p' | sort)
for schema in vmfault-1 vmfault-event-1; do
	[ "$(jq -r '(."$defs".kind_word // .properties.kind).enum[]' "$schemas/$schema.json" | sort)" = "$words" ] ||
		{ echo "$schema.json: other kinds than vmfault's"; failed=1; }
done
# Programs and files can have any name.
evil=$scratch/$'we"ird \\\n\t\xff\xc3 (deleted)'
cp /bin/true "$evil"
valid vmfault-1.json -J -- "$evil"
holds "hostile names" '.command | endswith(" (deleted)")'
[ "$source" = counters ] || holds "hostile names" '[.mappings[].name | select(. != null and contains("we\"ird"))] | length > 0'
cgroup=$(sed -n 's/^0:://p' /proc/self/cgroup 2>/dev/null)
if [ -n "$cgroup" ] && [ -e "/sys/fs/cgroup$cgroup/cgroup.procs" ]; then
	valid vmfault-1.json -J -g "$cgroup" -d 20ms
	holds "a cgroup" ".target == \"cgroup\" and .cgroup == \"$cgroup\""
fi
if [ "$source" = ebpf ]; then
	valid vmfault-1.json -J --by mapping --filter 'FAULTS > 1' -s FAULTS -o FAULTS,NAME -- true
	holds "a filter" '[.mappings[].faults] | length > 0 and min > 1 and . == (sort | reverse)'
	valid vmfault-1.json -J --by file -- sh -c 'true; true'
	holds "by file" '.mappings | map(.name + .perm) | length == (unique | length)'
	holds "threads" '([.threads[].faults] | add) == .faults.total'
	valid vmfault-1.json -J --stacks -- true
	holds "stacks" '([.stacks[].faults] | add) == .faults.total'
	valid vmfault-1.json -J -a -d 50ms
	valid vmfault-event-1.json -J --trace -- true
	faults=$(sed -n 's/^vmfault: \([0-9]*\) faults, 0 lost$/\1/p' "$scratch/err")
	[ "$(wc -l <"$scratch/out")" = "$faults" ] || { echo "--trace: $(wc -l <"$scratch/out") lines of '$faults' faults"; failed=1; }
	holds "events" '.latency_ns > 0 and .error_code < 256 and .mapping != null'
else
	echo "skip: kinds and times: $(jq -r .why_not "$scratch/out")"
fi
if [ "$(id -u)" = 0 ]; then
	as_nobody
	valid vmfault-1.json -J -- true
	sums "as nobody"
	valid vmfault-1.json -J --via counters -- true
fi
exit $failed
