#!/bin/sh
# vmlock on this kernel: its verdicts are the kernel's answers, and it shows what vmlab locks.
set -u
failed=0
fail() {
	echo "FAIL $*"
	failed=1
}

# start WORKLOAD...: truth in /tmp/truth, a line for each step.
start() {
	: >/tmp/truth
	vmlab "$@" --quiet >/tmp/truth &
	pid=$!
	lines 1
}

# lines N: until there are so many.
lines() {
	while [ "$(wc -l </tmp/truth)" -lt "$1" ]; do
		kill -0 "$pid" || return
		sleep 0.1
	done
}

stop() {
	kill "$pid"
	wait "$pid"
}

# same WHAT TRUTH SHOWN
same() {
	[ "$2" = "$3" ] || fail "$1: shown is $3, true is $2"
}

shown() {
	vmlock -J "$pid" | jq -r ".processes[0].$1"
}
truth() {
	tail -n 1 /tmp/truth | jq -r "$1"
}

# On both sides of three limits.
start mlock-limit
for step in 1 2 3; do
	lines $step
	same "headroom, step $step" "$(truth .headroom_bytes)" "$(shown memlock_headroom_bytes)"
	same "locked, step $step" "$(truth .vmlck_bytes)" "$(shown locked_bytes)"
	truth '.answers[] | select(.call == "mlock") | "\(.size_bytes) \(.error)"' >/tmp/answers
	while read -r size error; do
		said=$(vmlock --explain "$size" -J "$pid" | jq -r '.processes[0].explain.error // "none"')
		same "mlock of $size, step $step" "$error" "$said"
	done </tmp/answers
	kill -USR1 "$pid"
done
stop

start mlock-onfault
for step in 1 2 3; do
	lines $step
	for key in on_fault_bytes locked_absent_bytes; do
		same "$key, step $step" "$(truth .$key)" "$(shown $key)"
	done
	kill -USR1 "$pid"
done
stop

for mode in current future onfault; do
	start mlockall --mode $mode
	told=$(shown mlockall)
	[ "$told" = null ] || same "mlockall $mode" "$(truth .mlockall)" "$told"
	[ "$told" != null ] || echo "skip: what becomes of new mappings can't be told here: no eBPF"
	same "locked, mlockall $mode" "$(sed -n 's/^VmLck:[^0-9]*\([0-9]*\) kB/\1/p' /proc/"$pid"/status)" \
		"$(($(shown locked_bytes) / 1024))"
	stop
done

vmlock || fail "the list: exit status $?"
vmlock -J | jq -e '.machine | .max_map_count and .mlocked_bytes != null' >/dev/null || fail "the machine's figures"
exit $failed
