# What can't be compared, and how it is said.
/usr/bin/python3 -B ../tools/mkmoments.py "$tmp/m"
cd "$tmp/m" || exit
run vmdiff
run vmdiff 4242
run vmdiff nowhere before
run vmdiff after before:501
run vmdiff after:502 before
run vmdiff after after
run vmdiff after
run vmdiff before:4294967296 after
run vmdiff leak01 leak00 leak02
run vmdiff leak00 restarted leak02
run vmdiff leak00 4194304 leak02
run vmdiff --tolerate 1M before after
run vmdiff -w 1 before
run vmdiff -w 1 before after
run vmdiff -w 1 -e 1 500
run vmdiff -e 0 500
run vmdiff -e 1
run vmdiff -e 1 before
run vmdiff -e 1 500 0
run vmdiff -e 1 500 1 2
run vmdiff --root after -e 1 500
run vmdiff --by colour before after
run vmdiff -o RSS before after
run vmdiff -s GROWN leak00 leak01 leak02
run vmdiff --filter 'MEM+ > much' before after
touch recording
run vmdiff recording@10:00 after
run vmdiff recording after
mkdir empty empty/proc
run vmdiff before empty
run_line 'vmdiff before after:500 >/dev/full'
mkdir 500 && cp -r before/. 500
run vmdiff --no-headings -o STATE ./500 before
run vmdiff --strict before after:500 -o STATE
rm -r before/proc/500/task
run vmdiff --strict before after:500 -o STATE
