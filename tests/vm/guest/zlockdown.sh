#!/bin/sh
# Under lockdown=confidentiality, which can't be left again (so this script comes last): kernel memory isn't read, and
# the reason is told; pagemap answers instead, and perf's events tell of page faults.  Under lockdown=integrity page
# tables are read.
set -u
failed=0
fail() {
	echo "FAIL: $1"
	failed=1
}

mountpoint -q /sys/kernel/security || mount -t securityfs securityfs /sys/kernel/security 2>/dev/null
lockdown=/sys/kernel/security/lockdown
[ -w $lockdown ] || { echo "skip: this kernel has no lockdown"; exit 77; }

echo integrity >$lockdown || fail "integrity can't be chosen"
via=$(vmpage -J $$ | jq -r .via)
[ "$via" = page-tables ] || fail "integrity: read via $via"

faults() {
	vmfault -J --output /tmp/faults "$@" -- vmlab zero-then-write --exit --quiet >/tmp/truth 2>/tmp/err
}
faults || fail "integrity: vmfault: $(cat /tmp/err)"
[ "$(jq -r .source /tmp/faults)" = ebpf ] || fail "integrity: $(jq -c .why_not /tmp/faults)"

echo confidentiality >$lockdown || fail "confidentiality can't be chosen"
vmpage -J $$ >/tmp/pages 2>/tmp/err || fail "confidentiality: exit status $?: $(cat /tmp/err)"
jq -e '.via == "pagemap" and (.why_not | contains("confidentiality")) and .states[0].pages > 0' /tmp/pages >/dev/null ||
	fail "confidentiality: $(cat /tmp/pages)"
vmpage --via page-tables $$ >/tmp/pages 2>/tmp/err && fail "confidentiality: page tables were read"
grep -q confidentiality /tmp/err || fail "confidentiality: no reason: $(cat /tmp/err)"
vmpage --sources | grep -q '^page-tables *no .*confidentiality' || fail "--sources: $(vmpage --sources | grep page-tables)"
faults || fail "confidentiality: vmfault: $(cat /tmp/err)"
jq -e '.source == "perf" and (.why_not | contains("confidentiality")) and .faults.total >= 512 and .faults.invalid == null' \
	/tmp/faults >/dev/null || fail "vmfault: $(jq -c '.source, .why_not, .faults' /tmp/faults)"
faults --via ebpf && fail "confidentiality: page faults by eBPF"
grep -q confidentiality /tmp/err || fail "confidentiality: vmfault: no reason: $(cat /tmp/err)"
# What is asked of the mm_struct is unknown, and the rest is there.
vmmap --mm -J $$ >/tmp/mm 2>/tmp/err || fail "confidentiality: vmmap --mm: $(cat /tmp/err)"
jq -e '.processes[0].mm | .mm_users == null and .rss_bytes > 0' /tmp/mm >/dev/null || fail "vmmap --mm: $(cat /tmp/mm)"
exit $failed
