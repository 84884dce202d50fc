run vmmap --root linux-6.18 --flags 1001
run vmmap --root linux-5.10 --flags --filter 'VMFLAGS == dw' 1002
run vmmap --root future --flags 200
run vmmap --root linux-6.18 --flags --csv --filter 'VMFLAGS == hg or VMFLAGS == lo' 1001
run vmmap --root linux-6.18 --flags -J --filter 'VMFLAGS == hg or VMFLAGS == lo' 1001
run vmmap --root linux-6.18 --flags -a 7f002f400010 1001
