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
