#!/bin/sh
# vmrep while a CPU leaves and comes back; vmdoctor on a kernel and a machine that other tests don't have.
set -u
failed=0
fail() {
	echo "FAIL: $1"
	failed=1
}

# ---- CPUs that leave: no line is wild, and nothing is counted twice ----
cpu=/sys/devices/system/cpu/cpu1/online
if [ -w $cpu ]; then
	faults() { awk '$1 == "pgfault" { print $2 }' /proc/vmstat; }
	mkfifo /tmp/rep
	before=$(faults)
	vmrep -J -y -o fault,numa,SHOOT/S 0.2 >/tmp/rep 2>/tmp/err &
	rep=$!
	exec 3</tmp/rep
	# A line before each change, so that it falls between two.
	for state in 0 1 0 1; do
		read -r line <&3
		echo "$line" >>/tmp/lines
		echo $state >$cpu
	done
	for _ in 1 2 3; do
		read -r line <&3
		echo "$line" >>/tmp/lines
	done
	kill -INT $rep
	cat <&3 >>/tmp/lines
	wait $rep || fail "vmrep: $? $(cat /tmp/err)"
	after=$(faults)
	jq -s -c '[.[] | .machine.page_faults_per_second | if . then floor else . end]' /tmp/lines
	jq -s -e --argjson most $((after - before)) '
		([.[] | (.machine.page_faults_per_second // 0) * .elapsed_ns / 1e9] | add) <= $most + 1' /tmp/lines >/dev/null ||
		fail "more faults than the machine had ($((after - before))): $(cat /tmp/lines)"
	jq -s -e '[.[].machine | to_entries[] | select(.key | endswith("_per_second")) | .value // 0] | all(. >= 0)' /tmp/lines \
		>/dev/null || fail "a rate below zero: $(cat /tmp/lines)"
	jq -s -e '[.[].machine.tlb_shootdowns_per_second // 0] | max < 1e6' /tmp/lines >/dev/null || fail "shootdowns: $(cat /tmp/lines)"
else
	echo "cpu1 can't be taken away"
fi

# ---- What works ----
vmdoctor -J >/tmp/doctor || fail "vmdoctor: $?"
jq -r '.checks[] | "\(.name): \(.state), \(.found)"' /tmp/doctor
state() { jq -r --arg name "$1" '.checks[] | select(.name == $name) | .state' /tmp/doctor; }
found() { jq -r --arg name "$1" '.checks[] | select(.name == $name) | .found' /tmp/doctor; }

case $(found paging) in
"$VM_LEVELS levels, "*) ;;
*) fail "$VM_LEVELS levels: $(found paging)" ;;
esac
case $(found numa) in
"$VM_NODES node"*) ;;
*) fail "$VM_NODES nodes: $(found numa)" ;;
esac
# Debian's kernels keep these bits, and nobody else clears them here.
for name in soft-dirty pagemap-pfn kpageflags psi perf others; do
	[ "$(state $name)" = works ] || fail "$name: $(state $name), $(found $name)"
done
# But Linux 7 monitors accesses itself.
wanted=works
! grep -qs "^kdamond" /proc/[0-9]*/comm || wanted=partly
[ "$(state accessed-bits)" = $wanted ] || fail "accessed-bits: $(state accessed-bits), $(found accessed-bits)"
[ "$(state procmap-query)" = "$(if vmmap --sources -J | jq -e '.sources[] | select(.source == "procmap-query").usable' >/dev/null
	then echo works; else echo absent; fi)" ] || fail "procmap-query: $(state procmap-query)"
if [ "$(state page-tables)" = works ]; then
	vmpage --via page-tables -J $$ >/dev/null || fail "page tables are said to work"
	base=$(awk '$3 == "page_offset_base" { print $1 }' /proc/kallsyms)
	[ "$VM_KASLR" = 1 ] || [ -z "$base" ] || case $(found page-offset) in
	0xffff888000000000* | 0xff11000000000000*) ;;
	*) fail "page-offset without KASLR: $(found page-offset)" ;;
	esac
fi
exit $failed
