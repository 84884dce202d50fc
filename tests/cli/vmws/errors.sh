# What is wrong is said in one line, with the exit status for it.
run vmws
run vmws 5
run vmws nonsense
run vmws -p ''
run vmws -p 1,x
run vmws -p 4194305
run vmws -n '^no-such-name$'
run vmws -p 1 -a
run vmws -p 1 nonsense
run vmws -p 1 0
run vmws -p 1 -w 0
run vmws -p 1 -w fast
run vmws -p self -o NONSENSE
run vmws -p self -o CLEARED%
run vmws -p self -s COLDD
run vmws -p self --filter 'USED >'
run vmws -p self --flush none
run vmws -p self --flush nonsense --clear-refs
run vmws -p self --hot 2s --warm 1s
run vmws -p self --clear-refs --damon
run vmws -p self --damon --written
run vmws -p self --heat --rounds
run vmws -p self --heat -J
run vmws -a --clear-refs
run vmws -a --damon
run vmws -p 1,2 --damon
run vmws -g /no/such/group
run vmws --root linux-6.18 -p 1001
run vmws -- /no/such/program
run vmws --nonsense
