#!/bin/sh
# Every command starts and finds what it needs, and the machine is what it was asked to be.
# Functions are called through check().
# shellcheck disable=SC2317
set -u
failed=0

# check WHAT COMMAND...: its output is shown when it fails.
check() {
	what=$1
	shift
	if "$@" >/tmp/out 2>&1; then
		echo "ok $what"
	else
		echo "FAIL $what: exit status $?"
		tail -n 20 /tmp/out
		failed=1
	fi
}

five_levels() {
	[ "$(grep -m 1 -c -w la57 /proc/cpuinfo)" = $((VM_LEVELS == 5)) ]
}

# Where the kernel lies without KASLR, by its virtual and by its physical address; chance doesn't hit both.
placed_at_random() {
	text=$(awk '$3 == "_text" { print $1 }' /proc/kallsyms)
	code=$(sed -n 's/^ *\([0-9a-f]*\)-.*: Kernel code$/\1/p' /proc/iomem)
	echo "_text $text, physical $code"
	case $text:$code in
	ffffffff81000000:01000000) [ "$VM_KASLR" = 0 ] ;;
	*) [ "$VM_KASLR" = 1 ] ;;
	esac
}

nodes() {
	set -- /sys/devices/system/node/node[0-9]*
	[ $# = "$VM_NODES" ]
}

uname -r
check "levels of page tables: $VM_LEVELS" five_levels
check "KASLR: $VM_KASLR" placed_at_random
check "nodes: $VM_NODES" nodes

check "vmmap of itself" sh -c 'exec vmmap $$'
check "vmmap -J" sh -c 'vmmap -J $$ | jq -e ".processes[0].mappings | length > 5"'
check "vmmap --sources" vmmap --sources
check "vmtop --once" vmtop --once
check "vmtop --once -J" sh -c 'vmtop --once -J | jq -e ".processes | length > 0"'
# Where tests/live runs, lab-workloads.sh is among it.
workloads=
[ "$VM_DISK" = 1 ] || workloads=$(vmlab --list --names)
for workload in $workloads; do
	timeout -s KILL 60 vmlab "$workload" --exit --quiet --steps 3 >/tmp/out 2>&1
	case $? in
	0) echo "ok vmlab $workload" ;;
	77) echo "skip: vmlab $workload: $(tail -n 1 /tmp/out)" ;;
	*) echo "FAIL vmlab $workload"; tail -n 20 /tmp/out; failed=1 ;;
	esac
done
exit $failed
