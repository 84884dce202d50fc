# Older kernels and poorer trees: what isn't told is no zero, and is said once.
run vmrep --root linux-5.10
run vmrep --root linux-6.1 -o reclaim,thp
run vmrep --root hostile -o mem
run vmrep --root broken -o mem,tlb
run vmrep --root linux-6.18 -p 1001
run vmrep --root linux-6.18 -a -s RSS
run vmrep --root linux-6.18 -a -o fault,mem
