# What is wrong is said in one line, with the exit status for it.
run vmhuge nonsense
run vmhuge 0
run vmhuge 42 43 nonsense
run vmhuge 4194305
run vmhuge 1s 2 3
run vmhuge -m 4242 x
run vmhuge -m 1 0
run vmhuge -c 3
run vmhuge -i 1s 1s
run vmhuge -i 0 1
run vmhuge --ranges
run vmhuge --ranges self 1s
run vmhuge --range 1000 self
run vmhuge --range 2000-1000 self
run vmhuge --range x-y self
run vmhuge --range ffff800000000000-ffff800000001000 self
run vmhuge --range 1000-2000
run vmhuge --via telepathy self
run vmhuge -a --ranges
run vmhuge -o NONSENSE
run vmhuge -o SIZE --filter 'SIZED > 1' self
run vmhuge -a --filter 'COULD >> 1'
run vmhuge --collapse
run vmhuge --collapse all
run vmhuge --collapse all 1 2
run vmhuge --collapse all 1 1s
run vmhuge --collapse x self
run vmhuge --collapse 1000-2000 self
run vmhuge --collapse all --range 1000-2000 self
run vmhuge --collapse all 4194305
run vmhuge --layuot
run vmhuge -o NOPE self
run vmhuge -m -a
run vmhuge -m 1 2 3
run vmhuge -m nonsense
run vmhuge -i 1 self 1s
run vmhuge --range 0-1000
run vmhuge --collapse all self 1s
run vmhuge --collapse 0-1000 self
run vmhuge --collapse all --ranges self
# Before anything of a captured tree is read, and after.
run vmhuge --root linux-6.18 4194305
run vmhuge --root linux-6.18 -a -o N2
run vmhuge --root linux-6.18 --collapse all 1001
run vmhuge --rates
run vmhuge --rates self 1s
