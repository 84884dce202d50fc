#!/bin/sh
# vmws --damon: the kernel's monitor of our own, on kernels that have one; somebody else's isn't touched.
set -u
failed=0
fail() {
	echo "FAIL: $1"
	failed=1
}
admin=/sys/kernel/mm/damon/admin/kdamonds
mkfifo /tmp/damon-truth
# One block that is hot, and one that isn't.
# QEMU's TLB holds all of it, and whoever is alone on a CPU uses that without its bits being set: somebody else is there, too.
taskset 1 sh -c 'while :; do :; done' &
beside=$!
taskset 1 vmlab working-set --quiet --size 64M --every 16384 --hot 8192 --warm 0 --write 4096 --period 5 >/tmp/damon-truth &
lab=$!
exec 3</tmp/damon-truth
read -r truth <&3
cat <&3 >/dev/null &
from=$(echo "$truth" | jq -r '.mappings[0].start')
if [ ! -e $admin/nr_kdamonds ]; then
	vmws --damon -p $lab >/tmp/out 2>/tmp/err && fail "it works without DAMON"
	grep -q 'no DAMON' /tmp/err || fail "$(cat /tmp/err)"
	kill $lab $beside
	exit $failed
fi

# Where the kernel's own monitor runs from the boot on (Linux 7), that is said, and how to stop it.
own=/sys/module/damon_stat/parameters/enabled
if [ "$(cat $own 2>/dev/null)" = Y ]; then
	vmws --damon -p $lab >/tmp/out 2>/tmp/err && fail "two run at once"
	grep -q "echo N >$own" /tmp/err || fail "the kernel's own: $(cat /tmp/err)"
	[ "$(cat $admin/nr_kdamonds)" = 0 ] || fail "our session stays where the kernel's own runs"
	echo N >$own
fi

vmws --damon -J -p $lab -w 200ms -d 6s >/tmp/report 2>/tmp/err || fail "vmws: $(cat /tmp/err)"
jq -c --arg from "$from" '.processes[0] | [.method, .curve[0].used_bytes, .curve[0].used_bytes_max, (.rounds | length)],
	(.mappings[] | select(.start == $from) | [.used_bytes, .used_bytes_max, .hot_bytes, .cold_bytes])' /tmp/report
# What is hot lies within the band, and the band says something: less than all.
jq -e --arg from "$from" --argjson hot "$(echo "$truth" | jq .hot_bytes)" '.processes[0] | .method == "damon" and (.rounds | length) > 5
	and ([.mappings[] | select(.start == $from)] | length == 1
	and (.[0] | .used_bytes > 0 and .used_bytes <= $hot * 1.1 and .used_bytes_max >= $hot * 0.9))' \
	/tmp/report >/dev/null || fail "$(cat /tmp/report)"
[ "$(cat $admin/nr_kdamonds)" = 0 ] || fail "our session stays"
grep -qs "^kdamond" /proc/[0-9]*/comm && fail "our kdamond stays"

# Ended from outside: gone as well.
vmws --damon -p $lab -d 60s >/tmp/report 2>/tmp/err &
vmws=$!
until [ "$(cat $admin/nr_kdamonds)" = 1 ] && [ "$(cat $admin/0/state)" = on ]; do
	kill -0 $vmws 2>/dev/null || { fail "it has ended: $(cat /tmp/err)"; break; }
	sleep 0.1
done
kill -TERM $vmws
wait $vmws || fail "exit status $? after SIGTERM: $(cat /tmp/err)"
[ "$(cat $admin/nr_kdamonds)" = 0 ] || fail "our session stays after SIGTERM"

# Somebody else's.
echo 1 >$admin/nr_kdamonds
vmws --damon -p $lab >/tmp/out 2>/tmp/err && fail "it takes somebody's session"
grep -q "isn't touched" /tmp/err || fail "$(cat /tmp/err)"
[ "$(cat $admin/nr_kdamonds)" = 1 ] || fail "somebody's session is gone"
echo 0 >$admin/nr_kdamonds
kill $lab $beside
exit $failed
