# A row for each process.
run vmhuge --root linux-6.18 -a
run vmhuge --root linux-6.18 -a -o all
run vmhuge --root linux-6.18 -a -s -RSS --no-headings
run vmhuge --root linux-6.18 -a --filter 'HUGE > 0' -J
run vmhuge --root linux-6.18 -a --format openmetrics -o PID,RSS,HUGE
run vmhuge --root locks -a --top 3
run vmhuge --root hostile -a --csv
