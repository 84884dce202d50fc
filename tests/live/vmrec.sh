#!/bin/bash
# vmrec against the live machine: what is replayed is what was there, whatever ended the recording.  Usage: vmrec.sh BIN_DIR
# Works as root and as a user without capabilities.
# shellcheck source=tests/tools/live.sh
. "$(dirname "$0")/../tools/live.sh"
has_built vmrec
has jq

scratch=$(mktemp -d) || skip "no directory for temporary files"
pids=()
trap 'kill "${pids[@]}" 2>/dev/null; rm -rf "$scratch"' EXIT
failed=0
fail() {
	echo "FAIL: $1"
	failed=1
}
is() {
	[ "$2" = "$3" ] || fail "$1: $2 instead of $3"
}
# frames FILE: complete ones, or 0.
frames() {
	"$bin/vmrec" --info "$1" -J 2>/dev/null | jq .frames 2>/dev/null || echo 0
}
# until_frames FILE N PID: wait for them, as long as the recorder lives.
until_frames() {
	local n
	while n=$(frames "$1"); [ "${n:-0}" -lt "$2" ]; do
		kill -0 "$3" 2>/dev/null || { fail "the recorder ended with ${n:-0} frames"; return 1; }
	done
}

# A process that holds still once it has said that it is ready.
mkfifo "$scratch/truth"
"$bin/vmlab" anon --size 8M --touch 50% --label held --quiet >"$scratch/truth" 2>/dev/null &
lab=$!
pids+=("$lab")
read -r truth <"$scratch/truth"
is "the workload" "$(jq -r .workload <<<"$truth")" anon

# Its mappings: as a live look tells them.  What others change meanwhile (PSS; reclaim takes pages) is left out.
columns=START,END,SIZE,PERM,KIND,OFFSET,INODE,VMFLAGS,MAPPING
"$bin/vmrec" -q -o "$scratch/r" -p $lab 0.02 3 || fail "vmrec -p: status $?"
is "frames" "$(frames "$scratch/r")" 3
live=$("$bin/vmmap" --no-headings -o $columns $lab 2>&1)
for at in '#1' '#2' '#3'; do
	replayed=$("$bin/vmmap" --replay "$scratch/r" --at "$at" --no-headings -o $columns $lab 2>&1)
	is "mappings of $at" "$replayed" "$live"
done
bytes=$("$bin/vmmap" --replay "$scratch/r" -J $lab | jq '[.processes[0].mappings[] | select(.name == "[anon:held]")
	| .rss_bytes + .swap_bytes] | add')
[ "$bytes" = null ] || is "resident or swapped of what it says" "$bytes" 4194304

# What is replayed, and the capture made of it, are the same to every command.
"$bin/vmmap" --replay "$scratch/r" --at '#2' --capture "$scratch/tree" $lab >"$scratch/out" 2>&1 || fail "capture: $(<"$scratch/out")"
for command in "vmmap -J $lab" "vmmap -J -o all $lab" "vmmap $lab" "vmmap --by kind $lab" "vmmap --flags $lab" "vmlock -J $lab" \
	"vmlock $lab" "vmtop --once -J -o PID,COMM,RSS,PSS,USS,SWAP,LOCKED,THREADS,COMMAND" "vmnuma -J $lab"; do
	read -ra words <<<"$command"
	"$bin/${words[0]}" --replay "$scratch/r" --at '#2' "${words[@]:1}" >"$scratch/replayed" 2>"$scratch/replayed.err"
	"$bin/${words[0]}" --root "$scratch/tree" "${words[@]:1}" >"$scratch/captured" 2>"$scratch/captured.err"
	cmp -s "$scratch/replayed" "$scratch/captured" ||
		fail "$command: $(diff "$scratch/replayed" "$scratch/captured" | head -4)"
	is "$command: errors" "$(<"$scratch/replayed.err")" "$(sed 's/captured tree/recording/' "$scratch/captured.err")"
done

# All that is told of the machine is recorded but what nothing but a live CPU tells.
read -r -d '' lacks <<<'[.unmet | keys[] | select(. != "page_walks")]' || true
live_lacks=$("$bin/vmrep" -J -o all 2>/dev/null | jq -c "$lacks")
is "figures of the machine that aren't there" "$("$bin/vmrep" --replay "$scratch/r" --at '#2' -J -o all 2>/dev/null | jq -c "$lacks")" \
	"$live_lacks"
nulls='[.machine | to_entries[] | select(.value == null) | .key]'
"$bin/vmmap" --replay "$scratch/r" --at '#1' --capture "$scratch/before" $lab >/dev/null 2>&1 || fail "capture of #1"
# A counter that the kernel took back meanwhile has no rate in that moment.
back=$(awk 'NR == FNR { was[$1] = $2; next } $1 !~ /^nr_/ || $1 ~ /^nr_(dirtied|written|vmscan)/ { if ($2 < was[$1]) print $1 }' \
	"$scratch/before/proc/vmstat" "$scratch/tree/proc/vmstat")
if [ -n "$back" ]; then
	echo "skip: unknown figures of the machine: the kernel took back $back"
else
	is "unknown figures of the machine" "$("$bin/vmrep" --replay "$scratch/r" --at '#2' -J -o all 2>/dev/null | jq -c "$nulls")" \
		"$("$bin/vmrep" -J -o all -y 0.1 1 2>/dev/null | jq -c "$nulls")"
fi
# Moment by moment: a line each, and times that are those of the frames.
is "lines of vmrep" "$("$bin/vmrep" --replay "$scratch/r" --no-headings -o FREE | wc -l)" 3
"$bin/vmrep" --replay "$scratch/r" --format ndjson -o SECS >"$scratch/steps.json"
"$bin/vmrec" --info "$scratch/r" -J >"$scratch/info.json"
jq -es --slurpfile info "$scratch/info.json" '
	def seconds: sub("\\.[0-9]+Z$"; "Z") as $whole | ($whole | fromdate) + (capture("(?<f>\\.[0-9]+)Z$").f | tonumber);
	(.[1:] | map(.elapsed_ns) | add / 1e9) as $by_vmrep | ($info[0] | (.last_time | seconds) - (.first_time | seconds)) as $by_frames |
	($by_vmrep - $by_frames | fabs) < 0.05' "$scratch/steps.json" >/dev/null || fail "elapsed times of vmrep: $(<"$scratch/steps.json")"

# Frames follow what a process does, also where others tell whether it did anything: its faults are exact once it waits.
coproc steps { exec python3 -c '
import mmap, sys
held = []
print("ready", flush=True)
for line in sys.stdin:
    m = mmap.mmap(-1, 1 << 20, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)  # Linux 5.10 counts shared ones as major faults
    for i in range(0, 1 << 20, 4096):
        m[i] = 1
    held.append(m)
    print("done", flush=True)
'; }
steps_pid=$! to=${steps[1]} from=${steps[0]}
pids+=("$steps_pid")
read -r _ <&"$from"
"$bin/vmrec" -q -o "$scratch/steps" 0.05 &
rec=$!
pids+=("$rec")
at=()
wanted=()
for i in 1 2 3; do
	echo step >&"$to"
	read -r _ <&"$from"
	# Asleep in read(2): its counters stay.
	until read -r _ _ state _ <"/proc/$steps_pid/stat" && [ "$state" = S ]; do :; done
	n=$(frames "$scratch/steps")
	# The frame that begins after this, complete.
	until_frames "$scratch/steps" $((${n:-0} + 2)) $rec
	at+=($((${n:-0} + 2)))
	wanted+=("$(cut -d' ' -f10 "/proc/$steps_pid/stat")")
done
kill -INT $rec
wait $rec
is "status when interrupted" $? 0
for i in 0 1 2; do
	got=$("$bin/vmtop" --replay "$scratch/steps" --at "#${at[i]}" --once --format csv -b --no-headings -o MINFLT -p $steps_pid)
	is "minor faults in frame #${at[i]}" "$got" "${wanted[i]}"
done
[ "${wanted[2]}" -gt "${wanted[0]}" ] || fail "no faults between steps: ${wanted[*]}"

# Killed: all that is complete is read, nothing is said to be what it isn't, and the file is gone on with.
"$bin/vmrec" -q -o "$scratch/killed" -p $lab 0.01 &
rec=$!
pids+=("$rec")
until_frames "$scratch/killed" 5 $rec
kill -KILL $rec
wait $rec 2>/dev/null
doc=$("$bin/vmrec" --info "$scratch/killed" -J)
jq -e '.frames >= 5 and .broken_frames == 0 and (.closed | not)' <<<"$doc" >/dev/null || fail "after a kill: $doc"
before=$(jq .frames <<<"$doc")
printf 'VMRB torn' >>"$scratch/killed"
"$bin/vmrec" -q -o "$scratch/killed" -p $lab 0.01 2 2>"$scratch/err" || fail "going on: $(<"$scratch/err")"
grep -q 'cut off' "$scratch/err" || fail "what was torn was not told: $(<"$scratch/err")"
doc=$("$bin/vmrec" --info "$scratch/killed" -J)
jq -e ".frames == $before + 2 and .broken_frames == 0 and .closed and .lost_bytes == 0" <<<"$doc" >/dev/null ||
	fail "gone on with $before frames: $doc"

# One writer at a time.
"$bin/vmrec" -q -o "$scratch/one" -p $lab 0.01 &
rec=$!
pids+=("$rec")
until_frames "$scratch/one" 1 $rec
"$bin/vmrec" -q -o "$scratch/one" -p $lab 1 1 2>"$scratch/err"
is "status of a second writer" $? 1
grep -q 'another vmrec' "$scratch/err" || fail "a second writer: $(<"$scratch/err")"
# It ends with those that it records.
kill $lab
wait $lab 2>/dev/null
wait $rec
is "status when its process ended" $? 0

# A command's status is passed on, and its signals.
"$bin/vmrec" -q -o "$scratch/c" -i 0.02 -- sh -c 'read -r x </proc/self/stat; exit 7'
is "status of a command" $? 7
"$bin/vmrec" -q -o "$scratch/c2" -- /no/such/command 2>/dev/null
[ $? -ge 126 ] || fail "a command that isn't there"
[ ! -e "$scratch/c2" ] || fail "a command that isn't there left a recording"

as_nobody_too $failed "$here/../.." tests/live/vmrec.sh "$bin"
