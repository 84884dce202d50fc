# Addresses of a captured process, of which pagemap is there and page tables aren't.
command -v python3 >/dev/null || { echo "python3 is not installed"; exit 0; }
tree=$tmp/tree
python3 -B ../tools/mkpagemap.py ../cli/vmpage/pages.txt "$tree"
export COLUMNS=80
run vmpage --root "$tree" 42 400123
run vmpage --root "$tree" 42 10000fff 10008000 1000c000 1000e000 1000f000 10010000
run vmpage --root "$tree" 42 10030000 7f00003f0000 7f0000400000 7f0000410000 7f0000411000
run vmpage --root "$tree" 42 1000
run vmpage --root "$tree" 42 ffffffff81000000 ffffffffff600000 800000000000 8000000000000000
LC_ALL=C run vmpage --root "$tree" 42 10000000
run vmpage --root "$tree" --legend 42 10000000
run_line 'vmpage -J --root $tmp/tree 42 10000010 | jq "del(.host, .kernel, .time)"'
run_line 'vmpage -J --root $tmp/tree 42 10009000 | jq -c "[.present, .swap, .words, .page, .why_not]"'
run vmpage --root "$tree" --csv 42 10000000 10008000
run vmpage --root "$tree" --via page-tables 42 10000000
# Where there is no pagemap either: indexes and mappings.
run vmpage --root linux-6.18 1001 558cbbe34000
run vmpage --root "$tree" --watch 42 10000000
run vmpage --root "$tree" 42 nonsense
run vmpage --root "$tree" 43 10000000
run vmpage --root "$tree" --runs 42 10000000
run vmpage --root "$tree" --range 0-1000 42 10000000
run vmpage --root "$tree" --watch 42
run vmpage --root "$tree" --watch --csv 42 10000000
