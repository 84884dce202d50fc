# One process in words: limits, rights, what is locked; locked mappings.
run vmlock --root locks 400
run vmlock --root locks -b 400
run vmlock --root locks 401 402
run vmlock --root locks 403 404 405
run vmlock --root locks 406 407 408
run vmlock --root linux-6.18 1001
run vmlock --root linux-6.18 2
run vmlock --root broken 301
run vmlock --root locks -m
run vmlock --root locks -m -o PID,SIZE,ABSENT -s -ABSENT
run vmlock --root locks -m --filter 'LOCK == onfault' 400 401
run vmlock --root locks -m --csv
run vmlock --root hostile 100
