# Forms for programs, and the list of all figures.
run vmrep --root machine --csv -o mem,psi
run vmrep --root machine --format ndjson -o swap
run vmrep --root machine --format openmetrics -o FREE,FLT/S,PSI%
run vmrep --root machine --totals
run vmrep --root machine --totals -b --filter 'COUNTER == true and NUMBER > 1000000' -o FIGURE,VALUE,RATE -s RATE
