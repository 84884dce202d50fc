# Trends over captures: a leak, a sawtooth, a sawtooth that leaks, and too few to tell.
/usr/bin/python3 -B ../tools/mkmoments.py "$tmp/m"
cd "$tmp/m" || exit
run vmdiff leak??
run vmdiff saw??
run vmdiff sawleak??
run vmdiff leak0[0-4]
run vmdiff saw0? saw10
run vmdiff --by kind --all leak??
run vmdiff --by perm -b sawleak??
run vmdiff --by page --filter 'RATE/H > 1M' leak??
run vmdiff -o VERDICT,FIRST,LEAST,MOST,RATE,MINIMA,P,P.LATE,P.MINIMA,MAPPING sawleak??
run vmdiff --csv -o VERDICT,FIGURE,LAST,GROWTH_PER_HOUR,KIND leak??
run vmdiff -J leak0? leak10
run vmdiff --format openmetrics -o RATE,DROPS saw??
run vmdiff --fail-on-growth --no-headings -o VERDICT,KIND leak??
run vmdiff --fail-on-growth --no-headings -o VERDICT,KIND saw??
run vmdiff --fail-on-growth --tolerate 100M --no-headings -o VERDICT,KIND leak??
run vmdiff --fail-on-growth --filter 'KIND == stack' --no-headings leak??
