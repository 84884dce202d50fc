#!/bin/bash
# vmdiff's documents are valid by the installed schemas in every mode, live and on captured trees, and say what was
# made.  Usage: vmdiff.sh BIN
# As root also the view of a user without privilege.
# shellcheck source=tests/tools/documents.sh
. "$(dirname "$0")/../tools/documents.sh"

# trend STATUS ARGUMENT...: as valid, of what --every and recordings give.
trend() {
	valid_by "$here/../../schemas/vmdiff-trend-1.json" "$@"
}

live() {
	valid 0 -J self self
	tells '.same_process and .same_layout and .took_ns > 0'
	valid 0 -J --all -o all self self
	tells '.mappings | length > 5'
	valid 0 -J -w 1ms "$pid"
	tells '.mappings == [] and .unchanged > 5 and (.grown | not) and .seconds > 0'
	valid 0 -J "$pid" self
	tells '.same_process == false and .seconds == null'
	trend 0 -J -e 1ms "$pid" 12
	tells '.samples == 12 and .figures[0].verdict == "constant" and (.grown | not)'
	trend 0 -J -o all --all -e 1ms --by kind "$pid" 2
	tells '.figures[0].verdict == "too few"'
	trend 0 --format ndjson -e 1ms "$pid" 5
	[ "$(wc -l <"$scratch/out")" = 5 ] || { echo "ndjson: $(wc -l <"$scratch/out") documents instead of 5"; failed=1; }
}

# A process that does nothing, of whoever looks.
idle() {
	rm -f "$scratch/pid"
	"${as[@]}" sleep 1000 &
	pid=$!
	for _ in $(seq 200); do
		[ "$(cat "/proc/$pid/comm" 2>/dev/null)" = sleep ] && grep -q '\[stack\]' "/proc/$pid/maps" && break
		sleep 0.05
	done
}

idle
live
# Its recording: two moments at once, one and now, all of them.
if "$bin/vmrec" -q -o "$scratch/rec" -p $pid 10ms 12 2>"$scratch/err"; then
	valid 0 -J "$scratch/rec@#1" "$scratch/rec@#3:$pid"
	tells '.mappings == [] and .a.from == "recording" and .same_process and .took_ns == null and .seconds > 0'
	valid 0 -J "$scratch/rec@#1"
	tells '.same_process and .b.from == "live" and .mappings == []'
	trend 0 -J "$scratch/rec"
	tells '.samples == 12 and .figures[0].verdict == "constant" and (.groups == [])'
	trend 0 -J "$scratch/rec@#1" "$scratch/rec@#4" "$scratch/rec@#9:$pid"
	tells '.samples == 3'
	valid 0 -J --replay "$scratch/rec" --at '#2' $pid "$scratch/rec@#1"
	tells '.a.from == "recording" and .b.from == "recording"'
	valid 0 -J --replay "$scratch/rec" --at '#2' $pid
	tells '.same_process and .a.path == .b.path and .b.time >= .a.time'
	trend 0 -J --replay "$scratch/rec" $pid
	tells '.samples == 12'
	trend 0 -J --replay "$scratch/rec" -e 1ms $pid 5
	tells '.samples == 5'
else
	echo "no recordings here: $(cat "$scratch/err")"
fi
kill $pid
if [ "$(id -u)" = 0 ]; then
	as_nobody
	idle
	live
	kill $pid
	# Of others only what everyone may know.
	status=0
	"${as[@]}" "$bin/vmdiff" -J self $$ >"$scratch/out" 2>&1 || status=$?
	[ $status = 4 ] || { echo "another's mappings: status $status instead of 4"; failed=1; }
	trend 0 -J -e 1ms $$ 3
	tells '.groups == null and .figures[0].figure == "memory" and .unmet.smaps.processes == 1'
	trend 5 -J --strict -e 1ms $$ 3
	as_root
fi

# Captured trees: all that there are, with themselves; and what is known of those that were made.
cd "$here/../fixtures"
for tree in *; do
	for pid in "$tree"/proc/[0-9]*; do
		pid=${pid##*/}
		[ -e "$tree/proc/$pid/maps" ] || [ -e "$tree/proc/$pid/smaps" ] || continue
		"$bin/vmmap" --root "$tree" "$pid" >/dev/null 2>&1 || continue
		valid 0 -J --all -o all "$tree:$pid" "$tree:$pid"
		tells '.unchanged == (.mappings | length)'
		valid 0 -J --all -o all "$tree:$pid" linux-6.18:1001
		tells '.took_ns == null'
	done
done
/usr/bin/python3 -B "$here/../tools/mkmoments.py" "$scratch/m"
cd "$scratch/m"
valid 6 -J --fail-on-growth --all -o all before after
tells '.seconds == 600 and .unchanged == 7 and ([.mappings[].memory_growth_bytes] | add) == 77824 + 2048000'
tells '[.mappings[].size_growth_bytes] | add == 3661824'
tells '.growth.swap_bytes == 2048000 and .growth.rss_bytes == 77824 and .growth.map_count == 2'
tells '[.mappings[] | select(.how == ["split", "perm"])] | length == 1 and .[0].count_growth == 2'
tells '[.mappings[] | select(.vm_flags_changes == ["+lo"])] | length == 1 and .[0].locked_growth_bytes == 65536'
cp "$scratch/out" "$scratch/first"
valid 6 -J --fail-on-growth --all -o all before after
cmp "$scratch/first" "$scratch/out" || { echo "captures give other bytes the second time"; failed=1; }
for by in kind file perm name page; do
	valid 0 -J --by $by -o all before restarted
	tells '([.mappings[].rss_growth_bytes] | add) == .growth.rss_bytes'
done
trend 6 -J --fail-on-growth leak??
tells '.figures[0].rate_per_second * 60 | . > 1048575 and . < 1048577'
tells '.limits[0] | .limit == "RLIMIT_AS" and (.seconds | . > 117800 and . < 117900)'
trend 0 -J --fail-on-growth saw??
tells '.figures[0] | .verdict == "sawtooth" and .drops == 8 and .minima == 8'
trend 6 -J --fail-on-growth -o all sawleak??
tells '[.groups[] | select(.verdict == "growing")] | length == 1 and (.[0].rate_per_second * 300 | . > 524287 and . < 524289)'
exit $failed
