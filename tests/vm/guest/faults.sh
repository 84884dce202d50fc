#!/bin/sh
# Page faults by each of the ways under this kernel, exactly, by root and by nobody, whatever perf events are allowed to
# whom; why a way doesn't work is told in words.
set -u
failed=0
paranoid=/proc/sys/kernel/perf_event_paranoid
before=$(cat $paranoid)
trap 'echo "$before" >$paranoid' EXIT
for level in "$before" 2 0; do
	echo "$level" >$paranoid
	test_faults_live >/tmp/out 2>&1 || failed=1
	echo "perf_event_paranoid $level:"
	cat /tmp/out
done
grep -q '^perf: ' /tmp/out && { echo "FAIL: perf events that are allowed aren't used"; failed=1; }
exit $failed
