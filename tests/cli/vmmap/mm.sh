run vmmap --root linux-6.18 --mm 1001
run vmmap --root linux-5.10 --mm -b 1002
run vmmap --root broken --mm 305
run vmmap --root linux-6.18 --mm -J 1002
run vmmap --root linux-6.18 --mm --csv 1002
