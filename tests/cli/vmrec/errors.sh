# What is wrong is said in one line, with the exit status for it.
mkrec=$PWD/../tools/mkrec.py
python3 "$mkrec" "$tmp/whole" 0=locks 60=locks
python3 "$mkrec" --version 2 "$tmp/newer" 0=locks
python3 "$mkrec" --no-index --cut 100 "$tmp/torn" 0=locks
printf 'VMREC\r\n' >"$tmp/head"
: >"$tmp/empty"
run vmrec
run vmrec -o
run vmrec -o "$tmp/x" 0
run vmrec -o "$tmp/x" -p 4194305
run vmrec -o "$tmp/x" -p 1 -a
run vmrec -o "$tmp/x" -g /no/such/group
run vmrec -o "$tmp/x" -p 1 sleep 1
run vmrec -o "$tmp/x" -J
run vmrec -o "$tmp/x" --info "$tmp/whole"
run vmrec -o "$tmp" 1 1
run vmrec -o /dev/full 1 1
run vmrec -o "$tmp/no/such/directory" 1 1
run vmrec -o hostile/proc/meminfo 1 1
run vmrec --root locks -o "$tmp/x" 1 1
run vmrec --replay "$tmp/whole" -o "$tmp/x" 1 1
run vmrec --info "$tmp/whole" 1
run ls "$tmp/x"
run vmrec --info "$tmp/missing"
run vmrec --info "$tmp/empty"
run vmrec --info "$tmp/head"
run vmrec --info "$tmp/newer"
run vmrec --info "$tmp/torn"
run vmrec --info "$tmp"
run vmrec --info /dev/null
run vmrec -o "$tmp/newer" 1 1
