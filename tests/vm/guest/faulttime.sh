#!/bin/sh
# vmtop times page faults under this kernel, exactly; where it can't, the reason is told in words.
set -u
failed=0
fail() {
	echo "FAIL: $1"
	failed=1
}

source=$(vmtop --sources | grep '^fault-time ')
echo "$source"
vmtop -J -p $$ -o PID,FAULT% 0.1 2 >/tmp/samples 2>/tmp/err || fail "exit status $?: $(cat /tmp/err)"
tail -n 1 /tmp/samples >/tmp/last
case $source in
"fault-time "*" yes "*)
	jq -e '.processes[0].fault_time_share >= 0 and .unmet == {}' /tmp/last >/dev/null || fail "$(cat /tmp/last)"
	test_faulttime_live || failed=1
	;;
*"needs Linux 5.17"*)
	case $VM_KERNEL in 5.1[0-6]*) ;; *) fail "this is Linux $VM_KERNEL" ;; esac
	jq -e '.processes[0].fault_time_share == null and .unmet.faulttime.processes > 0' /tmp/last >/dev/null ||
		fail "$(cat /tmp/last)"
	grep -q 'time in page faults: .*--sources tells why' /tmp/err || fail "no reason: $(cat /tmp/err)"
	;;
*)
	fail "no reason is told"
	;;
esac
exit $failed
