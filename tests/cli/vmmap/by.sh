for by in kind file perm name page; do
	run vmmap --root linux-6.18 --by "$by" 1001
done
run vmmap --root linux-6.18 --by file -s -SIZE -o SIZE,LOCKED 1003
run vmmap --root linux-6.18 --by kind -o +LOCKED,COUNT --filter 'RSS > 100K' 1001
run vmmap --root linux-6.1 --by kind -o RSS,KSM 1002
run vmmap --root container --by kind 1
run vmmap --root future --by page -b 200
