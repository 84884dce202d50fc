# Two moments of a process, of its fork, and of another process; mapping by mapping and summed up.
/usr/bin/python3 -B ../tools/mkmoments.py "$tmp/m"
cd "$tmp/m" || exit
run vmdiff before after:500
run vmdiff -o STATE,HOW,ADDRESS,PERM.A,PERM.B,VMFLAGS+,MAPPING before after
run vmdiff before after:501
run vmdiff after:500 after:501
run vmdiff before restarted
run vmdiff after:500 before
run vmdiff before before
run vmdiff --all -b -o STATE,COUNT.A,COUNT.B,RSS.A,RSS.B,RSS+,SWAP+,RATE,KIND -s -RSS.B before after
run vmdiff --by kind before after
run vmdiff --by perm --all before after
run vmdiff --by name -o STATE,MEM.A,MEM.B,MEM+,MAPPING before after
run vmdiff --by file before restarted
run vmdiff --by page before restarted
run vmdiff --filter 'STATE == new or HOW == split' before after
run vmdiff --filter 'SIZE+ < -100K' --no-headings before after
run vmdiff --filter 'KIND == device' before after
run vmdiff --root after 500 501
run vmdiff --csv -o STATE,START,MEM+,SIZE+,KIND,MAPPING before after
run vmdiff -J -o STATE,HOW,START.A,START.B,MEM+,VMFLAGS+,MAPPING before after
run vmdiff --format ndjson -o STATE,MEM+ before restarted
run vmdiff --format openmetrics -o MEM+,RSS.B --filter 'KIND == heap' before after
run vmdiff --fail-on-growth before after
run vmdiff --fail-on-growth --tolerate 10M before after --filter 'MEM+ > 1M'
run vmdiff --fail-on-growth --filter 'KIND == anon' before restarted --no-headings
