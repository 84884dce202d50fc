# Forms for programs: every state and column, exact numbers, unknown ones left out.
command -v python3 >/dev/null || { echo "python3 is not installed"; exit 0; }
tree=$tmp/tree
python3 -B ../tools/mkpagemap.py ../cli/vmpage/pages.txt "$tree"
run vmpage --root "$tree" --format openmetrics 42
run vmpage --root "$tree" --format openmetrics --by mapping -o START,RSS,MAPPING 42
run vmpage --root "$tree" --format openmetrics --by kind -o RSS,SWAP 42
run vmpage --root "$tree" --format openmetrics --runs --range 10000000-10010000 -o SIZE,PFN 42
run vmpage --root "$tree" --format openmetrics 42 10000000
run vmpage --root "$tree" --csv --by kind 42
run vmpage --root "$tree" --csv --by flags -o RSS,GROUP 42
run vmpage --root "$tree" --csv --runs -o START,SIZE,STATE,FLAGS --range 10000000-10010000 42
run_line 'vmpage --root $tmp/tree --format ndjson 42 | jq -c "del(.host, .kernel, .time, .why_not)"'
run_line 'vmpage --root $tmp/tree --format ndjson --by cgroup -o RSS,GROUP 42 | jq -c .groups'
run_line 'vmpage --root $tmp/tree --format ndjson --runs --range 10008000-10011000 42 | jq -c ".runs[]"'
run_line 'vmpage --root $tmp/tree -J --grid --range 10000000-10020000 42 | jq -c "[.block_bytes, .rows]"'
run vmpage --root "$tree" --no-headings --runs --range 10008000-10011000 42
run vmpage --root "$tree" --no-headings 42
run vmpage --root "$tree" -b --by kind 42
run_line 'vmpage --root $tmp/tree --runs 42 | head -n 1'
