#!/bin/sh
# What vmnuma shows of nodes, policies and pages: equal to sysfs and to what vmlab's workloads state, on machines that have
# several nodes.
set -u
[ "$VM_NODES" -gt 1 ] || { echo "skip: this machine has one node"; exit 77; }
failed=0
nodes=/sys/devices/system/node
mkfifo /tmp/numa-truth || exit 1

fail() {
	echo "FAIL $1"
	[ $# -lt 2 ] || head -n 40 "$2"
	failed=1
}

# is WHAT FILE FILTER: the filter holds for the document.
is() {
	if jq -e "$3" "$2" >/tmp/said 2>&1; then
		echo "ok $1"
	else
		fail "$1: not so: $3" "$2"
	fi
}

# ---- The machine
vmnuma -J >/tmp/machine 2>/tmp/err || fail "vmnuma -J" /tmp/err
[ ! -s /tmp/err ] || fail "vmnuma says nothing on standard error" /tmp/err
is "so many nodes" /tmp/machine ".numa and (.nodes | length == $VM_NODES)"
for node in "$nodes"/node[0-9]*; do
	n=${node##*node}
	cpus=$(cat "$node/cpulist")
	is "CPUs of node $n" /tmp/machine ".nodes[$n].cpus == \"${cpus:-none}\""
	is "distances of node $n" /tmp/machine ".distances[$n] == $(tr ' ' ',' <"$node/distance" | sed 's/.*/[&]/')"
	is "size of node $n" /tmp/machine ".nodes[$n].size_bytes == $(awk '/MemTotal/ { print $4 * 1024 }' "$node/meminfo")"
	set -- "$(awk '$1 == "numa_hit" { print $2 }' "$node/numastat")"
	is "hits of node $n" /tmp/machine ".nodes[$n].numa_hit_pages | . > 0 and . <= $1"
done
vmnuma >/tmp/out 2>&1 || fail "vmnuma" /tmp/out
grep -q "^DISTANCE" /tmp/out || fail "distances are shown" /tmp/out
vmnuma -m -J >/tmp/memory 2>/tmp/err || fail "vmnuma -m -J" /tmp/err
for node in "$nodes"/node[0-9]*; do
	n=${node##*node}
	is "MemTotal of node $n" /tmp/memory "[.items[] | select(.item == \"MemTotal\")][0].node${n}_bytes == $(
		awk '/MemTotal/ { print $4 * 1024 }' "$node/meminfo")"
done
vmnuma --counters -J 0.2 2 >/tmp/rates 2>/tmp/err || fail "vmnuma --counters 0.2 2" /tmp/err
is "rates are known" /tmp/rates '[.nodes[].numa_hit_pages_per_second | type == "number"] | all'
is "rates of balancing are known" /tmp/rates '.balancing.hint_faults_per_second | type == "number"'

# ---- Workloads
cat >/tmp/check.jq <<'JQ'
.numa[] | . as $f | ([$seen[0].processes[0].mappings[] | select(.start == $f.start)][0]) as $m
| if $m == null then "\($f.label): nothing starts at \($f.start)"
elif $m.policy != $f.policy then "\($f.label): the policy is \($m.policy), should be \($f.policy)"
elif $m.misplaced_bytes != $f.misplaced_bytes then "\($f.label): misplaced are \($m.misplaced_bytes), should be \($f.misplaced_bytes)"
elif $m.bytes != $f.size_bytes then "\($f.label): \($m.bytes) of \($f.size_bytes)"
else ($f.nodes[] | if $m["node\(.node)_bytes"] == .bytes then "ok"
	else "\($f.label): node \(.node) has \($m["node\(.node)_bytes"]), should have \(.bytes)" end) end
JQ

# start WORDS...: the workload's first truth in $truth, its process in $lab; 1 if it can't be made here.
start() {
	vmlab "$@" --quiet >/tmp/numa-truth 2>/tmp/err &
	lab=$!
	exec 3</tmp/numa-truth
	read -r truth <&3 && return 0
	wait $lab
	case $? in
	77) echo "skip: $*: $(cat /tmp/err)" ;;
	*) fail "$*" /tmp/err ;;
	esac
	return 1
}

stop() {
	kill $lab
	wait $lab
	exec 3<&-
}

# compare WHAT: what is shown of the workload is what its truth says.
compare() {
	vmnuma -J $lab >/tmp/seen 2>/tmp/err || fail "vmnuma of $1" /tmp/err
	echo "$truth" | jq -r --slurpfile seen /tmp/seen -f /tmp/check.jq >/tmp/said 2>&1
	grep -v -x ok /tmp/said >/tmp/wrong
	if [ -s /tmp/wrong ] || ! grep -q -x ok /tmp/said; then
		fail "$1" /tmp/wrong
		echo "$truth"
		grep -E 'bind|inter|prefer|local|weight' "/proc/$lab/numa_maps"
	else
		echo "ok $1: $(jq -r '[.processes[0].mappings[] | select(.policy != "default") | .policy][0] // "default"' /tmp/seen)"
	fi
}

look() {
	start "$@" || return
	compare "$*"
	stop
}

last=$(sed 's/.*[-,]//' $nodes/has_memory)
for weights in 3 1; do
	for node in /sys/kernel/mm/mempolicy/weighted_interleave/node0; do
		[ ! -w $node ] || echo $weights >$node
	done
	look numa-weighted --size 4M
done
for node in 0 "$last"; do
	look numa-bind --size 4M --node "$node"
	look numa-preferred --size 4M --node "$node"
done
look numa-bind --size 4M --flags static
look numa-preferred --size 4M --way many
look numa-interleave --size 4M
look numa-local --size 4M

# Moves there and back, step by step.
if start numa-migrate --size 2M; then
	compare "numa-migrate"
	for step in 1 2 3; do
		kill -USR1 $lab
		read -r truth <&3
		compare "numa-migrate, step $step"
	done
	stop
fi

# What is far is told so, by process and by page, and comes home when asked to.
if start numa-misplaced --size 4M; then
	compare "numa-misplaced"
	here=$(echo "$truth" | jq .runs_on_node)
	far=$(echo "$truth" | jq '[.numa[0].nodes[] | select(.bytes > 0)][0].node')
	at=$(echo "$truth" | jq -r '.numa[0].start')
	range=$at-$(echo "$truth" | jq -r '.numa[0].end')
	vmnuma -J -p $lab >/tmp/row 2>/tmp/err || fail "vmnuma -p" /tmp/err
	is "8M of it are misplaced" /tmp/row '.processes[0].misplaced_bytes >= 8388608 and .processes[0].misplaced_share > 0.5'
	is "most of it is far from its thread" /tmp/row '.processes[0].local_share < 0.5'
	is "where it runs" /tmp/row ".processes[0].ran_on == [\"$here:1\"] and .processes[0].may_run_on == \"$here\""
	vmnuma -J --address "$range" $lab >/tmp/pages 2>/tmp/err || fail "vmnuma --address" /tmp/err
	is "its pages by move_pages" /tmp/pages ".runs == [.runs[0]] and .runs[0].node == $far and .runs[0].size_bytes == 4194304"
	vmnuma -J --sample 16 $lab >/tmp/sampled 2>/tmp/err || fail "vmnuma --sample" /tmp/err
	is "samples of them" /tmp/sampled "[.processes[0].mappings[] | select(.start == \"$at\")][0].node${far}_bytes == 4194304"
	vmnuma -J -a >/tmp/all 2>/tmp/err || fail "vmnuma -a" /tmp/err
	is "among all processes" /tmp/all "[.processes[] | select(.pid == $lab)][0].node${far}_bytes >= 8388608"
	vmnuma -J --migrate "$far" "$here" -p $lab >/tmp/moved 2>/tmp/err || fail "vmnuma --migrate" /tmp/err
	is "they move" /tmp/moved ".migrated[0].moved_bytes >= 8388608 and .migrated[0].pid == $lab"
	vmnuma -J $lab >/tmp/seen 2>/tmp/err || fail "vmnuma" /tmp/err
	is "none is misplaced then" /tmp/seen "[.processes[0].mappings[] | select(.start == \"$at\")][0]
		| .misplaced_bytes == 0 and .node${here}_bytes == 4194304"
	vmnuma --migrate "$here" "$far" -p $lab >/tmp/out 2>&1 || fail "vmnuma --migrate in words" /tmp/out
	grep -q "^CHANGED $lab vmlab: from node $here to $far" /tmp/out || fail "it says what it changed" /tmp/out
	vmnuma $lab >/tmp/out 2>&1 || fail "vmnuma in words" /tmp/out
	cat /tmp/out
	stop
fi
vmnuma --migrate 0 77 -p $$ >/tmp/out 2>&1
[ $? = 2 ] || fail "a node that isn't there is wrong usage" /tmp/out

# A tree that was captured shows the same.
if start numa-interleave --size 1M; then
	vmmap --capture /tmp/tree $lab >/dev/null 2>/tmp/err || fail "vmmap --capture" /tmp/err
	vmnuma -J --root /tmp/tree $lab >/tmp/seen 2>/tmp/err || fail "vmnuma --root" /tmp/err
	echo "$truth" | jq -r --slurpfile seen /tmp/seen -f /tmp/check.jq | sort -u >/tmp/said
	[ "$(cat /tmp/said)" = ok ] || fail "a captured tree" /tmp/said
	vmnuma -J --root /tmp/tree >/tmp/seen 2>/tmp/err || fail "nodes of a captured tree" /tmp/err
	is "nodes of a captured tree" /tmp/seen ".nodes | length == $VM_NODES"
	stop
fi
vmnuma
exit $failed
