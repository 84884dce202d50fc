#!/bin/sh
# vmhuge under this kernel: what workloads state, by each way of reading; what the machine gives; collapsing, where there is it.
set -u
failed=0
thp=/sys/kernel/mm/transparent_hugepage
fail() {
	echo "FAIL: $1"
	failed=1
}

echo madvise >$thp/enabled

# ---- The machine ----
vmhuge -J >/tmp/machine 2>/tmp/err || fail "vmhuge: status $?: $(cat /tmp/err)"
jq -r '"\(.policy.enabled), sizes \([.sizes[].page_bytes / 1024]), pools \([.pools[] | select(.node == null).page_bytes / 1024])"' \
	/tmp/machine
jq -e '.policy.enabled == "madvise" and .policy.pmd_bytes == 2097152 and .khugepaged.max_ptes_none != null and
	(.sizes | map(select(.page_bytes == 2097152)) | length) == 1 and .direct_map.bytes_4k != null' /tmp/machine >/dev/null ||
	fail "the machine: $(jq -c '[.policy, .khugepaged, .sizes]' /tmp/machine)"
nodes=$(jq '[.pools[] | select(.page_bytes == 2097152 and .node != null)] | length' /tmp/machine)
[ "$nodes" = "$VM_NODES" ] || fail "pools of $nodes nodes, there are $VM_NODES"
vmhuge -m 0.1 2 >/tmp/lines 2>/tmp/err || fail "vmhuge -m: $(cat /tmp/err)"
[ "$(wc -l </tmp/lines)" = 3 ] || fail "a heading and two lines: $(cat /tmp/lines)"

# ---- Workloads ----
cat >/tmp/compare.jq <<'JQ'
def hex: ltrimstr("0x") | explode | reduce .[] as $c (0; . * 16 + (if $c > 96 then $c - 87 else $c - 48 end));
def sum: add // 0;
$report[0].processes[0] as $p
| $truth[0].huge[]
| . as $f | ($f.start | hex) as $from | ($f.end | hex) as $to
| [$p.mappings[] | select((.start | hex) >= $from and (.start | hex) < $to)] as $m
| ([$m[].resident_bytes] | sum) as $resident | ([$m[].huge_bytes] | sum) as $huge
| ([$m[].large_bytes // 0] | sum) as $large | ([$m[].partly_bytes // 0] | sum) as $partly
| select($resident != $f.resident_bytes or ($p.entries_known and $huge != $f.huge_bytes)
	or ($p.sizes_known and ($large != $f.aligned_bytes + $f.unaligned_bytes or $partly > $f.partly_bytes)))
| "\($f.label): stated \([$f.resident_bytes, $f.huge_bytes, $f.aligned_bytes + $f.unaligned_bytes, $f.partly_bytes]), shown \([$resident, $huge, $large, $partly])"
JQ

# start WORKLOAD...: sets pid, or skips.
start() {
	rm -f /tmp/truth
	vmlab "$@" --quiet >/tmp/truth 2>/tmp/said &
	pid=$!
	tries=0
	while ! [ -s /tmp/truth ] && kill -0 $pid 2>/dev/null && [ $((tries += 1)) -lt 200 ]; do
		sleep 0.05
	done
	[ -s /tmp/truth ] && return 0
	wait $pid
	echo "left out: $*: $(tail -n 1 /tmp/said)"
	return 1
}

look() {
	start "$@" || return
	ways=
	for via in auto page-tables pagemap pagemap-scan; do
		if ! vmhuge -J --via $via $pid >/tmp/report 2>/tmp/err; then
			[ $via != auto ] || fail "$*: $(cat /tmp/err)"
			continue
		fi
		ways="$ways $via"
		jq -n -r --slurpfile truth /tmp/truth --slurpfile report /tmp/report -f /tmp/compare.jq >/tmp/wrong 2>&1
		[ ! -s /tmp/wrong ] || fail "$* via $via: $(cat /tmp/wrong)"
	done
	echo "ok $*: by$ways"
	kill $pid
	wait $pid
}

look thp --count 2
look mthp
look mthp --page 16K --count 30
look hugetlb --count 2
look huge-holes --ranges 2 --touch 100
look fragment --size 4M

# ---- Advice and collapsing ----
if start huge-holes --ranges 3 --touch 200; then
	vmhuge -J $pid >/tmp/before || fail "vmhuge: status $?"
	group='.processes[0].groups[] | select(.reasons == ["unasked"])'
	jq -e "$group | .could_bytes == 3 * 200 * 4096 and .costs_bytes == 3 * 312 * 4096" /tmp/before >/dev/null ||
		fail "what is to be won: $(jq -c '.processes[0].groups' /tmp/before)"
	vmhuge -J --collapse all $pid >/tmp/collapse 2>/tmp/err
	status=$?
	case $VM_KERNEL in
	5.*)
		jq -e "$group | .now == [] and .later[0].do == \"advise\"" /tmp/before >/dev/null || fail "a call is advised that isn't there"
		if [ $status != 1 ] || ! grep -q 'no MADV_COLLAPSE' /tmp/err; then
			fail "--collapse: status $status: $(cat /tmp/err)"
		fi
		;;
	*)
		jq -e "$group | .now[0].do == \"collapse\"" /tmp/before >/dev/null || fail "MADV_COLLAPSE isn't advised"
		jq -e '.collapsed_ranges == 3 and .after.huge_bytes == .before.huge_bytes + 3 * 2097152' /tmp/collapse >/dev/null ||
			fail "--collapse: status $status: $(cat /tmp/err /tmp/collapse)"
		;;
	esac
	kill $pid
	wait $pid
fi
# Read-only memory: collapsed by kernels that don't want an entry that may be written, and advised by vmhuge for those only.
if start huge-holes --ranges 1 --touch 512 --protect yes; then
	vmhuge -J $pid >/tmp/before || fail "vmhuge: status $?"
	advised=$(jq -r '[.processes[0].groups[] | select(.ranges == 1 and .bytes == 2097152) | .now[].do] | join(" ")' /tmp/before)
	made=0
	! vmhuge -J --collapse all $pid >/tmp/collapse 2>/tmp/err || made=$(jq .collapsed_ranges /tmp/collapse)
	case "$advised $made" in
	"collapse 1" | " 0") echo "ok read-only: advised '$advised', $made collapsed" ;;
	*) fail "read-only: advised '$advised', $made collapsed: $(jq -c '.processes[0].groups' /tmp/before)" ;;
	esac
	kill $pid
	wait $pid
fi
exit $failed
