# A made machine that has been up for 1000 seconds: every group, and all columns of each.
run vmrep --root machine
run vmrep --root machine -t
run vmrep --root machine -b
for group in mem fault swap reclaim thp pool compact numa psi tlb; do
	run vmrep --root machine -o "$group"
	run vmrep --root machine -w -o "$group"
done
run vmrep --root machine -o +OOM/S,-CMP/S
run vmrep --root machine -o swap,SWAP,FREE
run vmrep --root machine --no-headings
run vmrep --root machine --filter 'MAJ/S > 100'
run vmrep --root machine --filter 'MAJ/S > 2 and FREE < 5G'
