#!/bin/sh
# vmshare on this kernel: pairs and families are what vmlab's fork-family states, and sums over frames are the kernel's PSS.
set -u
failed=0
fail() {
	echo "FAIL $*"
	failed=1
}

# lines N: until the truth has so many.
lines() {
	while [ "$(wc -l </tmp/truth)" -lt "$1" ]; do
		kill -0 "$pid" || return
		sleep 0.1
	done
}

# same WHAT TRUTH SHOWN
same() {
	[ "$2" = "$3" ] || fail "$1: shown is $3, true is $2"
}

truth() {
	tail -n 1 /tmp/truth | jq -c "$1"
}

# Each range of the workload: pairs that share anything there, by kind.
check_pairs() {
	for range in $(truth '[.pairs[] | "\(.start)-\(.end)"] | unique | .[]' | tr -d '"'); do
		start=${range%-*}
		want=$(truth "[.pairs[] | select(.start == \"$start\" and .shared_bytes > 0) | [.pid, .with_pid, .kind, .shared_bytes]] | sort")
		# shellcheck disable=SC2086 # numbers
		have=$(vmshare --pairs -J --range "$(echo "$range" | sed 's/0x//g')" $pids | jq -c '[.pairs[] | [.pid1, .pid2,
			if .anon_bytes > 0 then "anon" elif .shmem_bytes > 0 then "shmem" else "file" end, .shared_bytes]] | sort')
		same "pairs in $range, step $1" "$want" "$have"
	done
}

check_family() {
	range=$(truth '.family[0] | "\(.start)-\(.end)"' | tr -d '"' | sed 's/0x//g')
	keys='.pid, .parent_pid, .shared_with_parent_bytes, .broken_bytes, .shared_with_family_bytes, .at_risk_bytes, .uss_bytes'
	same "family, step $1" "$(truth "[.family[] | [$keys]] | sort")" \
		"$(vmshare --family -J --range "$range" "$pid" | jq -c "[.family[] | [$keys]] | sort")"
}

# What vmshare maps itself changes meanwhile: library pages that it touches for the first time between the kernel's sum and its
# own are shared from then on.
pss_is_the_same() {
	# shellcheck disable=SC2086 # numbers
	vmshare -J -o PID,RSS,PSS,KERNELRSS,KERNELPSS $pids >/tmp/pss
	jq -e '.processes | length > 1 and (map(.rss_bytes == .kernel_rss_bytes and .pss_bytes >= .kernel_pss_bytes
		and .pss_bytes - .kernel_pss_bytes < 1024) | all)' /tmp/pss >/dev/null
}

check_pss() {
	for _ in 1 2 3 4 5 6 7 8 9 10; do
		pss_is_the_same && return
	done
	fail "PSS, step $1: $(jq -c .processes /tmp/pss)"
}

: >/tmp/truth
vmlab fork-family --size 1M --children 3 --write 40% --parent 60% --quiet >/tmp/truth &
pid=$!
lines 1
pids=$(truth '.family[].pid')
for step in 0 1 2; do
	lines $((step + 1))
	check_pairs $step
	check_family $step
	check_pss $step
	kill -USR1 "$pid"
done
kill "$pid"
wait "$pid"
exit $failed
