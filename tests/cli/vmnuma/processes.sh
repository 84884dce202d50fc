# A line for each process.
run vmnuma --root numa2 -a
run vmnuma --root numa2 -a -o all
run vmnuma --root numa2 -p 502
run vmnuma --root numa2 -n serv -o +NODES,COMMAND,MAYRUN
run vmnuma --root numa2 -a --filter 'N1 > 1M' -s MISPL
run vmnuma --root numa2 -a --format openmetrics -o PID,N0,N1,LOCAL%
run vmnuma --root numa2 -a --csv
run vmnuma --root linux-6.18 -a
run vmtop --root numa2 --once -o PID,RSS,NODES,LOCAL%,COMM
