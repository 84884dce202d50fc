# 2: wrong usage, with what would be right; 3: no such process; 1: anything else.
run vmhuge --root linux-6.18 4194305
run vmhuge abc
run vmhuge --layuot
run vmhuge -o NOPE
run vmhuge --root linux-6.18 -a -o N2
run vmhuge -o NOPE self
run vmhuge -m -a
run vmhuge -m 1 2 3
run vmhuge -m nonsense
run vmhuge -c 3
run vmhuge -i 1 self 1s
run vmhuge --ranges
run vmhuge --range 0-1000
run vmhuge --range xyz self
run vmhuge --range ffffffff81000000-ffffffff82000000 self
run vmhuge --ranges self 1s
run vmhuge --via telepathy self
run vmhuge --collapse all
run vmhuge --collapse all self 1s
run vmhuge --collapse 0-1000 self
run vmhuge --collapse xyz self
run vmhuge --collapse all --ranges self
run vmhuge --collapse all --range 0-1000 self
run vmhuge --root linux-6.18 --collapse all 1001
