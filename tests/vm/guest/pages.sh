#!/bin/sh
# Each page of workloads is what they state, in page tables and in pagemap.
# Here are what other machines lack: soft-dirty bits, protection keys, five levels of page tables.
set -u
failed=0
mkfifo /tmp/pages-truth || exit 1

# Pages of each stated range as {page number: run}, then what is wrong of them, one text each.
cat >/tmp/check.jq <<'JQ'
def hex: ltrimstr("0x") | explode | reduce .[] as $c (0; . * 16 + (if $c > 96 then $c - 87 else $c - 48 end));
def told: if $via == "page-tables" then . else . - ["prot-none"] end;
def pages_in($runs; $from; $to):
	reduce ($runs[] | select(.s < $to and .e > $from)) as $r ({};
		reduce range([$r.s, $from] | max; [$r.e, $to] | min; 4096) as $at (.; .["\($at)"] = $r));
($runs[0].runs | map(. + {s: (.start | hex), e: (.end | hex)})) as $runs
| .pages[] | select((.pid // $pid) == $pid) | . as $f
| ($f.start | hex) as $from | ($f.end | hex) as $to | pages_in($runs; $from; $to) as $at
| ($f.state | split(" ")) as $want | (($f.without // "") | split(" ")) as $without
| range($from; $to; 4096)
| select($f.every_pages == null or (((. - $from) / 4096 % $f.every_pages) as $i
	| $i >= $f.first_page and $i < $f.first_page + $f.pages))
| . as $page | ($at["\($page)"] // {state: []}) as $run
| if ($want | told) - $run.state != [] or $without - ($without - $run.state) != [] then
	"\($f.label): \($page) is \($run.state), should be \($f.state), without \($f.without)"
elif $via == "page-tables" and $f.page_bytes and $run.page_bytes != $f.page_bytes then
	"\($f.label): \($page) is mapped by \($run.page_bytes) bytes"
elif $via == "page-tables" and ($want | index("present")) and $run.pkey != ($f.pkey // 0) then
	"\($f.label): \($page) has key \($run.pkey)"
else "ok" end
JQ

# look WORDS...: make the workload, and compare.
look() {
	vmlab "$@" --quiet >/tmp/pages-truth 2>/tmp/err &
	lab=$!
	if ! read -r truth </tmp/pages-truth; then
		wait $lab
		case $? in
		77) echo "skip: $(cat /tmp/err)" ;;
		*) fail "$*" /tmp/err ;;
		esac
		return
	fi
	for via in page-tables pagemap; do
		vmpage --runs --via $via -J -o START,END,PFN,STATE,PAGE,PKEY $lab >/tmp/runs 2>/tmp/err || fail "$* by $via" /tmp/err
		echo "$truth" | jq -r --arg via $via --argjson pid $lab --slurpfile runs /tmp/runs -f /tmp/check.jq >/tmp/said 2>&1
		grep -v -x ok /tmp/said | head -n 3 >/tmp/wrong
		if [ -s /tmp/wrong ] || ! grep -q -x ok /tmp/said; then
			fail "$* by $via" /tmp/wrong
		else
			echo "ok $* by $via: $(grep -c -x ok /tmp/said) pages"
		fi
	done
	kill $lab
	wait $lab
}

fail() {
	echo "FAIL $1"
	cat "$2"
	failed=1
}

look page-pattern --size 512K
look soft-dirty --size 512K
look prot-none --size 512K
look guard --size 512K
look pkey --size 512K
look mremap --size 512K
look thp --count 1
look hugetlb --count 2
look ksm --groups 2 --equal 30 --own 10
look zero-page --size 256K
exit $failed
