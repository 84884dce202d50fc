# 2: wrong usage, with the nearest right name; 3: no such process; 1: anything else.
run vmmap
run vmmap --layuot 1
run vmmap --by kinds 1
run vmmap -o RSSS 1
run vmmap -s SZIE 1
run vmmap --filter 'SZIE > 5' 1
run vmmap --filter 'SIZE > ' 1
run vmmap --filter 'SIZE > elephant' 1
run vmmap -Q 1
run vmmap -o
run vmmap -J --csv 1
run vmmap --layout --mm 1
run vmmap --format yaml 1
run vmmap abc
run vmmap 0
run vmmap -- -5
run vmmap 99999999999
run vmmap --root "$tmp/none" 1
run vmmap --root linux-6.18/captured 1
run vmmap --root linux-6.18/etc 1
run vmmap --root linux-6.18 9999
run vmmap --root linux-6.18 -J 9999
run vmmap --root broken 302
run vmmap --root linux-6.18 --layout --filter 'RSS > 1M' 1002
run vmmap --root linux-6.18 --mm -s RSS 1002
run vmmap --root linux-6.18 --flags -o RSS 1002
