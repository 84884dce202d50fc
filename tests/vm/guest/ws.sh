#!/bin/sh
# vmws where nobody else clears accessed bits: what is used, hot, cold and written is what the workload states, within 2 %.
set -u
failed=0
fail() {
	echo "FAIL: $1"
	failed=1
}

# begin ARGUMENT...: the workload, its truth in $truth and its mapping at $from.
begin() {
	rm -f /tmp/ws-truth
	mkfifo /tmp/ws-truth
	vmlab working-set --quiet "$@" >/tmp/ws-truth &
	lab=$!
	exec 3</tmp/ws-truth
	read -r truth <&3
	cat <&3 >/dev/null &
	from=$(echo "$truth" | jq -r '.mappings[0].start')
}

# look ARGUMENT...: a report in /tmp/report.  On a busy machine it may not get its turn to flush, which it says: once more.
look() {
	for try in 1 2 3 4 5; do
		vmws -J -p "$lab" "$@" >/tmp/report 2>/tmp/err || fail "vmws $*: $(cat /tmp/err)"
		jq -e '.processes[0].hides' /tmp/report >/dev/null || return
		echo "try $try: $(jq -r '.processes[0].why_hides' /tmp/report)"
	done
}

# value KEY: of the workload's mapping.
value() {
	jq --arg from "$from" ".processes[0].mappings[] | select(.start == \$from) | .$1" /tmp/report
}

# near KEY WANTED: within 2 %.
near() {
	got=$(value "$1")
	awk -v a="$got" -v b="$2" 'BEGIN { d = a - b; if (d < 0) d = -d; exit !(a != "" && a != "null" && d <= b * 0.02) }' ||
		fail "$1 is $got, should be $2: $(jq -c ".processes[0] | del(.mappings, .rounds)" /tmp/report)"
}

fact() {
	echo "$truth" | jq "$1"
}

# Warm pages are used in the first pass, and never again.
begin --size 32M --warm-period 1000000 --period 5
look --clear-refs -w 500ms -d 4s
near used_bytes "$(fact .hot_bytes)"
near used_bytes_max "$(fact .hot_bytes)"
near hot_bytes "$(fact .hot_bytes)"
near cold_bytes "$(fact '.cold_bytes + .warm_bytes')"
jq -e '.processes[0] | .by_page and .method == "clear-refs" and (.rounds | length) > 4 and all(.rounds[]; .cost_ns > 0)' /tmp/report \
	>/dev/null || fail "rounds: $(cat /tmp/report)"
jq -r '.processes[0] | "cleared by others \(.others.cleared_share), flush: \(.hides) \(.why_hides)"' /tmp/report

# What was cleared by us is watched: nothing is cleared any more, and cold pages stay clear.
look -w 250ms -d 1s
near used_bytes_max "$(fact .hot_bytes)"
near cold_bytes "$(fact '.cold_bytes + .warm_bytes')"

# Written: exactly, where the kernel keeps soft-dirty bits, and those survive whatever else is looked at.
look --written -w 250ms -d 1s
max=$(value written_bytes_max)
[ "$max" -ge "$(fact .written_bytes)" ] || fail "written at most $max"
look --clear-refs --written -w 500ms -d 3s
jq -e '.processes[0].writes == "soft-dirty"' /tmp/report >/dev/null || fail "writes: $(cat /tmp/report)"
near used_bytes "$(fact .hot_bytes)"
near written_bytes "$(fact .written_bytes)"
near written_bytes_max "$(fact .written_bytes)"

# The other way to have CPUs forget what they know of page tables, which takes soft-dirty bits for it.
look --clear-refs --flush clear-refs -w 500ms -d 3s
near used_bytes "$(fact .hot_bytes)"
near cold_bytes "$(fact '.cold_bytes + .warm_bytes')"

# Frames that are marked idle, where the kernel tracks them.
if [ -e /sys/kernel/mm/page_idle/bitmap ]; then
	look --page-idle -w 500ms -d 4s
	near used_bytes "$(fact .hot_bytes)"
	near cold_bytes "$(fact '.cold_bytes + .warm_bytes')"
else
	vmws --page-idle -p $lab -d 100ms >/tmp/out 2>/tmp/err
	status=$?
	if [ $status != 1 ] || [ -s /tmp/out ] || ! grep -q CONFIG_IDLE_PAGE_TRACKING /tmp/err; then
		fail "without idle pages: status $status: $(cat /tmp/out /tmp/err)"
	fi
	echo "no idle pages: $(cat /tmp/err)"
fi
kill $lab
wait $lab

# Hot and warm by age.
begin --size 16M --period 5 --warm-period 2000
look --clear-refs -w 250ms -d 6s --hot 500ms --warm 6s
near used_bytes "$(fact '.hot_bytes + .warm_bytes')"
near cold_bytes "$(fact .cold_bytes)"
kill $lab
wait $lab
exit $failed
