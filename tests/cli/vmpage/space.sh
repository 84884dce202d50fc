command -v python3 >/dev/null || { echo "python3 is not installed"; exit 0; }
tree=$tmp/tree
python3 -B ../tools/mkpagemap.py ../cli/vmpage/pages.txt "$tree"
run vmpage --root "$tree" 42
for by in mapping kind file size flags cgroup; do
	run vmpage --root "$tree" --by "$by" 42
done
run vmpage --root "$tree" --runs 42
run vmpage --root "$tree" --runs -o START,PAGES,STATE,SWAPTYPE,SLOT,FLAGS --range 10000000-10020000 42
run vmpage --root "$tree" --runs --bits lru,~active 42
run vmpage --root "$tree" --runs --filter 'STATE == exclusive and SIZE > 16K' -s -SIZE 42
run vmpage --root "$tree" --bits ksm 42
run vmpage --root "$tree" --csv 42
run vmpage --root "$tree" --by mapping --csv -o START,SIZE,RSS,ANON,EXCL,SWAP,GUARD,UNTOUCHED 42
run vmpage --root "$tree" --runs --csv --range 10008000-10011000 42
run vmpage --root "$tree" --grid 42
run vmpage --root "$tree" --grid --range 10000000-10020000 42
LC_ALL=C run vmpage --root "$tree" --grid --range 7f0000400000-7f0000420000 42
run vmpage --root "$tree" --range 1000-2000 42
run vmpage --root "$tree" --via pagemap-scan 42
run vmpage --root "$tree" 43
run vmpage --root linux-6.18 1001
run vmpage --root "$tree" --by color 42
run vmpage --root "$tree" --range 5-4 42
run vmpage --root "$tree" --bits lru,colour 42
run vmpage --root "$tree" --grid --csv 42
