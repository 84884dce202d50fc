# 2: wrong usage, with what would be right; of checks that are named 1: not to be had.
run vmdoctor pmux
run vmdoctor nonsense-at-all
run vmdoctor psi 1
run vmdoctor -o NOPE
run vmdoctor --root machine pmu psi
run vmdoctor --root machine psi hugetlb numa -o CHECK,STATE
run vmdoctor --root /no/such/tree
run_line 'vmdoctor --root machine >/dev/full'
