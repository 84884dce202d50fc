# All processes, those that lock the most first; and what is chosen of them.
run vmlock --root locks
run vmlock --root locks -o all
run vmlock --root locks --filter 'LOCKED > 0 or PINNED > 0' -o PID,LOCKED,PINNED --no-headings
run vmlock --root locks -s HEADROOM -o PID,LOCKED,MEMLOCK,IPCLOCK,HEADROOM
run vmlock --root locks -s MAPS% -o PID,MAPS,MAPS% 400 404
run vmlock --root locks --csv
run vmlock --root locks --format openmetrics -o PID,COMM,LOCKED,MEMLOCK,HEADROOM 400 401
run vmlock --root linux-5.10
run vmlock --root container
run vmlock --root broken -o PID,LOCKED,MEMLOCK,HEADROOM,MAPS,COMMAND
