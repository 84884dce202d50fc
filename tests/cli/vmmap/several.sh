# All processes of a tree; several named ones; one that isn't there doesn't hide the others.
run vmmap --root hostile
run vmmap --root linux-6.18 -o SIZE,RSS,MAPPING --filter 'KIND == heap' 1002 1001 1003
run vmmap --root linux-6.18 -o SIZE,RSS,MAPPING --filter 'KIND == heap' 1002 9999 1003
run vmmap --root linux-6.18 --csv -o RSS,MAPPING --filter 'KIND == heap' 1002 1003
run vmmap --root linux-6.18 --format ndjson -o RSS --filter 'KIND == heap' 1002 1003
run_line 'vmmap --root linux-6.18 --csv --by kind 1002 1003 | grep -E "^kind|^heap|^stack" | cut -d, -f1-3,25'
run_line 'vmmap --root linux-6.18 --csv --mm 1002 1003 | cut -d, -f1,43'
run_line 'vmmap --root linux-6.18 --format openmetrics --mm 1002 1003 | grep ^vm_mm_struct_rss_bytes'
