#!/bin/sh
# Page faults of workloads are of the kinds that they state, where they state them, and as many as the kernel counts.
# modules: brd
set -u
failed=0
disk=/tmp/disk
# Processes are told from each other by their addresses.
echo 2 >/proc/sys/kernel/randomize_va_space

# Faults of a kind in one range of one process, stated against told: a text for each.  Those that no mapping holds are
# compared as a sum.
cat >/tmp/facts.jq <<'JQ'
def hex: ltrimstr("0x") | explode | reduce .[] as $c (0; . * 16 + (if $c > 96 then $c - 87 else $c - 48 end));
def sum: add // 0;
($report[0]) as $r
| [$r.mappings[] | select(.start) | {pid, kinds, from: (.start | hex), to: (.end | hex)}] as $rows
| def told: . as $f | ($f.start | hex) as $from | ($f.end | hex) as $to
	| [$rows[] | select(($f.pid == null or .pid == $f.pid) and .from < $to and .to > $from)]
	| {rows: length, n: (map(.kinds[$f.kind] // 0) | sum)};
def together: group_by([.start, .end, .kind, .pid, .from == "gup"]) | map(.[0] + {
	least: (map(.count // .count_min) | add), most: (map(.count // .count_max) | add),
	labels: (map(.label) | join(", "))});
# The kernel meets more that it does without, as when it looks at memory that a fork just shared.
def most_of($most): if .kind == "unresolved" then infinite else $most end;
def verdict($n; $least; $most): "\(.workload): \(.labels): \($n) \(.kind), should be \($least) to \($most)" as $what
	| if $least <= $n and $n <= $most then "ok \($what)" else "WRONG \($what)" end;
([$truth[] | . as $t | .faults[] | .workload = $t.workload
	| .pid = (if .processes then null else .pid // $t.pid end)] | together | map(. + told)) as $facts
# Each execve() puts arguments into the new memory by get_user_pages(): one fault without an event.
| ([$facts[] | select(.from == "gup") | .least] | sum | . + ($truth | length)) as $unseen
| ($facts[] | if .from == "gup" then verdict(.n; 0; 0)
	elif .rows > 0 then verdict(.n; .least; most_of(.most))
	else .kind as $kind | [$facts[] | select(.rows == 0 and .kind == $kind)] as $same
		| verdict([$r.kinds[] | select(.kind == $kind) | .count] | sum; $same | map(.least) | add; most_of($same | map(.most) | add))
	end),
	(if $r.faults.minor + $r.counters.minor_unseen != $r.counters.minor_faults
		or $r.faults.major != $r.counters.major_faults or $r.counters.minor_unseen < $unseen
		or ($exact == "yes" and $r.counters.minor_unseen > $unseen)
	then "WRONG counters: \($r.faults) of \($r.counters), \($unseen) stated as unseen" else "ok counters" end),
	(if ($r.lost | map(select(. > 0)) | length) > 0 then "WRONG lost: \($r.lost)" else "ok lost" end)
JQ

fail() {
	echo "FAIL $1"
	shift
	[ $# = 0 ] || tail -n 20 "$@"
	failed=1
}

# One after another, each a process; what they say of themselves comes out.
cat >/tmp/workloads <<'SH'
while read -r workload; do
	vmlab $workload --exit --quiet --dir /tmp/disk 2>/tmp/said
	case $? in
	0) ;;
	77) echo "skip: $workload: $(tail -n 1 /tmp/said)" >&2 ;;
	*) echo "FAIL $workload: $(tail -n 1 /tmp/said)" >&2 ;;
	esac
done </tmp/list
SH

# look EXACT WORKLOAD...: "yes" where nothing is done by get_user_pages() but what is stated.
look() {
	exact=$1
	shift
	printf '%s\n' "$@" >/tmp/list
	# Linux 7.2 leaves a program out where another task's has just been interrupted: vmfault says so, and it is rare.
	for try in 1 2 3; do
		if ! vmfault -J --output /tmp/report -- sh /tmp/workloads >/tmp/truth 2>/tmp/err; then
			fail "$*" /tmp/err
			return
		fi
		if [ "$VM_KERNEL" != sid ] || [ "$(jq .lost.unmatched /tmp/report)" = 0 ]; then
			break
		fi
		echo "again after try $try: $(jq -c .lost /tmp/report)"
	done
	grep '^skip: ' /tmp/err
	grep '^FAIL ' /tmp/err && failed=1
	[ "$(jq -r .source /tmp/report)" = ebpf ] || { fail "$*: $(jq -r .why_not /tmp/report)"; return; }
	jq -n -r --arg exact "$exact" --slurpfile truth /tmp/truth --slurpfile report /tmp/report -f /tmp/facts.jq >/tmp/said 2>&1
	grep -v '^ok ' /tmp/said >/tmp/wrong
	if [ -s /tmp/wrong ] || ! [ -s /tmp/said ]; then
		fail "$*" /tmp/wrong
		jq -M -c '.faults, .counters, .lost, (.kinds | map({(.kind): .count}) | add)' /tmp/report
	else
		echo "ok $(jq -r .workload /tmp/truth | tr '\n' ' '): $(($(wc -l </tmp/said) - 2)) facts"
	fi
}

mkdir -p $disk
if ! { [ -b /dev/ram0 ] && mke2fs /dev/ram0 >/dev/null 2>&1 && mount -t ext4 /dev/ram0 $disk; }; then
	fail "no file system on a disk"
fi

# Huge pages of shared memory, which are off where nobody asks for them.
echo advise >/sys/kernel/mm/transparent_hugepage/shmem_enabled

look yes zero-then-write "fault-storm --size 4M" threads-faults shm-faults kernel-fault gup-faults "children --count 50"
look no cow-faults file-mkwrite major-faults huge-fault stack-growth-faults uffd swap-in soft-dirty
look no invalid
exit $failed
