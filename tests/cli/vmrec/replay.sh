# Every command shows a moment of a recording as it shows the tree of which that was made.
mkrec=$PWD/../tools/mkrec.py
cp -r locks "$tmp/later"
chmod -R u+w "$tmp/later"
rm -r "$tmp/later/proc/408"
python3 "$mkrec" "$tmp/r" 0=locks 60="$tmp/later" 90.5=numa2 120=locks

same() {
	local root=$1 at=$2
	shift 2
	"$@" --root "$root" 2>&1 | sed 's/captured tree/recording/' >"$tmp/wanted"
	"$@" --replay "$tmp/r" --at "$at" >"$tmp/got" 2>&1
	if cmp -s "$tmp/wanted" "$tmp/got"; then echo "$at $*: the same"; else diff "$tmp/wanted" "$tmp/got" | head -5; fi
}
for command in "vmlock" "vmlock -J 401" "vmmap 401" "vmmap -J" "vmmap --layout 401" "vmtop --once -J" "vmtop --once -o PID,USER,RSS,PSS,USS,SWAP,LOCKED,THREADS,CGROUP,COMMAND"; do
	# shellcheck disable=SC2086
	same locks '#1' $command
	# shellcheck disable=SC2086
	same "$tmp/later" +60 $command
	# shellcheck disable=SC2086
	same locks -0s $command
done
same numa2 '#3' vmnuma
same numa2 +91 vmnuma -a -J
same numa2 +90.5 vmmap

# Which moment a time means.
at() {
	run vmtop --replay "$tmp/r" --once --no-headings -n . -o PID --filter 'PID >= 407' --at "$1"
}
at 2026-01-01T00:00:59Z
at 2026-01-01T00:01:00Z
at '2026-01-01 00:01:30'
at 2026-01-01
at 00:01
at 00:02:00
at @1767225660
at +1m
at -60s
at '#4'
at '#5'
at '#0'
at 00:03
at +10m
at -10m
at yesterday
at ''
at 2025-12-31T23:59:59Z
run vmtop --once --at '#1'
run vmtop --once --root locks --replay "$tmp/r"

# Samples, one after the other, with rates.
run vmtop --replay "$tmp/r" -p 401 -o PID,RSS,MINFLT/S,COMMAND 50
run vmtop --replay "$tmp/r" -p 401 -o PID,MINFLT/S 1 2
run vmnuma --replay "$tmp/r" -i 31 -c 2
run vmnuma --replay "$tmp/r" --at '#3' --format csv -i 10
run vmtlb --replay "$tmp/r" -- true

# What can be read of a damaged one is read.
python3 "$mkrec" --no-index --cut 100 "$tmp/torn" 0=locks 60=numa2
run vmtop --replay "$tmp/torn" --once -o PID,RSS --filter 'PID == 401'
python3 "$mkrec" --flip 2000 "$tmp/flipped" 0=locks
run vmtop --replay "$tmp/flipped" --once
