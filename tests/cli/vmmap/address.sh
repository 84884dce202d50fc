t='vmmap --root linux-6.18'
run $t -a 7effeeb27010 1001
run $t --address 0x7effeeb27fff -A 2 -B 1 1001
run $t -a 7effeeb37000 -B 1 1001
run $t -a 558cbbe34000 -B 5 1001
run $t -a ffffffffff600123 1001
# The kernel half, no valid address, a gap, the very end.
run $t -a ffff800000000000 1001
run $t -a 0000800000000000 1001
run $t -a 1000 -A 1 1001
run $t -a 7fffd8c57000 -B 1 1001
run $t -a ffffffffffffffff 1001
run vmmap --root future -a 4000000000123 200
run $t -a 7effeeb27010 -J 1001
run $t -a xyz 1001
run $t -a 10000000000000000 1001
run $t -A 1 1001
run $t -a 1000 --layout 1001
