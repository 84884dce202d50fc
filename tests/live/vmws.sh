#!/bin/bash
# vmws sees what vmlab's workload uses and writes, as root and as nobody, by pages and by figures; it notices others that
# clear bits, and ends as it should.
# Others clear accessed bits here as well (reclaim, DAMON): what is looked for has several tries, and bounds.  Where nobody
# does, figures are exact: tests/vm/guest/ws.sh.
# Usage: vmws.sh BIN_DIR
# shellcheck source=tests/tools/live.sh
. "$(dirname "$0")/../tools/live.sh"
has_built vmws
has jq
[ -w /proc/self/clear_refs ] || { echo "skip: this kernel has no clear_refs"; exit 77; }
scratch=$(mktemp -d) || exit 1
children=()
trap '[ $BASHPID != $$ ] || { kill "${children[@]}" 2>/dev/null; rm -rf "$scratch"; }' EXIT
failed=0
tries=6
as=(env)

fail() {
	echo "FAIL: ${as[0]}: $1"
	failed=1
}

# run ARGUMENT...: vmws with what it says in $scratch/out and $err, and its $status.
run() {
	status=0
	timeout -k 5 120 "${as[@]}" "$bin/vmws" "$@" >"$scratch/out" 2>"$scratch/err" </dev/null || status=$?
	err=$(<"$scratch/err")
}

# target ARGUMENT...: a working set, as $target; false if it can't be made here.
target() {
	: >"$scratch/truth"
	"${as[@]}" "$bin/vmlab" working-set --quiet "$@" >"$scratch/truth" 2>"$scratch/lab" &
	local lab=$!
	children+=("$lab")
	until [ -s "$scratch/truth" ]; do
		kill -0 "$lab" 2>/dev/null || { echo "skip: ${as[0]}: $(head -1 "$scratch/lab")"; return 1; }
		sleep 0.05
	done
	target=$(jq .pid "$scratch/truth")
	from=$(jq -r '.mappings[0].start' "$scratch/truth")
}

end_target() {
	kill "$target"
	tail --pid="$target" -f /dev/null
}

fact() {
	jq ".$1" "$scratch/truth"
}

# of_mapping KEY: of the workload's mapping.
of_mapping() {
	jq --arg from "$from" ".processes[0].mappings[] | select(.start == \$from) | .$1" "$scratch/out"
}

# near A B: within 2 %.
near() {
	awk -v a="$1" -v b="$2" 'BEGIN { d = a - b; exit !(a != "" && a != "null" && (d < 0 ? -d : d) <= b * 0.02) }'
}

# sees ARGUMENT...: in one of some tries what is used is what the workload says, and never more.
sees() {
	local hot used most
	hot=$(fact hot_bytes)
	for ((i = 0; i < tries; i++)); do
		run -J -p "$target" "$@"
		[ $status = 0 ] || { fail "vmws $*: status $status: $err"; return; }
		used=$(of_mapping used_bytes) most=$(of_mapping used_bytes_max)
		# A page may be used once by accident: a kernel that migrates pages looks at them.
		[ "$used" -le $((hot + hot / 50)) ] || { fail "vmws $*: used $used, which is more than $hot"; return; }
		if near "$used" "$hot" && [ "$most" -ge $((hot - hot / 50)) ]; then
			return
		fi
	done
	fail "vmws $*: used $used to $most instead of $hot: $(jq -c '.processes[0] | del(.rounds)' "$scratch/out")"
}

# tells FILTER WHAT
tells() {
	jq -e "$1" "$scratch/out" >/dev/null || fail "$2: $(head -c 1500 "$scratch/out")"
}

uses() {
	# Warm pages are used in the first pass, and never again; 16 MiB are more than TLBs hold, 64 KiB much less.
	for size in 64M 256K; do
		target --size $size --period 5 --warm-period 1000000 || return
		sees --clear-refs -w 50ms -d 500ms
		tells '.processes[0] | .method == "clear-refs" and .effect != null and (.rounds | map(.cost_ns > 0) | all)' "costs"
		[ "$(of_mapping cold_bytes)" -gt 0 ] || fail "nothing is cold"
		# What was cleared stays clear unless it is used: cold pages are known by watching alone.
		run -J -p "$target" -w 50ms -d 200ms
		[ "$(of_mapping used_bytes_max)" -ge "$(($(fact hot_bytes) * 9 / 10))" ] || fail "watched: used at most $(of_mapping used_bytes_max)"
		tells '.processes[0] | .method == "accessed-bits" and .effect == null' "watched"
		end_target
	done
}

# What the process itself protects is told exactly, whoever looks.
writes() {
	target --size 8M --period 5 --track uffd || return
	run -J -p "$target" --clear-refs --written -w 100ms -d 500ms
	tells '.processes[0].writes == "pagemap-scan"' "writes"
	[ "$(of_mapping written_bytes)" = "$(fact written_bytes)" ] || fail "written: $(of_mapping written_bytes) instead of $(fact written_bytes)"
	[ "$(of_mapping written_bytes_max)" = "$(fact written_bytes)" ] || fail "written at most $(of_mapping written_bytes_max)"
	end_target
	target --size 8M --period 5 || return
	run -J -p "$target" --clear-refs --written -w 100ms -d 500ms
	if [ "$(jq -r '.processes[0].writes' "$scratch/out")" = soft-dirty ]; then
		[ "$(of_mapping written_bytes)" = "$(fact written_bytes)" ] || fail "soft-dirty: $(of_mapping written_bytes)"
	else
		tells '.processes[0] | (.why_not_writes | length > 0) and (.totals.written_bytes // 0) == 0' "no soft-dirty bits"
		# Dirty bits are a bound that holds.
		local most
		most=$(of_mapping written_bytes_max)
		[ "$most" = null ] || [ "$most" -ge "$(($(fact written_bytes) * 9 / 10))" ] || fail "written at most $most"
	fi
	end_target
}

# Another vmws is somebody else who clears bits; and whoever only watches then sees what is used.
others() {
	target --size 16M --period 5 --warm-period 1000000 || return
	timeout -k 5 120 "$bin/vmws" --clear-refs -p "$target" -w 37ms -d 100s >/dev/null 2>&1 &
	local other=$! seen=0
	children+=("$other")
	for ((i = 0; i < tries && !seen; i++)); do
		run -J -p "$target" -w 20ms -d 400ms
		[ "$(of_mapping used_bytes)" -le $(($(fact hot_bytes) * 51 / 50)) ] || fail "others: used $(of_mapping used_bytes)"
		jq -e '.processes[0] | .others.cleared_share > 0.01 and .totals.used_bytes > 0' "$scratch/out" >/dev/null && seen=1
	done
	[ $seen = 1 ] || fail "somebody who clears bits isn't seen: $(jq -c '.processes[0].others' "$scratch/out")"
	for ((i = 0; i < tries; i++)); do
		run -p "$target" -w 20ms -d 400ms
		grep -q '^OTHERS' "$scratch/out" && break
	done
	((i < tries)) || fail "somebody who clears bits isn't told: $(cat "$scratch/out")"
	kill -INT $other
	wait $other || fail "interrupted: status $?"
	end_target
}

ends() {
	run -- sh -c 'sleep 0.4; exit 7'
	[ $status = 7 ] || fail "status of a command: $status"
	# One that ends at once, or runs on beyond the time.
	run -- sh -c 'exit 7'
	[ $status = 7 ] || fail "status of a short command: $status"
	run -w 20ms -d 60ms -- sh -c 'sleep 0.5; exit 7'
	[ $status = 7 ] || fail "status of a long command: $status"
	# A target that ends is told as far as it was seen.
	"${as[@]}" sleep 600 &
	local sleeper=$! vmws
	children+=("$sleeper")
	: >"$scratch/out"
	timeout -k 5 120 "${as[@]}" "$bin/vmws" -J -p $sleeper -w 20ms 0.2 >"$scratch/out" 2>"$scratch/err" </dev/null &
	vmws=$!
	until [ -s "$scratch/out" ] || ! kill -0 $vmws 2>/dev/null; do sleep 0.05; done
	kill $sleeper
	wait $vmws || fail "a target that ends: status $?: $(cat "$scratch/err")"
	[ "$(jq -s 'length > 0 and (.[-1].processes[0].ended)' "$scratch/out")" = true ] || fail "that it has ended isn't told: $(tail -1 "$scratch/out")"
	run -p $$ -d 20ms
	[ $status = 0 ] || fail "this shell: status $status: $err"
	grep -q "^$$ " "$scratch/out" || fail "this shell isn't shown: $(cat "$scratch/out")"
	timeout -k 5 60 "$bin/vmws" -p $$ -d 50ms >/dev/full 2>/dev/null
	[ $? = 1 ] || fail "a full disk is no failure"
	run -J -p $$ 0.1 3
	[ "$(wc -l <"$scratch/out")" = 3 ] || fail "not 3 reports"
	jq -e '.processes[0].rounds | length >= 1 and length <= 9' "$scratch/out" >/dev/null || fail "rounds of a report"
}

heat() {
	target --size 16M --every 4096 --hot 1024 --warm 0 --write 1 || return
	run -p "$target" --clear-refs --heat -w 20ms -d 400ms
	[ $status = 0 ] || fail "heat: $err"
	grep -Eq 'pages used over time|pages can.t be seen' "$scratch/out" || fail "no picture: $(cat "$scratch/out")"
	end_target
}

uses
writes
ends
heat
if "$bin/vmws" -J -p $$ -d 20ms 2>/dev/null | jq -e '.processes[0].by_page' >/dev/null; then
	others
else
	echo "skip: pages can't be seen, so that others who clear bits can't"
fi
if [ "$(id -u)" = 0 ]; then
	as=(setpriv --reuid=65534 --regid=65534 --clear-groups --bounding-set=-all)
	bin=$(reachable "$bin")
	uses
	writes
	heat
	sleep 60 &
	children+=($!)
	as=(setpriv --reuid=65533 --regid=65533 --clear-groups --bounding-set=-all)
	run -p $!
	[ $status = 4 ] || fail "somebody else's process: status $status: $err"
fi
exit $failed
