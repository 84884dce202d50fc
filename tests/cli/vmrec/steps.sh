# Commands that take an interval go through a recording: vmrep, vmtop, vmnuma, and vmdiff's trends.
mkrec=$PWD/../tools/mkrec.py
mkdir -p "$tmp/t/1/proc/sys/kernel/random"
cp -r locks/. machine/. "$tmp/t/1"
chmod -R u+w "$tmp/t"
echo 01234567-89ab-cdef-0123-456789abcdef >"$tmp/t/1/proc/sys/kernel/random/boot_id"
cp -r "$tmp/t/1" "$tmp/t/2"
cp -r "$tmp/t/1" "$tmp/t/3"
cp -r "$tmp/t/1" "$tmp/t/4"
more() {
	sed -i "s/^pgfault .*/pgfault $2/; s/^pgmajfault .*/pgmajfault $3/" "$tmp/t/$1/proc/vmstat"
}
more 2 12355000 45000
more 3 12360000 45500
# Started again, a minute ago.
more 4 600 60
echo '60.00 100.00' >"$tmp/t/4/proc/uptime"
echo fedcba98-7654-3210-fedc-ba9876543210 >"$tmp/t/4/proc/sys/kernel/random/boot_id"
rm -r "$tmp/t/1/proc/402"
python3 "$mkrec" "$tmp/r" 0="$tmp/t/1" 10="$tmp/t/2" 20="$tmp/t/3" 3600="$tmp/t/4"
cd "$tmp" || exit

run vmrep --replay r
run vmrep --replay r -t --utc -o FREE,FLT/S,MAJ/S
run vmrep --replay r -y -t --utc -o FLT/S,SECS 15
run vmrep --replay r -o FLT/S 1 2
run vmrep --replay r --at '#3' -t --utc -o FLT/S,SECS
run vmrep --replay r --at '#3' -t --utc -o FLT/S,SECS 1
run vmrep --replay r --at '#1' -o FLT/S,SECS,BOOT
run vmrep --replay r --csv -o TIME,SECS,FLT/S --utc
run vmrep --replay r --format ndjson -o FLT/S --utc
run vmrep --replay r -w -o tlb --at '#2'
run vmrep --replay r -o WALK/S --at '#2'
run_line 'vmrep --replay r --totals --at "#4" -o FIGURE,VALUE --filter "FIGURE =~ FLT"'
# A process that is there from the second moment on.
run vmrep --replay r -p 402 -t --utc -o PID,RSS,MINFLT/S
run vmrep --replay r -p 402 --at '#1'
run vmrep --replay r -p 77
run vmrep --replay r -p 77 --at '#2' 10
run vmrep --replay r -g /no/such/group
run vmrep --replay r -a --filter 'PID <= 402' -o PID,RSS --at '#2'
run vmrep --replay r -n no-such-name

run vmdiff --replay r 401
run vmdiff --replay r --at '#2' --no-headings 401
run vmdiff --replay r --every 15 401 2
run vmdiff --replay r -w 10 401
run vmdiff --replay r -w 2h 401
run vmdiff --replay r '#1:401' '#2'
run vmdiff --replay r '#9' '#2'
run vmdiff --replay r 77
run vmdiff --replay r 401 77

# What a recording can't have is said as such.
for command in "vmpage 401" "vmpage --system" "vmpage --pfn 1" "vmws 401" "vmfault -p 401 1" "vmtlb --probe" "vmshare --watch 401" \
	"vmshare 401 402" "vmmap 77" "vmlock 77" "vmtop --once -p 77" "vmhuge 77" "vmnuma 77" "vmhuge --collapse 401" \
	"vmnuma -p 401 --migrate 0 1"; do
	# shellcheck disable=SC2086
	run $command --replay r
done

# Pages of another size than this machine's.
cp -r t/1 t/big
echo 65536 >t/big/pagesize
python3 "$mkrec" big 0=t/big
run vmtop --replay big --once -p 401 -o PID,RSS,VSZ
run vmtop --replay r --at '#1' --once -p 401 -o PID,RSS,VSZ
for size in 0 1 4095 6000 1099511627776 -4096 x ''; do
	echo "$size" >t/big/pagesize
	run vmtop --root t/big --once -p 401 --no-headings -o VSZ
done

# Broken frames are passed over, and what is shown without them is said.
six=(0="$tmp/t/1" 10="$tmp/t/2" 20="$tmp/t/3" 30="$tmp/t/2" 40="$tmp/t/3" 50="$tmp/t/2")
for broken in 1 2 4 5 6; do
	python3 "$mkrec" --whole 4 --break $broken "$tmp/b$broken" "${six[@]}"
	run vmrep --replay b$broken -o FLT/S,SECS --no-headings
	run vmtop --replay b$broken --once --no-headings -p 401 -o PID,RSS
	run vmdiff -o VERDICT --filter "KIND == heap" b$broken:401
	run vmtop --replay b$broken --at "#$broken" --once
	run_line "vmrec --info b$broken | grep -e frames -e broken"
done
python3 "$mkrec" --break 1 "$tmp/none" "${six[@]}"
run vmrep --replay none
run vmrep --replay b4 --strict --no-headings -o FLT/S
run vmrep --replay b4 --format ndjson -o FLT/S 100
