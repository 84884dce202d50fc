# What is wrong is said in one line, with the exit status for it.
run vmlock nonsense
run vmlock 0
run vmlock -p ''
run vmlock -p 1,x
run vmlock 4194305
run vmlock --root locks 4194305 401
run vmlock --root locks -o PID 4194305
run vmlock -o NONSENSE
run vmlock -m -o HEADROOM
run vmlock -s MEMLOK
run vmlock --filter 'LOCKED >'
run vmlock --address 1000
run vmlock --onfault
run vmlock --explain
run vmlock --explain much
run vmlock --explain -1
run vmlock --explain 999P
run vmlock --explain 4K -a zero self
run vmlock --explain 4K -a ffffffffff600000 self
run vmlock --explain 4K -a 1000
run vmlock --explain current
run vmlock --explain current --onfault self
run vmlock --explain future -a 1000 self
run vmlock --explain 4K -m
run vmlock --explain 4K -o PID
run vmlock --explain 4K --csv
run vmlock --root locks --explain 4K
run vmlock --root locks --explain 4K 408
run vmlock --nonsense
