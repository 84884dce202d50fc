# A captured process with every kind of page and reason; and those that were captured without pages.
command -v python3 >/dev/null || { echo "python3 is not installed"; exit 0; }
tree=$tmp/tree
sh ../tools/mkdescribed.sh vmhuge "$tree"
export COLUMNS=100
run vmhuge --root "$tree" 42
run vmhuge --root "$tree" --ranges 42
run vmhuge --root "$tree" --ranges -o ADDRESS,PAGES,ZERO,SWAP,SHARED,FOLIO,NOW,LATER 42
run vmhuge --root "$tree" --range 10000000-10400000 42
run vmhuge --root "$tree" -o all --top 3 42
run vmhuge --root "$tree" -o START,RSS,IN4K,IN16K,IN64K,IN2M,UNALIGNED,PARTLY,SIZES --filter 'IN64K > 0 or UNALIGNED > 0' 42
run vmhuge --root "$tree" -b --filter 'COULD > 0' -s -COULD 42
run vmhuge --root "$tree" -a
run vmhuge --root "$tree" --csv 42
run vmhuge --root "$tree" --ranges --csv 42
run_line 'vmhuge -J --root $tmp/tree 42 | jq "del(.host, .kernel, .time) | .processes[0] | del(.mappings)"'
run_line 'vmhuge -J --root $tmp/tree --ranges 42 | jq -c ".processes[0].ranges[]"'
run vmhuge --root "$tree" --via page-tables 42
run vmhuge --root "$tree" --collapse all 42
# Switched off for the process.
sed -i 's/THP_enabled:.*/THP_enabled:\t0/' "$tree/proc/42/status"
run_line 'vmhuge --root $tmp/tree 42 | sed -n "/^WHY/,\$p" | head -n 20'
# No pages: smaps alone.
run vmhuge --root linux-6.18 1001
run vmhuge --root linux-6.12 -a
