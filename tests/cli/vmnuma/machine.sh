# The machine's nodes: two of a made tree, the second without CPUs; trees without nodes are shown as one.
run vmnuma --root numa2
run vmnuma --root numa2 -b
run vmnuma --root numa2 -o NODE,KIND,TIER,WEIGHT,READ-MB,READ-NS,PROMOTED,DEMOTED,DISTANCES
run vmnuma --root numa2 --counters
run vmnuma --root numa2 --counters -s MISS --no-headings
run vmnuma --root numa2 -m
run vmnuma --root numa2 -m --filter 'N1 > 10M'
run vmnuma --root numa2 --csv
run vmnuma --root linux-6.18
run vmnuma --root linux-6.18 -m
run vmnuma --root hostile
