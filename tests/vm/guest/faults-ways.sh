#!/bin/sh
# Page faults by each of the ways under this kernel, exactly, by root and by nobody, whatever perf events are allowed to
# whom; why a way doesn't work is told in words.
set -u
failed=0
paranoid=/proc/sys/kernel/perf_event_paranoid
before=$(cat $paranoid)
balancing=/proc/sys/kernel/numa_balancing
balanced=$(cat $balancing 2>/dev/null)
trap 'echo "$before" >$paranoid; [ -z "$balanced" ] || echo "$balanced" >$balancing' EXIT
# What it makes inaccessible, get_user_pages() may be the first to touch: a fault without an event.
[ -z "$balanced" ] || echo 0 >$balancing
echo "perf_event_paranoid $before:"
test_faults_live || failed=1
for level in 2 0; do
	echo "$level" >$paranoid
	echo "perf_event_paranoid $level:"
	test_faults_live nobody >/tmp/out 2>&1 || failed=1
	cat /tmp/out
done
grep -q '^perf: ' /tmp/out && { echo "FAIL: perf events that are allowed aren't used"; failed=1; }
exit $failed
