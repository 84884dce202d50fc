# One process: by node, class and mapping; every policy in words.
run vmnuma --root numa2 501
run vmnuma --root numa2 --zeros --no-headings -o START,TOTAL,E0,E1,PNODES,MODE,MEANING 501
run vmnuma --root numa2 --filter 'MISPL > 0' 501
run vmnuma --root numa2 -s -N1 -o +LOCAL%,CLASS,PAGE,MAPMAX,SWAPCACHE,ACTIVE 501
run vmnuma --root numa2 502 503
run vmnuma --root numa2 2
run vmnuma --root numa2 503
run vmnuma --root numa2 --csv 501 502
run vmnuma --root numa2 -J -o START,TOTAL,N0,N1,E0,POLICY,MISPL 501
run vmnuma --root linux-6.18 1002
