# 2: wrong usage, with what would be right; 3: no such process; 1: anything else.
run vmshare
run vmshare abc
run vmshare --root linux-6.18 9999
run vmshare --root linux-6.18 -J 9999
run vmshare --root linux-6.18 -p 9999,1001
run vmshare --root linux-6.18 --family 9999
run vmshare --layuot
run vmshare -o NOPE 1
run vmshare -o RSK 1
run vmshare --pairs -a -o BOHT
run vmshare --filter 'RISK >' 1
run vmshare --family --watch 1
run vmshare --family 1 2
run vmshare --runs -p 1,2
run vmshare --who 1 2
run vmshare --who --pairs 1
run vmshare --root linux-6.18 --who 1001
run vmshare -a 1
run vmshare -p 1 2
run vmshare --range xyz 1
run vmshare --range 1000 1
run vmshare --range ffffffff81000000-ffffffff81001000 1
run vmshare --pfn
run vmshare --pfn xyz
run vmshare --pfn -a 1
run vmshare --pfn --range 0-1000 1
run vmshare --root linux-6.18 --pfn 1
run vmshare --root linux-6.18 --watch 1001
run vmshare --root linux-6.18 --runs 1001
run vmshare --root linux-6.18 --pairs -a
run vmshare --watch self 0
run vmshare --watch self x
run vmshare --watch self 1 2 3
run vmshare -g /no/such/group
run vmshare -n ''
run vmshare -n '['
