# 2: wrong usage, with what would be right; 3: no such process; 1: anything else.
run vmrep 0
run vmrep 1s 0
run vmrep nonsense
run vmrep 1 2 3
run vmrep -1
run vmrep -y
run vmrep --root machine 1
run vmrep -o NOPE
run vmrep -o SWAPP
run vmrep -o swaps
run vmrep -s FREE
run vmrep --totals 1
run vmrep --totals -p 1
run vmrep -p abc
run vmrep -p 1 -a
run vmrep -p 4194305
run vmrep -p 4194305,4194306 0.1
run vmrep --root linux-6.18 -p 9999
run vmrep -p self -o psi
run vmrep -g /no/such/group
run vmrep -n ''
run vmrep --filter 'FREE >'
run vmrep --wide --layuot
run_line 'vmrep --root machine >/dev/full'
run_line 'vmrep --root machine --csv >/dev/full'
