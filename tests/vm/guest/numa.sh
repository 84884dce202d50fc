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

# tells FILE: each line of standard input, "WHAT | FILTER", holds for the document.  One jq for all: starting it takes long here.
tells() {
	sed "s/^\([^|]*[^ |]\) *| *\(.*\)/(if (\2) then \"ok \1\" else \"FAIL \1\" end),/" >/tmp/filter
	echo '"end"' >>/tmp/filter
	jq -r -f /tmp/filter "$1" >/tmp/said 2>&1
	grep -v -x end /tmp/said
	if grep -q FAIL /tmp/said || ! grep -q -x end /tmp/said; then
		fail "of $1" "$1"
	fi
}

# Nothing is to move but what we move.
balancing=$(cat /proc/sys/kernel/numa_balancing)
echo 0 >/proc/sys/kernel/numa_balancing

# ---- The machine
vmnuma -J >/tmp/machine 2>/tmp/err || fail "vmnuma -J" /tmp/err
[ ! -s /tmp/err ] || fail "vmnuma says nothing on standard error" /tmp/err
vmnuma -m -J >/tmp/memory 2>/tmp/err || fail "vmnuma -m -J" /tmp/err
echo "so many nodes | .numa and (.nodes | length == $VM_NODES)" >/tmp/wanted
: >/tmp/wanted-memory
for node in "$nodes"/node[0-9]*; do
	n=${node##*node}
	cpus=$(cat "$node/cpulist")
	size=$(awk '/MemTotal/ { print $4 * 1024 }' "$node/meminfo")
	cat >>/tmp/wanted <<EOF
CPUs of node $n | .nodes[$n].cpus == "${cpus:-none}"
distances of node $n | .distances[$n] == $(tr ' ' ',' <"$node/distance" | sed 's/.*/[&]/')
size of node $n | .nodes[$n].size_bytes == $size
hits of node $n | .nodes[$n].numa_hit_pages <= $(awk '$1 == "numa_hit" { print $2 }' "$node/numastat")
EOF
	echo "MemTotal of node $n | ([.items[] | select(.item == \"MemTotal\")][0].node${n}_bytes == $size)" >>/tmp/wanted-memory
done
tells /tmp/machine </tmp/wanted
tells /tmp/memory </tmp/wanted-memory
vmnuma --counters -J 0.2 1 >/tmp/rates 2>/tmp/err || fail "vmnuma --counters 0.2 1" /tmp/err
tells /tmp/rates <<'EOF'
rates are known | [.nodes[].numa_hit_pages_per_second | type == "number"] | all
rates of balancing are known | .balancing.hint_faults_per_second | type == "number"
EOF

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

# lacks WORDS...: this kernel can't make it: there are weights from Linux 6.9 on, several preferred nodes from 5.15 on.
lacks() {
	case "$VM_KERNEL $*" in
	5.10\ numa-weighted* | 6.1\ numa-weighted* | 5.10\ *"--way many"*) ;;
	*) return 1 ;;
	esac
}

# start WORDS...: the workload's first truth in $truth, its process in $lab; 1 if it can't be made here.
start() {
	vmlab "$@" --quiet >/tmp/numa-truth 2>/tmp/err &
	lab=$!
	exec 3</tmp/numa-truth
	read -r truth <&3 && return 0
	wait $lab
	if [ $? = 77 ] && lacks "$@"; then
		echo "skip: $*: $(cat /tmp/err)"
	else
		fail "$*" /tmp/err
	fi
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
	[ ! -w /sys/kernel/mm/mempolicy/weighted_interleave/node0 ] ||
		echo $weights >/sys/kernel/mm/mempolicy/weighted_interleave/node0
	look numa-weighted --size 4M
done
look numa-bind --size 4M --node 0
look numa-bind --size 4M --node "$last" --flags static
look numa-preferred --size 4M --node 0
look numa-preferred --size 4M --way many
look numa-interleave --size 4M
look numa-local --size 4M

# Moves there and back, step by step.
if start numa-migrate --size 2M; then
	compare "numa-migrate"
	for step in 1 2; do
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
	tells /tmp/row <<EOF
8M of it are misplaced | .processes[0] | .misplaced_bytes >= 8388608 and .misplaced_share > 0.5
most of it is far from its thread | .processes[0].local_share < 0.5
where it runs | .processes[0] | .ran_on == ["$here:1"] and .may_run_on == "$here"
EOF
	vmnuma -J --address "$range" $lab >/tmp/pages 2>/tmp/err || fail "vmnuma --address" /tmp/err
	echo "its pages by move_pages | .runs == [.runs[0]] and .runs[0].node == $far and .runs[0].size_bytes == 4194304" |
		tells /tmp/pages
	vmnuma -J --sample 16 $lab >/tmp/sampled 2>/tmp/err || fail "vmnuma --sample" /tmp/err
	echo "samples of them | ([.processes[0].mappings[] | select(.start == \"$at\")][0].node${far}_bytes == 4194304)" |
		tells /tmp/sampled
	vmnuma -J -a >/tmp/all 2>/tmp/err || fail "vmnuma -a" /tmp/err
	echo "among all processes | ([.processes[] | select(.pid == $lab)][0].node${far}_bytes >= 8388608)" | tells /tmp/all
	vmnuma -J --migrate "$far" "$here" -p $lab >/tmp/moved 2>/tmp/err || fail "vmnuma --migrate" /tmp/err
	echo "they move | .migrated[0] | .moved_bytes >= 8388608 and .pid == $lab" | tells /tmp/moved
	vmnuma -J $lab >/tmp/seen 2>/tmp/err || fail "vmnuma" /tmp/err
	echo "none is misplaced then | [.processes[0].mappings[] | select(.start == \"$at\")][0] |" \
		".misplaced_bytes == 0 and .node${here}_bytes == 4194304" | tells /tmp/seen
	vmnuma --migrate "$here" "$far" -p $lab >/tmp/out 2>&1 || fail "vmnuma --migrate in words" /tmp/out
	grep -q "^CHANGED $lab vmlab: from node $here to $far" /tmp/out || fail "it says what it changed" /tmp/out
	cat /tmp/out
	vmtop --once -J -p $lab -o PID,NODES,LOCAL% >/tmp/top 2>/tmp/err || fail "vmtop --once" /tmp/err
	echo "vmtop has it too | .processes[0] | .local_share < 0.5 and ([.nodes[] | startswith(\"$far:\")] | any)" | tells /tmp/top
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
	echo "nodes of a captured tree | (.nodes | length == $VM_NODES)" | tells /tmp/seen
	stop
fi
echo "$balancing" >/proc/sys/kernel/numa_balancing
vmnuma
exit $failed
