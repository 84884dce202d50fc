# Processes of which frames and map counts were captured, too: families, pairs, who has what.  Sums are easily checked by hand.
command -v python3 >/dev/null || { echo "python3 is not installed"; exit 0; }
tree=$tmp/tree
sh ../tools/mkdescribed.sh vmshare "$tree"
export COLUMNS=100
run vmshare --root "$tree" 100
run vmshare --root "$tree" 300 -o START,MANY,SHARERS,WITH
run vmshare --root "$tree" 100 -o START,MANY,SHARERS,WITH,MAPPING
run vmshare --root "$tree" 100 -b -o START,COUNTEDPSS,COUNTS,ANON,KSM,SHMEM,FILE
run vmshare --root "$tree" --family 102 -o MEMBER,ANON,WITHPARENT,SIBLINGS,FAMILY,SAME,BROKEN,FRESH,RISK
run vmshare --root "$tree" -a
run vmshare --root "$tree" 100 101 -o PID,FRAMES,SHARED,OURS,TWINS,KSM
run vmshare --root "$tree" --pairs -a -s ANON --filter 'ANON > 0'
run vmshare --root "$tree" --who 100
run vmshare --root "$tree" --who 100 --filter 'PID == 200' -o +PERM
run vmshare --root "$tree" --who 300
run vmshare --root "$tree" --who --range 10000000-10010000 100 --csv
run vmshare --root "$tree" --who --range 10000000-10010000 100 -J
run vmshare --root "$tree" --runs 102
run vmshare --root "$tree" --pfn 1000 5000 99
run vmshare --root "$tree" --pfn 2200
run vmshare --root "$tree" -J --range 10000000-10010000 101 102
