# Processes by smaps: what is huge, not where.
run vmhuge --root linux-6.18 1001
run vmhuge --root linux-6.18 --top 3 --no-headings 1001 1002
run vmhuge --root linux-6.18 --filter 'HUGE > 0' -o START,END,RSS,HUGE,OF,MAPPING 1001
run vmhuge --root linux-6.18 --range 7f002f400000-7f002f800000 1001
run vmhuge --root linux-6.18 --csv --top 3 --filter 'HUGE > 0' 1001
run vmhuge --root linux-5.10 -J --filter 'RSS > 1M' 1
run vmhuge --root hostile 100
run vmhuge --root broken 300
