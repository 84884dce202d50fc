#!/bin/bash
# vmnuma against vmlab's stated truth, and against the kernel's own files; on one node too.  Usage: vmnuma.sh BIN_DIR
# Works as root and as a user without capabilities.
# shellcheck source=tests/tools/live.sh
. "$(dirname "$0")/../tools/live.sh"
has_built vmnuma
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
told=$([ -e /sys/devices/system/node/online ] && echo true || echo false)

# The machine: as sysfs has it.
"$bin/vmnuma" -J >"$scratch/machine" 2>"$scratch/err" || fail "vmnuma -J: $(cat "$scratch/err")"
[ ! -s "$scratch/err" ] || fail "vmnuma -J said: $(cat "$scratch/err")"
is "nodes are told" "$(jq .numa "$scratch/machine")" "$told"
if [ "$told" = true ]; then
	is "how many nodes" "$(jq '.nodes | length' "$scratch/machine")" "$(set -- /sys/devices/system/node/node[0-9]*; echo $#)"
	first=$(jq '.nodes[0].node' "$scratch/machine")
	is "its size" "$(jq '.nodes[0].size_bytes' "$scratch/machine")" \
		"$(awk '/MemTotal/ { printf "%.0f\n", $4 * 1024 }' "/sys/devices/system/node/node$first/meminfo")"
	is "its distances" "$(jq -r '.distances[0] | join(" ")' "$scratch/machine")" \
		"$(cat "/sys/devices/system/node/node$first/distance")"
fi
"$bin/vmnuma" >"$scratch/out" 2>&1 || fail "vmnuma: $(cat "$scratch/out")"
"$bin/vmnuma" -i 0.05 -c 2 >"$scratch/out" 2>&1 || fail "vmnuma -i: $(cat "$scratch/out")"
is "reports of -i 0.05 -c 2" "$(grep -c "^ *NODE" "$scratch/out")" 2

# Whoever interrupts an endless one has seen all that was shown, and nothing has failed.
"$bin/vmnuma" --counters 0.01 >"$scratch/out" 2>&1 &
pid=$!
pids+=("$pid")
until [ "$(grep -c "^ *NODE" "$scratch/out")" -ge 3 ] || ! kill -0 $pid; do :; done
kill -INT $pid
wait $pid || fail "interrupted: status $?: $(tail -n 3 "$scratch/out")"

# start WORDS...: a workload, its truth in $truth and its process in $lab; 1 if it can't be made here.
mkfifo "$scratch/truth"
start() {
	"$bin/vmlab" "$@" --quiet --dir "$scratch" >"$scratch/truth" 2>"$scratch/err" &
	lab=$!
	pids+=("$lab")
	exec 3<"$scratch/truth"
	read -r truth <&3 && return 0
	wait $lab
	[ $? = 77 ] || fail "vmlab $*: $(cat "$scratch/err")"
	return 1
}
stop() {
	kill $lab
	wait $lab
	exec 3<&-
}

# Mappings of which the kernel may be asked only as long as nobody moves them.
compare() {
	"$bin/vmnuma" -J "$lab" >"$scratch/seen" 2>"$scratch/err" || fail "vmnuma of $1: $(cat "$scratch/err")"
	jq -r --argjson truth "$truth" '. as $d | $truth.numa[] | . as $f
		| ([$d.processes[0].mappings[] | select(.start == $f.start)][0]) as $m
		| if [$m.policy, $m.misplaced_bytes, $m.bytes] != [$f.policy, $f.misplaced_bytes, $f.size_bytes]
			then "\($m) instead of \($f)"
		else ($f.nodes[] | select($m["node\(.node)_bytes"] != .bytes) | "node \(.node): \($m) instead of \(.bytes)") end' \
		"$scratch/seen" >"$scratch/wrong" 2>&1
	[ ! -s "$scratch/wrong" ] || fail "$1: $(head -n 3 "$scratch/wrong")"
}

for words in "numa-bind --size 2M" "numa-bind --size 2M --flags static" "numa-preferred --size 2M" \
	"numa-preferred --size 2M --way many" "numa-interleave --size 2M" "numa-weighted --size 2M" "numa-local --size 2M" \
	"numa-misplaced --size 2M" "numa-migrate --size 2M"; do
	# shellcheck disable=SC2086
	start $words || { echo "no $words: $(cat "$scratch/err")"; continue; }
	compare "$words"
	stop
done

# One process by its numa_maps, added up by someone else; and its pages one by one.
if start numa-bind --size 4M; then
	# shellcheck disable=SC2016
	sums='{ k = 4; for (i = 2; i <= NF; i++) { if ($i ~ /^kernelpagesize_kB=/) { sub(/.*=/, "", $i); k = $i } }
		for (i = 2; i <= NF; i++) if ($i ~ /^N[0-9]+=/) { sub(/.*=/, "", $i); n += $i * k } } END { printf "%.0f\n", n * 1024 }'
	is "sum over all nodes" "$("$bin/vmnuma" -J -p $lab | jq '.processes[0].bytes')" "$(awk "$sums" /proc/$lab/numa_maps)"
	is "sum of its mappings" "$("$bin/vmnuma" -J $lab | jq '[.processes[0].mappings[].bytes | numbers] | add')" \
		"$(awk "$sums" /proc/$lab/numa_maps)"
	is "among all" "$("$bin/vmnuma" -J -a 2>/dev/null | jq "[.processes[] | select(.pid == $lab)] | length")" 1
	is "by name" "$("$bin/vmnuma" -J -n '^vmlab$' | jq "[.processes[] | select(.pid == $lab)] | length")" 1
	if "$bin/vmnuma" --address 0 self >"$scratch/out" 2>&1; then
		from=$(jq -r '.numa[0].start' <<<"$truth") to=$(jq -r '.numa[0].end' <<<"$truth")
		node=$(jq '[.numa[0].nodes[] | select(.bytes > 0)][0].node' <<<"$truth")
		"$bin/vmnuma" -J --address "$from-$to" $lab >"$scratch/runs" 2>"$scratch/err" || fail "--address: $(cat "$scratch/err")"
		is "its pages" "$(jq -c '[.runs[] | [.node, .size_bytes]]' "$scratch/runs")" "[[$node,4194304]]"
		is "samples of them" "$("$bin/vmnuma" -J --sample 7 $lab |
			jq "[.processes[0].mappings[] | select(.start == \"$from\")][0] | [.samples, .node${node}_bytes]" -c)" "[7,4194304]"
		"$bin/vmnuma" -J --migrate "$node" "$node" -p $lab >"$scratch/moved" 2>"$scratch/err" ||
			fail "--migrate to where it is: $(cat "$scratch/err")"
		is "nothing moves to where it is" "$(jq '.migrated[0].moved_bytes' "$scratch/moved")" 0
	else
		echo "no single pages: $(cat "$scratch/out")"
	fi
	stop
	"$bin/vmnuma" $lab >"$scratch/out" 2>&1
	is "status of one that is gone" $? 3
fi

# Of others a user without privilege sees that they are there, once why not more.
if [ "$(id -u)" != 0 ] && [ "$(stat -c %u /proc/1)" = 0 ]; then
	"$bin/vmnuma" 1 >"$scratch/out" 2>"$scratch/err"
	is "status of another's" $? 4
	"$bin/vmnuma" -p 1 >"$scratch/out" 2>"$scratch/err" || fail "vmnuma -p 1: status $?"
	is "reasons" "$(wc -l <"$scratch/err")" 1
	"$bin/vmnuma" --migrate 0 0 -p 1 >"$scratch/out" 2>"$scratch/err"
	is "status of moving another's pages" $? 4
fi

# Processes come and go while all are read.
for _ in $(seq "${VM_NUMA_CHURN:-300}"); do sh -c :; done &
churn=$!
pids+=("$churn")
while kill -0 $churn 2>/dev/null; do
	"$bin/vmnuma" -a >"$scratch/out" 2>"$scratch/err" || fail "while processes come and go: status $?: $(cat "$scratch/err")"
done
"$bin/vmnuma" -a | head -n 1 >/dev/null
is "status for a closed pipe" "${PIPESTATUS[1]}" 0
"$bin/vmnuma" -a >/dev/full 2>/dev/null
is "status for a full disk" $? 1

as_nobody_too $failed "$here" vmnuma.sh "$bin"
