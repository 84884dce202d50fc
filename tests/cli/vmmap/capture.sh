# A capture answers exactly as what it was made of, whatever is asked.
run vmmap --root linux-6.18 --capture "$tmp/c" -o SIZE,MAPPING --filter 'KIND == heap' 1001 1002 2 1004
run_line 'find $tmp/c -type l -o -type f | sed "s|.*/c/||" | sort'
for args in '' --layout --mm --flags '--by file' -J '-o all' '-J --mm'; do
	# shellcheck disable=SC2086
	vmmap --root linux-6.18 $args 1001 1002 2 1004 >"$tmp/a" 2>&1
	# shellcheck disable=SC2086
	vmmap --root "$tmp/c" $args 1001 1002 2 1004 >"$tmp/b" 2>&1
	sed -i '/"time"/d' "$tmp/a" "$tmp/b"
	if cmp -s "$tmp/a" "$tmp/b"; then echo "same: $args"; else echo "DIFFERENT: $args"; diff "$tmp/a" "$tmp/b" | head; fi
done
run vmmap --root linux-6.18 --capture "$tmp/c" 1001
run vmmap --root linux-6.18 --capture "$tmp/gone/c" 1001
run vmmap --root linux-6.18 --capture "$tmp/d" 9999
# A name of a hostile tree doesn't lead out of the new one; what isn't a file isn't opened.
mkdir -p "$tmp/bad/proc/1/root" && cp linux-6.18/proc/1002/stat "$tmp/bad/proc/1/stat"
cp linux-6.18/proc/1002/root/usr/bin/bash "$tmp/bad/escaped"
mkfifo "$tmp/bad/proc/1/cmdline"
ino=$(stat -c %i "$tmp/bad/escaped")
echo "55679b869000-55679b898000 r-xp 00000000 fe:00 $ino /../../../../escaped" >"$tmp/bad/proc/1/maps"
run_line 'vmmap --root $tmp/bad --capture $tmp/good -o ADDRESS,PERM,KIND 1 | grep ^5567'
run_line 'ls $tmp | grep -c escaped; find $tmp/good -name escaped'
