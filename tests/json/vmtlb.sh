#!/bin/bash
# vmtlb's documents are valid by the installed schema, in each of its ways, and their figures fit together.
# Usage: vmtlb.sh BIN
# shellcheck source=tests/tools/documents.sh
. "$(dirname "$0")/../tools/documents.sh"
schemas=$here/../../schemas
trap 'kill "${target:-$!}" 2>/dev/null; rm -rf "$scratch"' EXIT
# What --probe finds is kept here, and not in the home of whoever tests.
export XDG_CACHE_HOME=$scratch

# valid ARGUMENT...: vmtlb's documents in $scratch/out are valid; status 1 says that this can't be measured here, and why.
valid() {
	local status=0
	"${with[@]}" "$bin/vmtlb" "$@" >"$scratch/out" 2>"$scratch/err" </dev/null || status=$?
	if [ $status = 1 ] && [ ! -s "$scratch/out" ]; then
		echo "skip: vmtlb $*: $(head -1 "$scratch/err")"
		return 1
	fi
	[ $status = 0 ] || { echo "vmtlb $*: status $status: $(head -1 "$scratch/err")"; failed=1; }
	/usr/bin/python3 -B "$here/validate.py" "$schemas/vmtlb-1.json" "vmtlb $*" <"$scratch/out" || failed=1
}
# holds WHAT FILTER: jq says true of every document.
holds() {
	[ "$(jq -s "map($2) | all" "$scratch/out")" = true ] || { echo "$1: $2 doesn't hold"; failed=1; }
}
# documents WHAT N: there are so many.
documents() {
	[ "$(jq -s length "$scratch/out")" = "$2" ] || { echo "$1: not $2 documents"; failed=1; }
}

# one_kind ARGUMENT...: where no document is around the rows, they are of one kind: all of CSV has as many cells, and
# OpenMetrics is one set.
one_kind() {
	"$bin/vmtlb" --csv "$@" >"$scratch/rows" 2>"$scratch/err" </dev/null || { echo "--csv $*: status $?"; failed=1; }
	/usr/bin/python3 -c 'import csv, sys
sys.exit(len({len(row) for row in csv.reader(open(sys.argv[1]))}) != 1)' "$scratch/rows" || { echo "--csv $*: rows of several kinds"; failed=1; }
	"$bin/vmtlb" --format openmetrics "$@" >"$scratch/rows" 2>"$scratch/err" </dev/null ||
		{ echo "--format openmetrics $*: status $?: $(cat "$scratch/err")"; failed=1; }
	[ "$(grep '^# EOF' "$scratch/rows")$(tail -1 "$scratch/rows")" = '# EOF# EOF' ] ||
		{ echo "--format openmetrics $*: not one set"; failed=1; }
	! grep -vE '^(#|[a-zA-Z_:][a-zA-Z0-9_:]*\{)' "$scratch/rows" || { echo "--format openmetrics $*: no names of metrics"; failed=1; }
}

with=(env)
sleep 600 &
target=$!

# Counting: whatever this machine counts, and what those count that it isn't.
count() {
	holds "$1" '.mode == "count" and .target == "command"'
	holds "$1" '[.sides[] | .walks == null or .accesses == null or .walk_ratio == null or .walk_ratio >= 0] | all'
	holds "$1" '[.events[] | .raw == null or .running_ns <= .enabled_ns] | all'
	holds "$1" '(.counters.state == "ready") == (.counters.cores | length > 0)'
}
valid -J -- true && count "a command"
valid -J -o all -- true
valid -J -e page-faults,cpu-clock -- true && holds "events" '.events | length == 2'
valid --format ndjson -i 20ms -- sleep 0.1 && holds "samples" 'has("sample")'
if valid -J -p $target 0.02 2; then
	documents "two samples" 2
fi
# What it leaves to the kernel, root alone may do to kernel mode.
if [ "$(id -u)" != 0 ]; then
	:
elif [ -e "${VM_BUILD:-$bin/..}/tests/libfakepmu.so" ]; then
	lib=$(cd "${VM_BUILD:-$bin/..}/tests" && pwd)/libfakepmu.so
	for machine in $(PYTHONPATH=$here/../live/count python3 -B -c 'import machine; print(*machine.MACHINES)'); do
		mkdir -p "$scratch/$machine"
		PYTHONPATH=$here/../live/count python3 -B -c 'import machine, sys
for item in machine.make(sys.argv[1], sys.argv[2]).items(): print("%s=%s" % item)' "$scratch/$machine" "$machine" >"$scratch/fake"
		mapfile -t fake <"$scratch/fake"
		with=(env "${fake[@]}" "LD_PRELOAD=$lib" ASAN_OPTIONS=verify_asan_link_order=0)
		valid -J -- true && count "$machine" && holds "$machine" '.sides | length > 0'
		valid -J -e dTLB-loads,dTLB-load-misses -- true
		with+=(FAKEPMU_RUNNING=0)
		valid -J -- true && holds "$machine, not counted" '[.sides[].walks] | all(. == null)'
	done
	with=(env)
else
	echo "skip: there is no PMU that isn't there"
fi

# Sampling: of faults, which every machine has.
samples() {
	holds "$1" '.samples == ([.events[].samples] | add)'
	holds "$1" '([(.sites // .stacks)[].samples] | add // 0) == .samples'
	holds "$1" '[(.sites // .stacks)[].share // 0] | add // 1 | . - 1 | fabs < 1e-6'
}
if valid -J --sites -e page-faults -- sh -c 'exit 0'; then
	samples "sites"
	one_kind --sites -e page-faults -- true
	holds "sites" '([.mappings[].samples] | add) <= .samples'
fi
valid -J --stacks -e page-faults -- sh -c 'exit 0' && samples "stacks"
valid -J --sites -o all -e page-faults -- true
valid --format ndjson --sites -e page-faults -i 20ms -- sleep 0.1
# Without a PMU there is nothing, and that is said.
valid -J --sites -- true && holds "sites of walks" '(.counters.state == "ready") or (.sites == null and .samples == null)'

if valid -J --probe; then
	holds "probe" '[.levels[] | select(.entries) | .entries_low <= .entries and .entries <= .entries_high] | all'
	holds "probe" '([.costs[].bytes] | . == sort) and ([.curve[] | select(.curve == "data") | .pages] | . == sort)'
	holds "probe" '.trusted == (.doubt == null)'
	valid -J --probe -o all
	one_kind --probe
fi

if valid -J --model -- true; then
	one_kind --model -- true
	holds "model" '.is_model and .exit_status == 0'
	holds "model" '(.policies[0].walks + .policies[0].code_walks) == ([.mappings[].walks] | add)'
	holds "model" '[.policies[] | .l1_misses >= .walks and .walks == .l1_misses - .stlb_hits] | all'
	valid -J --model -o all -- true
	valid -J --model --geometry l1d=4x1,stlb=0 -- true && holds "geometry" '.geometry_by == "user" and (.geometry | test("l1d=4x1,"))'
fi

hot() {
	holds "$1" '.target == "pids" and .windows.walked.count == .samples and .windows.brief.count == .samples'
	holds "$1" '.windows.used.count == (if .flush then .samples else 0 end)'
	holds "$1" '[.mappings[] | .used_bytes == null or .walked_bytes == null or .used_bytes >= .walked_bytes] | all'
	holds "$1" '.flush != null or ([.mappings[].used_bytes] | all(. == null))'
	holds "$1" '.cost.cleared == .windows.brief.count + .windows.walked.count + .windows.used.count'
}
if valid -J --hot --clear-refs -p $target --samples 3 --window 2ms; then
	hot "hot"
	one_kind --hot --clear-refs -p $target
	valid -J --hot --clear-refs -p $target --flush none && hot "hot, no flush"
	valid -J --hot --clear-refs -p $target -o all
	valid -J --hot --clear-refs -p $target --samples 1 0.02 2 && documents "hot" 2
fi

ab() {
	holds "$1" '.pairs == .pairs_wanted and (.runs | length) == 2 * .pairs + 1'
	holds "$1" '[.measures[] | .low == null or (.low <= .difference and .difference <= .high)] | all'
}
if valid -J --ab --pairs 2 -- true; then
	one_kind --ab --pairs 1 -- true
	ab "ab"
	valid -J --ab --pairs 1 -o all -- true
fi

as_nobody_too $failed "$here/../.." tests/json/vmtlb.sh "$bin"
