run vmmap --root future --csv 200
run vmmap --root hostile --csv -o RSS,MAPPING 100
run vmmap --root container --csv -o START,RSS,ELIGIBLE,VMFLAGS --filter 'KIND == heap' 1
run vmmap --root future --format ndjson -o START,RSS 200
run vmmap --root future --format openmetrics -o RSS,SIZE,KSM 200
run vmmap --root hostile --format openmetrics -o RSS 100
run vmmap --root linux-6.18 --format openmetrics --by kind -o RSS 1002
run vmmap --root future --format csv --no-headings -o START,RSS 200
run_line 'vmmap --root linux-6.18 --format openmetrics --by perm 1002 | grep ^vm_mapping_count'
run_line 'vmmap --root linux-6.18 --format openmetrics --by page 1002 | grep ^vm_mapping_count'
run_line 'vmmap --root linux-6.18 --csv -o MAPPING 1003 | head -4'
