# The machine, as a captured tree has it: two nodes, several sizes; and an old kernel with one.
command -v python3 >/dev/null || { echo "python3 is not installed"; exit 0; }
tree=$tmp/tree old=$tmp/old
python3 -B ../tools/mkfiles.py ../cli/vmhuge/machine-6.18.txt "$tree"
python3 -B ../tools/mkfiles.py ../cli/vmhuge/machine-5.10.txt "$old"
export COLUMNS=80
run vmhuge --root "$tree"
run vmhuge --root "$old"
run vmhuge --root "$tree" -b --top 0 -o all
run vmhuge --root "$tree" -o SIZE,ANON,ANON-SET,PARTLY,FALLBACK -s -SIZE
run vmhuge --root "$tree" --filter 'ANON == madvise' --no-headings
run vmhuge --root "$tree" --csv
run vmhuge --root "$tree" --format openmetrics
run_line 'vmhuge -J --root $tmp/tree | jq "del(.host, .kernel, .time)"'
run_line 'vmhuge -J --root $tmp/old | jq -c "[.policy, .khugepaged, .sizes, .pools, .memory]"'
# Trees without /sys, as earlier captures have them.
run vmhuge --root linux-6.12
