# 2: wrong usage, with what would be right; 3: no such process; 1: anything else.
run vmnuma --root numa2 9999
run vmnuma --root numa2 -p 9999
run vmnuma --root numa2 -J 9999
run vmnuma abc
run vmnuma 0.5
run vmnuma --layuot
run vmnuma -o NOPE
run vmnuma --root numa2 -a -o N2
run vmnuma --root numa2 501 -o POLCY
run vmnuma -m --counters
run vmnuma -m -a
run vmnuma -a 1 2 3
run vmnuma -a nonsense
run vmnuma -c 3
run vmnuma --root numa2 -i 1
run vmnuma --root numa2 -a 1
run vmnuma --sample 4
run vmnuma --sample 0 1
run vmnuma --root numa2 --sample 4 501
run vmnuma --address 1000
run vmnuma --address xyz self
run vmnuma --address ffffffff81000000 self
run vmnuma --root numa2 --address 1000 501
run vmnuma --migrate 0
run vmnuma --migrate 0 1
run vmnuma 4242 --migrate 0 1
run vmnuma -a --migrate 0 1
run vmnuma --root numa2 -p 501 --migrate 0 1
run vmnuma -p self --migrate 0 x
run vmnuma -p self --migrate 900 0
run vmnuma -p self --migrate 0 0 -i 1
run vmnuma -p self --migrate 0 0 --csv
run vmnuma -g /no/such/group
run vmnuma -n ''
