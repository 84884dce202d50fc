#!/bin/sh
# Faults by which the kernel learns which node uses a page (NUMA balancing) are told from others.
set -u
[ "$VM_NODES" -gt 1 ] || { echo "skip: this machine has one node"; exit 77; }
[ -w /proc/sys/kernel/numa_balancing ] || { echo "skip: this kernel doesn't balance nodes"; exit 77; }
# With all CPUs on one node, Linux 6.12 has nothing to learn.
case $(cat /sys/devices/system/node/has_cpu) in
*[-,]*) ;;
*) echo "skip: all CPUs are on one node"; exit 77 ;;
esac
# At once and often; before Linux 5.13 these are sysctls.
: >/tmp/settings
for file in /proc/sys/kernel/numa_balancing \
	/sys/kernel/debug/sched/numa_balancing/scan_delay_ms /sys/kernel/debug/sched/numa_balancing/scan_period_min_ms \
	/proc/sys/kernel/numa_balancing_scan_delay_ms /proc/sys/kernel/numa_balancing_scan_period_min_ms; do
	[ -w "$file" ] || continue
	echo "$(cat "$file") $file" >>/tmp/settings
	echo 1 >"$file"
done
put_back() {
	while read -r value file; do
		echo "$value" >"$file"
	done </tmp/settings
}
trap put_back EXIT

# A shell copies a long text now on one node, now on the other, until the kernel has had enough of those faults.
cat >/tmp/busy <<'SH'
hints() {
	while read -r key n; do
		[ "$key" != numa_hint_faults ] || seen=$n
	done </proc/vmstat
}
long=$(head -c 2000000 /dev/zero | tr '\0' x)
hints
enough=$((seen + 200))
while [ "$seen" -lt $enough ]; do
	for cpu in 1 2; do
		taskset -p $cpu $$ >/dev/null
		copy=${long}y
		copy=${copy}z
	done
	hints
done
SH
hints() {
	awk '$1 == "numa_hint_faults" { print $2 }' /proc/vmstat
}
before=$(hints)
vmfault -J --output /tmp/report -- sh /tmp/busy 2>/tmp/err || { echo "FAIL"; cat /tmp/err; exit 1; }
after=$(hints)
jq -M -c --argjson most $((after - before)) '([.kinds[] | select(.kind == "numa-hint") | .count] | add // 0) as $n
	| "\($n) faults of \($most) that the kernel counted, \(.faults), \(.counters)", ($n > 0 and $n <= $most
	and .faults.minor + .counters.minor_unseen == .counters.minor_faults)' /tmp/report >/tmp/said
cat /tmp/said
[ "$(tail -n 1 /tmp/said)" = true ] || exit 1

# And vmnuma tells how many there were.
command -v vmnuma >/dev/null || exit 0
vmnuma -J >/tmp/machine || exit 1
now=$(hints)
jq -e --argjson least "$after" --argjson most "$now" '.balancing_mode == "between nodes"
	and (.balancing | .hint_faults >= $least and .hint_faults <= $most and .pte_updates > 0)' /tmp/machine
