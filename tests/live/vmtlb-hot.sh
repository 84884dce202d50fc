#!/bin/bash
# vmtlb --hot sees what vmlab's workloads use and walk, asks before it changes anything, and leaves nothing behind.
# Others clear accessed bits and empty TLBs as well: what is looked for has several tries, and bounds.
# Usage: vmtlb-hot.sh BIN_DIR
# VM_HOT_WALKS=none: the TLBs here hold everything, as an emulator's may; walks aren't looked for.
# shellcheck source=tests/tools/live.sh
. "$(dirname "$0")/../tools/live.sh"
has_built vmtlb
has jq
[ -w /proc/self/clear_refs ] || { echo "skip: this kernel has no clear_refs"; exit 77; }
scratch=$(mktemp -d) || exit 1
children=()
trap '[ $BASHPID != $$ ] || { kill "${children[@]}" 2>/dev/null; rm -rf "$scratch"; }' EXIT
failed=0
tries=6

fail() {
	echo "FAIL: $1"
	failed=1
}

# run ARGUMENT...: vmtlb with what it says in $scratch/out and $err, and its $status.
run() {
	status=0
	timeout -k 5 120 "${watcher_cpu[@]}" "$bin/vmtlb" "$@" >"$scratch/out" 2>"$scratch/err" </dev/null || status=$?
	err=$(<"$scratch/err")
}

# wrong STATUS PATTERN ARGUMENT...: it fails with one line that matches, and prints nothing else.
wrong() {
	local wanted=$1 pattern=$2
	shift 2
	run "$@"
	[ $status = "$wanted" ] || fail "vmtlb $*: status $status instead of $wanted: $err"
	[ "$(wc -l <"$scratch/err")" = 1 ] || fail "vmtlb $*: not one line: $err"
	[[ $err == "vmtlb: "*$pattern* ]] || fail "vmtlb $*: says '$err' instead of '$pattern'"
	[ ! -s "$scratch/out" ] || fail "vmtlb $*: prints $(head -c 200 "$scratch/out")"
}

# Who looks and who is looked at have a CPU each, where there are two.
watcher_cpu=(env) target_cpu=(env)
if command -v taskset >/dev/null && [ "$(nproc)" -gt 1 ]; then
	read -r one two < <(awk '$1 == "Cpus_allowed_list:" { n = split($2, part, ",")
		for (i = 1; i <= n; i++) { m = split(part[i], end, "-"); for (c = end[1]; c <= end[m]; c++) list = list " " c } print list }' \
		/proc/self/status)
	watcher_cpu=(taskset -c "$one") target_cpu=(taskset -c "${two%% *}")
fi

# target WORKLOAD...: a workload that goes on, as $target, with its first truth in $truth.
target() {
	rm -f "$scratch/truth"
	mkfifo "$scratch/truth"
	"${target_cpu[@]}" "$bin/vmlab" "$@" --rounds 1000000000 --step 1us --quiet >"$scratch/truth" 2>"$scratch/lab" &
	target=$!
	children+=("$target")
	exec 3<"$scratch/truth"
	read -r truth <&3
	cat <&3 >/dev/null &
	children+=("$!")
	exec 3<&-
}
end_target() {
	kill "$target" 2>/dev/null
	wait "$target" 2>/dev/null
}

# The row of the workload's memory; figures of others in the same mapping are small.
cat >"$scratch/row.jq" <<'JQ'
def hex: ltrimstr("0x") | explode | reduce .[] as $c (0; . * 16 + (if $c > 96 then $c - 87 else $c - 48 end));
($truth.mappings[0].start | hex) as $at
| (.stlb_entries) as $stlb | (.reads == "page-tables") as $pages | (.flush != null) as $flushed
| first(.mappings[] | select((.start | hex) <= $at and (.end | hex) > $at)) as $row | $truth.bytes as $bytes | $row
JQ
# sees WHAT FILTER ARGUMENT...: of one of some reports of the target the filter is true; input: the row.
sees() {
	local what=$1 filter=$2
	shift 2
	for _ in $(seq $tries); do
		run --hot --clear-refs -J -p "$target" "$@"
		[ $status = 0 ] || { fail "$what: status $status: $err"; return; }
		[ "$(jq --argjson truth "$truth" "$(<"$scratch/row.jq") | $filter" "$scratch/out")" = true ] && return
	done
	fail "$what: not after $tries tries: $filter"
	jq -c --argjson truth "$truth" "$(<"$scratch/row.jq")" "$scratch/out"
}

consent() {
	target tlb-random --size 1M
	wrong 2 '--clear-refs' --hot -p "$target"
	wrong 2 '--clear-refs' --hot -p "$target" 1 1
	wrong 2 '--clear-refs goes with --hot' --clear-refs -p "$target"
	wrong 2 '--window goes with --hot' --probe --window 2ms
	wrong 2 '--samples goes with --hot' --probe --samples 2
	wrong 2 '--flush goes with --hot' --probe --flush none
	wrong 2 'one process' --hot --clear-refs -a
	wrong 2 'these are 2' --hot --clear-refs -p $$,"$target"
	wrong 2 'name what to measure' --hot --clear-refs
	wrong 2 'name what to measure' --hot --clear-refs -- true
	wrong 2 "--flush: 'x'" --hot --clear-refs -p $$ --flush x
	wrong 2 '--window' --hot --clear-refs -p $$ --window 0
	wrong 2 '--samples' --hot --clear-refs -p $$ --samples 0
	wrong 3 'there is no process 4194305' --hot --clear-refs -p 4194305
	wrong 2 "no column 'NOSUCH' of a mapping" --hot --clear-refs -p $$ -o NOSUCH
	[ "$(id -u)" = 0 ] || wrong 4 'clear_refs: Permission denied' --hot --clear-refs -p 1
	end_target
}

# Variables are jq's.
# shellcheck disable=SC2016
walks() {
	# A part of a busy CPU touches a part of them.
	sees "random" '($row.walked_bytes > $bytes / 8) and ($row.used_bytes == null or $row.used_bytes >= $row.walked_bytes)
		and $row.used_bytes <= $bytes + 65536 and $row.walks_per_second_min > 100000 and $row.order != "in-order"
		and (if $flushed and $stlb < 8192 then $row.verdict == "walks" and $row.stlb_times > 1 else true end)'
	sees "random, in which order" '($pages | not) or $row.order == "scattered"'
	sees "random, without a flush" '$row.used_bytes == null and $row.walked_share == null and $row.walked_bytes > 0' --flush none
}

# shellcheck disable=SC2016
kinds_of_use() {
	target tlb-random --size 64M
	if [ "${VM_HOT_WALKS-}" = none ]; then
		echo "skip: what is walked: the TLBs here hold everything (VM_HOT_WALKS)"
	else
		walks
	fi
	run --hot --clear-refs -p "$target"
	grep -q '^COST ' "$scratch/out" || fail "no cost is told"
	end_target

	target tlb-stride --size 256M --stride 8
	# On a busy machine it may be little that it does, and so rare.
	sees "in order" '($pages | not) or ($row.order == "in-order" and ($row.stlb_times <= 1 or $row.verdict != "walks"))'
	end_target

	target tlb-random --size 256K
	sees "a little" '($flushed | not) or ($row.used_bytes >= $bytes * 0.9 and $row.used_bytes <= $bytes + 65536
		and $row.stlb_times < 1 and $row.verdict == "fits")'
	end_target

	target tlb-random --size 8M --huge advise
	if [ "$(jq .huge_bytes <<<"$truth")" = 8388608 ]; then
		sees "huge pages" '$row.used_bytes == null or (if $pages then $row.huge_bytes == $bytes and $row.used_entries <= 20
			else $row.used_entries == null end)'
	else
		echo "skip: huge pages weren't to be had"
	fi
	end_target
}

# shellcheck disable=SC2016
not_used() {
	"${target_cpu[@]}" "$bin/vmlab" anon --size 8M --quiet >"$scratch/truth2" 2>&1 &
	target=$!
	children+=("$target")
	until [ -s "$scratch/truth2" ]; do sleep 0.02; done
	truth=$(head -n 1 "$scratch/truth2")
	sees "who does nothing" '$row.walked_bytes < 65536 and $row.resident_bytes >= 8388608 and
		(if $flushed then $row.used_bytes < 65536 and $row.stlb_times < 1 else true end)'
	end_target
}

# left PID: processes that it started and that are still there.
left() {
	cat "/proc/$1/task/"*/children 2>/dev/null
}

forms_and_ends() {
	local watcher i runners
	target tlb-random --size 16M
	run --hot --clear-refs -J -p "$target" --window 2ms --samples 2 0.05 3
	[ "$(wc -l <"$scratch/out")" = 3 ] || fail "not three documents: $err"
	jq -e .mode "$scratch/out" >/dev/null || fail "documents a line: $err"
	run --hot --clear-refs -p "$target" --csv --samples 1
	[ "$(head -1 "$scratch/out" | cut -d, -f1)" = start ] || fail "CSV"
	run --hot --clear-refs -p "$target" -s -USED -o +TIME%,DENSE% --filter 'USED > 0' --samples 1
	[ $status = 0 ] || fail "columns: $err"
	run --hot --clear-refs -p "$target" --output "$scratch/report"
	grep -q '^VERDICT' "$scratch/report" || fail "no report in its file: $err"

	# ^C in the middle of a long window: what there was, or nothing, and no failure.
	for signal in INT TERM; do
		env --default-signal=INT "$bin/vmtlb" --hot --clear-refs --flush switches --window 20s -p "$target" \
			>"$scratch/out" 2>"$scratch/err" &
		watcher=$!
		children+=("$watcher")
		for i in $(seq 200); do
			[ -n "$(left $watcher)" ] && break
			kill -0 $watcher 2>/dev/null || break
			sleep 0.02
		done
		runners=$(left $watcher)
		kill -$signal $watcher
		status=0
		wait $watcher || status=$?
		if [ -n "$runners" ]; then
			[ $status = 0 ] || fail "SIG$signal: status $status: $(<"$scratch/err")"
		else
			echo "skip: --flush switches: $(<"$scratch/err")"
		fi
		for i in $runners; do
			[ ! -e "/proc/$i" ] || fail "SIG$signal: process $i is left behind"
		done
	done

	# The target's end.
	"$bin/vmtlb" --hot --clear-refs -p "$target" -i 10ms --samples 1 >"$scratch/out" 2>"$scratch/err" &
	watcher=$!
	children+=("$watcher")
	until grep -q COST "$scratch/out" || ! kill -0 $watcher 2>/dev/null; do sleep 0.02; done
	end_target
	status=0
	wait $watcher || status=$?
	[ $status = 0 ] || fail "the end of its target: status $status: $(<"$scratch/err")"
	wrong 3 "$target" --hot --clear-refs -p "$target"
}

consent
kinds_of_use
not_used
forms_and_ends
as_nobody_too $failed "$here/.." live/vmtlb-hot.sh "$bin"
