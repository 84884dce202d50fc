#!/bin/bash
# vmtlb --ab: huge pages are off in OFF and on in ON, whatever the machine's policy; every run gets the same input; how it
# ends.  No times are compared.  Usage: vmtlb-ab.sh BIN_DIR
# shellcheck source=tests/tools/live.sh
. "$(dirname "$0")/../tools/live.sh"
has_built vmtlb
has python3
enabled=/sys/kernel/mm/transparent_hugepage/enabled
[ -r "$enabled" ] || { echo "skip: this kernel has no transparent huge pages"; exit 77; }
scratch=$(mktemp -d) || exit 1
children=()
policy=$(sed 's/.*\[\(.*\)\].*/\1/' "$enabled")
changed=''
# A child that is ended before it is another program would do this as well.
# shellcheck disable=SC2317
put_back() {
	[ "$BASHPID" = $$ ] || return
	kill "${children[@]}" 2>/dev/null
	[ -z "$changed" ] || echo "$policy" >"$enabled"
	rm -rf "$scratch"
}
trap put_back EXIT
trap 'exit 1' INT TERM HUP
failed=0
skips=()
as=(env)
# What is written by programs that others run.
chmod 755 "$scratch"
mkdir -m 777 "$scratch/all"
log=$scratch/all/log

fail() {
	echo "FAIL: $1"
	failed=1
}

# run ARGUMENT...: vmtlb --ab with what it says in $out and $err, and its $status; input is ours.
run() {
	status=0
	rm -f "$log"
	timeout -k 5 300 "${as[@]}" "$bin/vmtlb" --ab "$@" >"$scratch/out" 2>"$scratch/err" || status=$?
	out=$(<"$scratch/out") err=$(<"$scratch/err")
}

# ends STATUS PATTERN ARGUMENT...: it ends so, and says this on standard error ("": nothing).
ends() {
	local wanted=$1 pattern=$2
	shift 2
	run "$@"
	[ $status = "$wanted" ] || fail "vmtlb --ab $*: status $status instead of $wanted: $err"
	if [ -z "$pattern" ]; then
		[ -z "$err" ] || fail "vmtlb --ab $*: says '$err'"
	else
		[[ $err == "vmtlb: "*$pattern* ]] || fail "vmtlb --ab $*: says '$err' instead of '$pattern'"
		[ "$(wc -l <"$scratch/err")" = 1 ] || fail "vmtlb --ab $*: not one line: $err"
	fi
}

cat >"$scratch/holds.py" <<'END'
import json, sys
d = json.load(open(sys.argv[1]))
runs = [r for r in d["runs"] if not r["deaf"]]
off, on = ([r for r in runs if r["huge_pages"] == side] for side in ("off", "on"))
m = {x["name"]: x for x in d["measures"]}
sys.exit(0 if eval(sys.argv[2]) else "doesn't hold")
END
# holds WHAT EXPRESSION: of the document d in $out, of which `off` and `on` are the runs that count, m the measures.
holds() {
	python3 "$scratch/holds.py" "$scratch/out" "$2" 2>"$scratch/why" ||
		fail "$1: $2: $(tail -1 "$scratch/why"): $(tr -d '\n' <"$scratch/out" | cut -c 1-3000)"
}

# A program with 128M from malloc, which it uses for a while.
uses='x = b"x" * (128 << 20)
for i in range(8): x.count(b"y")'
saw_all='any(r["samples"] and r["anon_huge_bytes"] >= 100 << 20 for r in on)'

# Huge pages where they should be.  huge WHAT TUNABLES...
huge() {
	local what=$1 tunables=$2
	shift 2
	# Where the machine is busy, a look may come before the memory has been written: then again.
	for _ in 1 2 3; do
		ends 0 '' --pairs 2 -J "$@" -- python3 -c "$uses"
		[ "$status" = 0 ] || return
		! python3 "$scratch/holds.py" "$scratch/out" "$saw_all" 2>/dev/null || break
	done
	holds "$what" 'd["mode"] == "ab" and d["pairs"] == 2 and len(runs) == 5 and d["exit_status"] == 0'
	holds "$what" '[r["huge_pages"] for r in runs] == ["as_is", "off", "on", "on", "off"]'
	holds "$what" '[r["pair"] for r in runs] == [None, 1, 1, 2, 2]'
	holds "$what" "d['tunables_on'] == $tunables"
	holds "$what" 'all(r["samples"] == 0 or r["huge_bytes"] == 0 for r in off) and d["huge_bytes_off"] == 0'
	if python3 "$scratch/holds.py" "$scratch/out" 'any(r["machine_huge_pages_refused"] for r in on)' 2>/dev/null; then
		skips+=("$what: memory is too fragmented for huge pages")
		return
	fi
	holds "$what" 'd["verdict"]["huge_pages"] == "reached" and d["huge_bytes_on"] >= 100 << 20'
	holds "$what" "$saw_all"
	holds "$what" 'all(r["machine_huge_pages_made"] >= 50 for r in on)'
	holds "$what" 'max(r["minor_faults"] for r in on) + 20000 < min(r["minor_faults"] for r in off)'
	holds "$what" 'm["minor_faults"]["difference"] < -20000 and m["minor_faults"]["share"] < -0.5'
	holds "$what" 'm["minor_faults"]["low"] <= m["minor_faults"]["difference"] <= m["minor_faults"]["high"]'
	holds "$what" 'all(r["max_rss_bytes"] > 128 << 20 and r["cpu_ns"] == r["user_ns"] + r["system_ns"] > 0 for r in off + on)'
	holds "$what" 'm["wall_ns"]["confidence"] == 0.5 and d["verdict"]["wall"] == "undecided"'
}

wrong_lines() {
	ends 2 'name what to measure; -- COMMAND'
	ends 2 'takes no processes that run already' -p $$
	ends 2 '--pairs' --pairs 0 -- touch "$log"
	ends 2 '--pairs' --pairs 1001 -- touch "$log"
	ends 2 '--pairs' --pairs x -- touch "$log"
	ends 2 "no column 'NOSUCH' of a measure" -o NOSUCH -- touch "$log"
	ends 2 'exclude each other' --probe -- touch "$log"
	ends 2 "leave out --root" --root "$here/../fixtures/linux-6.18" -- touch "$log"
	[ ! -e "$log" ] || fail "a wrong command line started the command all the same"
	ends 127 "cannot execute './no-such-program': No such file" -- ./no-such-program
	ends 126 "cannot execute '/etc/passwd': Permission denied" -- /etc/passwd
	ends 1 'cannot write the output: No space left' --pairs 1 --output /dev/full -- true
}

# The program knows by its own status whether it may have huge pages; prctl(2) outlives execve(2) and fork(2).
is_off='grep -q "^THP_enabled:.*0" /proc/self/status'

statuses() {
	ends 7 "'sh' ended with status 7 in its first run" -- sh -c "echo >>'$log'; exit 7"
	[ "$(wc -l <"$log")" = 1 ] || fail "a program that fails was run again"
	[ -z "$out" ] || fail "a report of nothing: $out"
	ends 143 'ended with status 143 in its first run' -- sh -c 'kill -TERM $$'
	ends 7 'first run' -J -- sh -c 'exit 7'
	holds "a failing program" 'd["verdict"] == {"wall": "undecided", "cpu": "undecided", "huge_pages": "unseen"}'
	holds "a failing program" 'd["pairs"] == 0 and len(d["runs"]) == 1 and d["exit_status"] == 7'
	grep -q '^THP_enabled:' /proc/self/status || { skips+=("THP_enabled: not before Linux 5.0"); return; }
	ends 9 "'sh' ended with status 9 with huge pages off, in pair 1; before, 1 runs ended with 0" -- \
		sh -c "if sh -c '$is_off'; then exit 9; fi"
	ends 9 'with huge pages on, in pair 1; before, 2 runs ended with 0, 0 pairs are whole' -- \
		sh -c "echo >>'$log'; [ \$(wc -l <'$log') = 1 ] || sh -c '$is_off' || exit 9"
	# One that fails in the end: what is whole is shown.
	ends 5 'in pair 2; before, 4 runs ended with 0, 1 pairs are whole' -- \
		sh -c "echo >>'$log'; [ \$(wc -l <'$log') -lt 5 ] || exit 5"
	[[ $out == *'1 pair of runs'*'minor faults'* ]] || fail "no report of the pair that is whole: $out"
	# Off above us is on in ON, and stays as it is in the first run.
	run --pairs 1 -J -- true
	"${as[@]}" python3 -c 'import ctypes, os, sys
ctypes.CDLL(None).prctl(41, 1, 0, 0, 0)
os.execvp(sys.argv[1], sys.argv[1:])' "$bin/vmtlb" --ab --pairs 1 --output "$scratch/all/report" -- \
		sh -c "if $is_off; then echo off; else echo on; fi >>'$log'" || fail "with huge pages off above it: status $?"
	[ "$(tr '\n' ' ' <"$log")" = "off off on " ] || fail "with huge pages off above it: $(tr '\n' ' ' <"$log")"
}

input() {
	local lines
	printf 'a\nb\n' | run --pairs 2 -J -- sh -c "cat >>'$log'"
	lines=$(tr '\n' ' ' <"$log")
	[ "$lines" = "a b a b a b a b a b " ] || fail "input from a pipe: $lines ($err)"
	holds "input" 'd["stdin_bytes"] == 4'
	# A file, from where we are.
	printf 'a\nb\nc\n' >"$scratch/all/in"
	{ read -r _; run --pairs 1 -- sh -c "cat >>'$log'"; } <"$scratch/all/in"
	lines=$(tr '\n' ' ' <"$log")
	[ "$lines" = "b c b c b c " ] || fail "input from a file: $lines ($err)"
	: | run --pairs 1 -- sh -c "wc -c >>'$log'"
	[ "$(tr '\n' ' ' <"$log")" = "0 0 0 " ] || fail "empty input: $(<"$log")"
	run --pairs 1 -- sh -c "cat >>'$log' 2>/dev/null; echo >>'$log'" <&-
	[ "$(wc -l <"$log")" = 3 ] || fail "without input: $err"
	head -c 3000000 /dev/urandom >"$scratch/all/in"
	# shellcheck disable=SC2002
	cat "$scratch/all/in" | run --pairs 1 -- sh -c "cksum >>'$log'"
	[ "$(sort -u "$log")" = "$(cksum <"$scratch/all/in")" ] || fail "3M of input: $(<"$log")"
	[ "$(wc -l <"$log")" = 3 ] || fail "3M of input: $(wc -l <"$log") runs"
}

output() {
	run --pairs 1 --output "$scratch/all/report" -- sh -c 'echo hello; echo there >&2' </dev/null
	[ "$out $err" = "hello there" ] || fail "output of the first run: '$out' '$err'"
	grep -q '^MEASURE  *OFF  *ON  *DIFFERENCE' "$scratch/all/report" || fail "no report in its file: $(<"$scratch/all/report")"
	[ "$(awk 'length > 100' "$scratch/all/report")" = '' ] || fail "long lines: $(<"$scratch/all/report")"
	run --pairs 1 --csv -o name,off,on,low -- true </dev/null
	[ "$(head -1 "$scratch/out")" = name,off,on,low ] || fail "CSV: $out"
	grep -q '^minor_faults,[0-9.]*,[0-9.]*,$' "$scratch/out" || fail "CSV: $out"
	run --pairs 1 --format openmetrics -- true </dev/null
	grep -q '^vm.*name="wall_ns"' "$scratch/out" || fail "OpenMetrics: $out"
	# Names can be anything.
	cp /bin/true "$scratch/all/"$'we"ird\n\033[2J'
	run --pairs 1 -- "$scratch/all/"$'we"ird\n\033[2J' </dev/null
	[[ $out != *$'\033[2J'* ]] || fail "a hostile name drives the terminal"
	run --pairs 1 -J -- "$scratch/all/"$'we"ird\n\033[2J' </dev/null
	holds "a hostile name" 'd["command"].endswith("we\"ird\n\033[2J")'
}

small_programs() {
	ends 0 '' --pairs 1 -J -- true
	# With a sanitizer the child is big before it becomes the program, and others may get huge pages meanwhile.
	holds "a small program" 'on[0]["max_rss_bytes"] > 2 << 20 or d["verdict"]["huge_pages"] == "none"'
	holds "a small program" '(d["verdict"]["huge_pages"] == "none") == (d["verdict"]["wall"] == "no_huge_pages")'
	holds "a small program" '"why_small" in [f["finding"] for f in d["findings"]]'
	holds "a small program" '[r["samples"] for r in off + on] == [0, 0] and off[0]["anon_huge_bytes"] is None'
	# Through a shell and its child.
	ends 0 '' --pairs 1 -J -- sh -c "python3 -c '$uses'; true"
	holds "a child" 'off[0]["max_rss_bytes"] > 128 << 20 and off[0]["minor_faults"] > 30000'
	# Where looking takes long it is done seldom: once or twice may be before there is a child.
	holds "a child" 'all(r["anon_bytes"] > 2 << 20 for r in d["runs"] if r["samples"] > 2)'
}

# A program that asks by itself, or forbids: 64M of known pages.
workloads() {
	[ -x "$bin/vmlab" ] || { skips+=("workloads: no vmlab in $bin"); return; }
	ends 0 '' --pairs 2 -J --output "$scratch/all/report" -- "$bin/vmlab" tlb-random --huge advise --exit -q
	cp "$scratch/all/report" "$scratch/out"
	holds "tlb-random" 'min(r["minor_faults"] for r in off) >= 16384'
	if python3 "$scratch/holds.py" "$scratch/out" 'any(r["machine_huge_pages_refused"] for r in on)' 2>/dev/null; then
		skips+=("tlb-random: memory is too fragmented for huge pages")
	else
		holds "tlb-random" 'max(r["minor_faults"] for r in on) < 8192 and all(r["machine_huge_pages_made"] >= 32 for r in on)'
		holds "tlb-random" 'm["minor_faults"]["difference"] < -8192'
	fi
	ends 0 '' --pairs 2 -J --output "$scratch/all/report" -- "$bin/vmlab" tlb-random --huge never --exit -q
	cp "$scratch/all/report" "$scratch/out"
	# Its own heap may have got one by the tunable.
	holds "tlb-random without" 'min(r["minor_faults"] for r in off + on) >= 16384 and (d["huge_bytes_on"] or 0) <= 4 << 20'
}

# Processes that go on when their parent has ended; they read until nobody writes any more.
left_behind() {
	mkfifo -m 666 "$scratch/all/fifo"
	# Opened here: a process that came to open it after the last writer has gone would wait forever.
	exec 3<>"$scratch/all/fifo"
	exec 4<"$scratch/all/fifo"
	ends 0 '' --pairs 1 -J -- sh -c "(read -r _ <&4) & exit 0" 3>&-
	exec 3>&- 4<&-
	holds "processes that go on" 'all(r["left_processes"] for r in d["runs"]) and "left" in [f["finding"] for f in d["findings"]]'
	rm "$scratch/all/fifo"
}

until_true() {
	for _ in $(seq 1200); do
		"$@" && return
		sleep 0.05
	done
	fail "waited too long for: $*"
	return 1
}
# Called by name.
# shellcheck disable=SC2317
has_run() {
	[ -e "$log" ] && [ "$(wc -l <"$log")" -ge "$1" ]
}
# shellcheck disable=SC2317
gone() {
	! kill -0 "$1" 2>/dev/null
}

# interrupted WHOM STATUS COMMAND: of 1000 pairs some are done; SIGINT for vmtlb alone (PID), or for its group (-PID).
interrupted() {
	local whom=$1 wanted=$2 watcher status=0
	rm -f "$log"
	"${as[@]}" env --default-signal=INT setsid "$bin/vmtlb" --ab --pairs 1000 -J --output "$scratch/all/report" -- sh -c "$3" \
		>"$scratch/out" 2>"$scratch/err" </dev/null &
	watcher=$!
	children+=("$watcher")
	until_true has_run 8
	kill -INT -- "${whom/PID/$watcher}"
	until_true gone "$watcher" || kill -KILL "$watcher"
	wait "$watcher" || status=$?
	[ $status = "$wanted" ] || fail "SIGINT for $whom: status $status instead of $wanted: $(<"$scratch/err")"
	grep -q '^vmtlb: told to end after [0-9]* of 1000 pairs of runs$' "$scratch/err" || fail "SIGINT for $whom: $(<"$scratch/err")"
	cp "$scratch/all/report" "$scratch/out"
	holds "SIGINT for $whom" '3 <= d["pairs"] < 1000 and m["minor_faults"]["pairs"] == d["pairs"] and d["pairs_wanted"] == 1000'
	holds "SIGINT for $whom" "len(runs) - 1 - 2 * d['pairs'] in (0, 1) and d['exit_status'] == $wanted"
}

interrupts() {
	interrupted PID 0 "echo >>'$log'"
	# The eighth run waits for what ends it.
	interrupted -PID 130 "echo >>'$log'; [ \$(wc -l <'$log') -lt 8 ] || exec sleep 1000"
}

policies() {
	local word
	if [ "$(id -u)" != 0 ] || ! [ -w "$enabled" ]; then
		skips+=("other policies than $policy: only root can set them")
		return
	fi
	changed=yes
	for word in madvise always never; do
		echo $word >"$enabled" || { skips+=("policy $word can't be set"); continue; }
		case $word in
		madvise) huge "policy madvise" "'glibc.malloc.hugetlb=1'" </dev/null
			holds "policy madvise" 'd["policy"] == "madvise" and d["huge_bytes_as_is"] < 50 << 20' ;;
		always) huge "policy always" None </dev/null
			holds "policy always" 'd["policy"] == "always"'
			holds "policy always" 'd["huge_bytes_as_is"] >= 100 << 20 or runs[0]["machine_huge_pages_refused"]' ;;
		never)
			# Another size may be allowed by itself.
			"$bin/vmtlb" --ab --pairs 1 -- true >/dev/null 2>&1 </dev/null && continue
			ends 1 'enabled says never; an administrator can write madvise there' -- touch "$log" </dev/null
			[ ! -e "$log" ] || fail "policy never: the command was started" ;;
		esac
	done
	echo "$policy" >"$enabled"
	changed=''
}

tunables() {
	[ "$policy" = madvise ] || return
	as+=(GLIBC_TUNABLES=glibc.malloc.check=0)
	huge "other tunables" "'glibc.malloc.check=0:glibc.malloc.hugetlb=1'" </dev/null
	as[-1]=GLIBC_TUNABLES=glibc.malloc.hugetlb=0
	ends 0 '' --pairs 1 -J -- python3 -c "$uses" </dev/null
	holds "own tunables" 'd["tunables_on"] is None and d["huge_bytes_on"] < 50 << 20'
	unset 'as[-1]'
}

all() {
	wrong_lines </dev/null
	statuses </dev/null
	input
	output
	small_programs </dev/null
	workloads </dev/null
	left_behind </dev/null
	interrupts
}

policies
if [ "$policy" = never ]; then
	skips+=("the rest: this machine's policy is never")
else
	tunables
	all
	if [ "$(id -u)" = 0 ]; then
		bin=$(reachable "$bin")
		as=(setpriv --reuid=65534 --regid=65534 --clear-groups --bounding-set=-all --inh-caps=-all env)
		rm -rf "${scratch:?}/all"
		mkdir -m 777 "$scratch/all"
		[ "$policy" != madvise ] || huge "as nobody" "'glibc.malloc.hugetlb=1'" </dev/null
		all
	fi
fi
[ ${#skips[@]} = 0 ] || printf 'skip: %s\n' "${skips[@]}"
exit $failed
