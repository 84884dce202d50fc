#!/bin/bash
# vmfault's command line as people get it wrong, its exit status, and how it ends: one clear line, nothing started that
# won't be watched, nothing left behind.  Usage: vmfault-cli.sh BIN_DIR
# shellcheck source=tests/tools/live.sh
. "$(dirname "$0")/../tools/live.sh"
has_built vmfault
scratch=$(mktemp -d) || exit 1
children=()
# A child that is ended before it is another program would do this as well.
trap '[ $BASHPID != $$ ] || { kill "${children[@]}" 2>/dev/null; rm -rf "$scratch"; }' EXIT
failed=0
as=(env)

fail() {
	echo "FAIL: $1"
	failed=1
}

# run ARGUMENT...: vmfault with what it says in $out and $err, and its $status; it has to end by itself.
run() {
	status=0
	timeout -k 5 120 "${as[@]}" "$bin/vmfault" "$@" >"$scratch/out" 2>"$scratch/err" </dev/null || status=$?
	out=$(<"$scratch/out") err=$(<"$scratch/err")
}

# wrong STATUS PATTERN ARGUMENT...: it fails with one line that matches, prints nothing else, and starts nothing.
ran=$scratch/ran
wrong() {
	local wanted=$1 pattern=$2
	shift 2
	run "$@"
	[ $status = "$wanted" ] || fail "vmfault $*: status $status instead of $wanted: $err"
	[ "$(wc -l <"$scratch/err")" = 1 ] || fail "vmfault $*: not one line: $err"
	[[ $err == "vmfault: "*$pattern* ]] || fail "vmfault $*: says '$err' instead of '$pattern'"
	[ -z "$out" ] || fail "vmfault $*: prints ${out:0:200}"
	[ ! -e "$ran" ] || fail "vmfault $*: started the command all the same"
	rm -f "$ran"
}

# ends STATUS ARGUMENT...: it does its work, and without a word on standard error.
ends() {
	local wanted=$1
	shift
	run "$@"
	[ $status = "$wanted" ] || fail "vmfault $*: status $status instead of $wanted: $err"
	[ -z "$err" ] || fail "vmfault $*: says $err"
}

# until_true COMMAND...: waits for it; false if it takes too long.
until_true() {
	for _ in $(seq 600); do
		"$@" && return
		sleep 0.05
	done
	fail "waited too long for: $*"
	return 1
}

# Whether vmfault is past its preparations: it takes signals through a descriptor.  Called by name, as the next one.
# shellcheck disable=SC2317
watches() {
	find "/proc/$1/fd" -lname '*signalfd*' 2>/dev/null | grep -q .
}
# shellcheck disable=SC2317
gone() {
	! kill -0 "$1" 2>/dev/null
}

# ended STATUS PID WHAT: waits for it.
ended() {
	local status=0
	until_true gone "$2" || kill -KILL "$2"
	wait "$2" || status=$?
	[ $status = "$1" ] || fail "$3: status $status instead of $1: $(head -3 "$scratch/err")"
}

wrong_lines() {
	local touch=(-- touch "$ran")
	wrong 2 'name what to watch; -p PID'
	wrong 2 'name what to watch' 5
	wrong 2 'name what to watch' 1 5
	wrong 2 "no option --nosuch" --nosuch
	wrong 2 "'abc' is not a process ID" -p abc
	wrong 2 "'' names no process" -p ''
	wrong 3 'there is no process 4194305' -p 4194305
	wrong 2 "'(' is not a regular expression" -n '('
	wrong 2 "'' is no name" -n ''
	wrong 3 "no process is called 'no-such-name-here'" -n no-such-name-here
	wrong 3 "there is no cgroup 'no/such/group'" -g no/such/group
	wrong 2 "'' is no path" -g ''
	wrong 2 'exclude each other' -p 1 -a
	wrong 2 'exclude each other' --trace --heat "${touch[@]}"
	wrong 2 "'touch' is not an interval" -p 1 "${touch[@]}"
	wrong 2 "'0' is not an interval" -p 1 0
	wrong 2 "'x' is not a count" -p 1 1 x
	wrong 2 'one operand too many' -p 1 1 2 3
	wrong 2 '--duration' -d 0 "${touch[@]}"
	wrong 2 '--interval' -i -1 "${touch[@]}"
	wrong 2 "--top: '-1'" --top -1 "${touch[@]}"
	wrong 2 '--block' --block 3 "${touch[@]}"
	wrong 2 "--by: 'x'" --by x "${touch[@]}"
	wrong 2 "--via: 'x'" --via x "${touch[@]}"
	wrong 2 "no column 'NOSUCH' of a kind" -o NOSUCH "${touch[@]}"
	wrong 2 "no column 'NOSUCH' of a site" --by site -s NOSUCH "${touch[@]}"
	wrong 2 "no column 'PERM' of a kind" --filter 'PERM == rw-p' "${touch[@]}"
	wrong 2 'a value is missing' --filter 'COUNT >' "${touch[@]}"
	wrong 2 '--trace goes with neither' --trace -i 1 "${touch[@]}"
	wrong 2 '--trace goes with neither' --trace --by kind "${touch[@]}"
	wrong 2 '--trace goes with neither' --trace -p $$ 1 2
	wrong 2 '--folded is a form of its own' --folded -J "${touch[@]}"
	wrong 2 '--folded is a form of its own' --folded --by kind "${touch[@]}"
	wrong 2 '--explain without a target' --explain -J
	wrong 1 "cannot write $scratch/no/svg" --svg "$scratch/no/svg" "${touch[@]}"
	wrong 1 "cannot write $scratch/no/out" --output "$scratch/no/out" "${touch[@]}"
	wrong 1 'single faults' --via counters --trace "${touch[@]}"
	wrong 1 'where faults come from' --via counters --by site "${touch[@]}"
	wrong 1 'stacks' --via counters --folded "${touch[@]}"
	wrong 1 'stacks' --via counters --svg "$scratch/svg" "${touch[@]}"
	[ ! -e "$scratch/svg" ] || fail "a picture of nothing"
	wrong 1 'addresses' --via counters --heat "${touch[@]}"
	wrong 1 'how long' --via counters --histogram "${touch[@]}"
}

commands() {
	local via
	for via in auto counters; do
		ends 0 --via $via -- true
		ends 7 --via $via -- sh -c 'exit 7'
		ends 143 --via $via -- sh -c 'kill -TERM $$'
		ends 3 --via $via -J -- sh -c 'exit 3'
		ends 3 --via $via -d 1ms -- sh -c 'sleep 0.1; exit 3'
		wrong 127 "cannot execute 'no-such-program-here': No such file" --via $via -- no-such-program-here
		wrong 127 "cannot execute ''" --via $via -- ''
		wrong 126 "cannot execute '/etc/passwd': Permission denied" --via $via -- /etc/passwd
		wrong 126 "cannot execute '/tmp'" --via $via -- /tmp
	done
	wrong 1 'cannot write the output: No space left' --output /dev/full -- true
	# What a command prints is its own.
	run --output "$scratch/report" -- echo hello
	[ "$out" = hello ] || fail "a command's output: $out"
	grep -q '^KIND' "$scratch/report" || fail "no report in its file"
	# What was there stays until there is something new, which may be nothing.
	cp "$scratch/report" "$scratch/before"
	wrong 3 'there is no process 4194305' --output "$scratch/report" -p 4194305
	wrong 127 "cannot execute 'no-such-program-here'" --output "$scratch/report" -- no-such-program-here
	cmp -s "$scratch/report" "$scratch/before" || fail "a report was lost to a run that failed"
	run --output "$scratch/report" -J -- true
	[ "$(tail -n 1 "$scratch/report")" = '}' ] || fail "a shorter report ends with the rest of the one before"
	# Options behind a command's name are the command's.
	ends 0 -- sh -c 'exit 0' -p 1
	ends 0 -d 10ms -p $$
	ends 0 -p $$ 0.01 2
	ends 0 --explain
}

# ^C ends watching with a report, and so does SIGTERM.
interrupted() {
	local signal watcher
	for signal in INT TERM; do
		"${as[@]}" env --default-signal=INT "$bin/vmfault" -p $$ >"$scratch/out" 2>"$scratch/err" &
		watcher=$!
		children+=("$watcher")
		until_true watches "$watcher"
		kill -$signal "$watcher"
		ended 0 "$watcher" "SIG$signal"
		grep -q '^SOURCE' "$scratch/out" || fail "SIG$signal: no report"
	done
}

# A command gets SIGTERM passed on, and is waited for.
passed_on() {
	local watcher
	# shellcheck disable=SC2016
	"${as[@]}" "$bin/vmfault" -- sh -c 'trap "exit 9" TERM; echo $$; while :; do sleep 0.01; done' \
		>"$scratch/out" 2>"$scratch/err" &
	watcher=$!
	children+=("$watcher")
	until_true test -s "$scratch/out"
	until_true watches "$watcher"
	kill -TERM "$watcher"
	ended 9 "$watcher" "SIGTERM with a command"
	gone "$(head -1 "$scratch/out")" || fail "the command is left behind"
}

# It ends when the last of those that it watches does, and when nobody reads what it says.
left_alone() {
	local target watcher
	sleep 600 &
	target=$!
	children+=("$target")
	"$bin/vmfault" --via counters -p $target >"$scratch/out" 2>"$scratch/err" &
	watcher=$!
	children+=("$watcher")
	until_true watches "$watcher"
	kill -TERM $target
	wait $target 2>/dev/null
	ended 0 "$watcher" "the end of its target"
	timeout 60 "$bin/vmfault" -i 10ms -a 2>"$scratch/err" | head -1 >"$scratch/out"
	[ "${PIPESTATUS[0]}" != 124 ] || fail "a report that nobody reads goes on"
	[ ! -s "$scratch/err" ] || fail "a report that nobody reads: $(<"$scratch/err")"
}

wrong_lines
commands
interrupted
passed_on
left_alone
if [ "$(id -u)" = 0 ]; then
	chmod 755 "$scratch"
	bin=$(reachable "$bin")
	as=(setpriv --reuid=65534 --regid=65534 --clear-groups --bounding-set=-all --inh-caps=-all)
	mkdir -m 777 "$scratch/theirs"
	ran=$scratch/theirs/ran
	if "$bin/vmfault" --sources | grep -q 'ebpf .*built without BPF'; then
		wrong 1 'built without BPF' --via ebpf -- touch "$ran"
	else
		wrong 4 'needs CAP_BPF and CAP_PERFMON; run with sudo' --via ebpf -- touch "$ran"
	fi
	wrong 4 'CAP_PERFMON' --via perf -p $$ -d 1ms
	wrong 1 'how long faults take' --histogram -- touch "$ran"
	ends 7 -- sh -c 'exit 7'
	ends 0 -a -d 10ms
	ends 0 -p $$ -d 10ms
	interrupted
fi
exit $failed
