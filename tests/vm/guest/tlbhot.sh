#!/bin/sh
# vmtlb --hot on a kernel that keeps soft-dirty bits: they survive it, unless it is told to use the way that loses them.
set -u
failed=0
fail() {
	echo "FAIL: $1"
	failed=1
}

# soft_dirty: how many pages of the target's memory the kernel says were written since clear_refs 4.
soft_dirty() {
	vmpage --runs --via pagemap -J -o START,END,STATE "$lab" | jq --arg from "$from" '
		def hex: ltrimstr("0x") | explode | reduce .[] as $c (0; . * 16 + (if $c > 96 then $c - 87 else $c - 48 end));
		[.runs[] | select((.start | hex) >= ($from | hex) and (.start | hex) < ($from | hex) + 4194304)
			| select(.state | index("soft-dirty")) | (.end | hex) - (.start | hex)] | (add // 0) / 4096'
}

# look ARGUMENT...: a report of the target in /tmp/report.
look() {
	vmtlb --hot --clear-refs -J -p "$lab" "$@" >/tmp/report 2>/tmp/err || fail "vmtlb $*: $(cat /tmp/err)"
	jq -r '"\(.flush) \(.why_no_flush) \(.reads) \(.soft_dirty) lost \(.cost.soft_dirty_lost)"' /tmp/report
}

mkfifo /tmp/hot-truth
vmlab tlb-random --size 4M --rounds 100000000 --step 1us --quiet >/tmp/hot-truth &
lab=$!
exec 3</tmp/hot-truth
read -r truth <&3
cat <&3 >/dev/null &
from=$(echo "$truth" | jq -r '.mappings[0].start')
[ "$(vmtlb --hot -p $lab 2>&1 >/dev/null | wc -l)" = 1 ] || fail "no line about consent"

# All of it was written, and is new.
before=$(soft_dirty)
[ "$before" = 1024 ] || fail "$before of 1024 pages are soft-dirty"
look
jq -e '.soft_dirty and (.cost.soft_dirty_lost | not) and .flush != "clear-refs"' /tmp/report >/dev/null || fail "$(cat /tmp/report)"
jq -e 'if .flush then .why_no_flush == null else (.why_no_flush | test("soft-dirty")) and .totals.used_bytes == null end' \
	/tmp/report >/dev/null || fail "what is used, and why not: $(cat /tmp/report)"
look --flush switches --samples 1 2>/dev/null
after=$(soft_dirty)
[ "$after" = "$before" ] || fail "$after of $before pages are soft-dirty after it looked"

# Asked for it is used, and said.
look --flush clear-refs
jq -e '.flush == "clear-refs" and .cost.soft_dirty_lost and .totals.used_bytes > 0' /tmp/report >/dev/null || fail "$(cat /tmp/report)"
vmtlb --hot --clear-refs --flush clear-refs -p $lab | grep -q 'soft-dirty bits are lost' || fail "the loss isn't said"
after=$(soft_dirty)
[ "$after" = 0 ] || fail "$after pages are still soft-dirty"
kill $lab
exit $failed
