#!/bin/bash
# vmtlb --probe on this machine: plateaus in order, known buffers found again, the cache, and what may be missing.
# Usage: vmtlb-probe.sh BIN_DIR
#
# Timing meets whatever else the machine does: what has to hold may take some attempts.
# shellcheck source=tests/tools/live.sh
. "$(dirname "$0")/../tools/live.sh"
attempts=6
has_built vmtlb
has jq
scratch=$(mktemp -d) || exit 1
group=
pid=
# shellcheck disable=SC2317
cleanup() {
	[ -z "$pid" ] || kill "$pid" 2>/dev/null
	[ -z "$group" ] || rmdir "$group" 2>/dev/null
	rm -rf "$scratch"
}
trap cleanup EXIT
mkdir "$scratch/cache"
export XDG_CACHE_HOME=$scratch/cache
out=$scratch/out

failed=0
fail() {
	echo "FAIL: $1"
	failed=1
}

# holds NAME FILTER: of the document in $out.
holds() {
	jq -e "$2" "$out" >/dev/null || fail "$1: $(head -c 1500 "$out")"
}

# ---- What is measured ----

# Each level costs more than the one before; and on the CPU whose buffers are known, those are found.
filter='.hit_ns > 0 and .stlb_hit_ns > 0 and .walk_ns > .stlb_hit_ns and .dtlb_entries < .stlb_entries'
if grep -q '^model[[:space:]]*: 167$' /proc/cpuinfo && grep -q '^flags.* hypervisor' /proc/cpuinfo &&
	grep -q '^flags.* amx_bf16' /proc/cpuinfo; then
	filter="$filter and .dtlb_entries >= 80 and .dtlb_entries <= 120 and .stlb_entries >= 1700 and .stlb_entries <= 2500 and
		.itlb_entries >= 200 and .itlb_entries <= 320"
	echo "note: a CPU whose buffers are known"
fi
good=0
splits=()
for ((i = 0; i < attempts; i++)); do
	"$bin/vmtlb" --probe --fresh -J >"$out" || fail "status $?"
	holds "a document" '.schema == "vmtlb/1" and .mode == "probe" and (.from_cache | not) and (.levels | length) == 4 and
		(.curve | length) > 20 and .trusted == (.doubt == null) and ([.curve[] | .ns_low <= .ns and .ns <= .ns_high] | all) and
		([.costs[].ns_4k // 0] | min >= 0) and (.costs | map(.bytes) == (map(.bytes) | sort))'
	jq -e "$filter" "$out" >/dev/null && good=$((good + 1))
	split=$(jq -r .huge_pages_split "$out")
	if [ "$split" = null ]; then
		holds "a reason" '.no_huge_pages != null'
	else
		splits+=("$split")
	fi
	[ "$good" -lt 2 ] || [ "${#splits[@]}" -lt 2 ] || break
done
[ "$good" -gt 0 ] || fail "in none of $attempts attempts: $filter: $(jq -c 'del(.curve, .costs)' "$out")"
[ "$(printf '%s\n' "${splits[@]}" | sort -u | grep -c .)" -le 1 ] || fail "split or not: ${splits[*]}"

# ---- The cache ----

# What can't be trusted is measured again instead: until there is something that can, or attempts run out.
# kept COMMAND...: measures, and shows what is kept; both are the same.
kept() {
	local i
	for ((i = 0; i < attempts; i++)); do
		"$@" --probe -J >"$scratch/new" 2>>"$scratch/err" || fail "$*: status $?"
		"$@" --probe -J >"$out" 2>>"$scratch/err" || fail "$*: status $?"
		[ "$(jq .from_cache "$out")" != true ] || break
	done
	[ "$i" -lt "$attempts" ] || { echo "note: no measurement could be trusted" && return; }
	jq 'del(.time, .took_ns, .from_cache)' "$scratch/new" >"$scratch/before"
	jq 'del(.time, .took_ns, .from_cache)' "$out" | cmp -s - "$scratch/before" || fail "$*: the cache changed something"
}
rm -rf "$scratch/cache/vmtop"
kept "$bin/vmtlb"
printf 'rubbish\0\033[2J' >"$scratch/cache/vmtop/tlb"
"$bin/vmtlb" --probe -J >"$out" 2>"$scratch/err" || fail "rubbish in the cache: status $?"
holds "rubbish in the cache" '.from_cache | not'
[ ! -s "$scratch/err" ] || fail "rubbish in the cache: $(cat "$scratch/err")"

# ---- For people ----

for locale in C C.UTF-8; do
	LC_ALL=$locale "$bin/vmtlb" --probe >"$out" || fail "$locale: status $?"
	for word in "L1 dTLB" "STLB" "page walk" "FOOTPRINT" "pages"; do
		grep -q "$word" "$out" || fail "$locale: no '$word'"
	done
	[ "$(LC_ALL=C.UTF-8 wc -L <"$out")" -le 80 ] || fail "$locale: wider than 80 columns"
done
LC_ALL=C "$bin/vmtlb" --probe | LC_ALL=C grep -q '[^ -~]' && fail "more than ASCII"

# ---- What can't be had ----

"$bin/vmtlb" --probe --root tests/fixtures/linux-6.1 >"$out" 2>&1
status=$?
[ "$status" = 2 ] || fail "a captured tree: status $status"
grep -q 'captured tree' "$out" || fail "a captured tree: $(cat "$out")"
"$bin/vmtlb" --probe -p self >"$out" 2>&1
[ $? = 2 ] || fail "targets: $(cat "$out")"
if command -v python3 >/dev/null; then
	# PR_SET_THP_DISABLE, which programs inherit.
	python3 -c 'import ctypes, os, sys; ctypes.CDLL(None).prctl(41, 1, 0, 0, 0); os.execv(sys.argv[1], sys.argv[1:])' \
		"$bin/vmtlb" --probe --fresh -J >"$out" || fail "without huge pages: status $?"
	holds "without huge pages" '.huge_pages_split == null and .no_huge_pages != null and ([.costs[].ns_2m] | all(. == null)) and
		(.costs | length) > 3'
fi

# Little memory: nothing is killed, and less is measured.
if [ "$(id -u)" = 0 ]; then
	for limit in /sys/fs/cgroup/memory:memory.limit_in_bytes /sys/fs/cgroup:memory.max; do
		group=${limit%:*}/vmtlb-probe-$$
		mkdir "$group" 2>/dev/null || { group= && continue; }
		echo 100M 2>/dev/null >"$group/${limit#*:}" && break
		rmdir "$group"
		group=
	done
fi
if [ -n "$group" ]; then
	# The shell joins and becomes the command, so that nobody is left behind in the group.
	# shellcheck disable=SC2016
	sh -c 'echo $$ >"$1/cgroup.procs" && exec "$2" --probe --fresh -J' sh "$group" "$bin/vmtlb" >"$out" ||
		fail "with 100M: status $?"
	holds "with 100M" '(.no_more_costs | contains("control group")) and ([.costs[].bytes] | max) <= 8388608'
else
	echo "note: no control group with a limit of memory can be made here"
fi

# ---- Without privilege ----

if [ "$(id -u)" = 0 ] && setpriv --reuid=65534 --regid=65534 --clear-groups true 2>/dev/null; then
	mkdir "$scratch/nobody" && chown 65534:65534 "$scratch/nobody" && chmod 755 "$scratch" && cp "$bin/vmtlb" "$scratch/vmtlb"
	nobody=(setpriv --reuid=65534 --regid=65534 --clear-groups)
	if "${nobody[@]}" "$scratch/vmtlb" --version >/dev/null 2>&1; then
		: >"$scratch/err"
		kept env XDG_CACHE_HOME="$scratch/nobody" "${nobody[@]}" "$scratch/vmtlb"
		holds "nobody" '.hit_ns > 0'
		# Where nothing can be kept, it is measured each time, and no word is lost about it.
		HOME=/nonexistent "${nobody[@]}" env -u XDG_CACHE_HOME "$scratch/vmtlb" --probe -J >"$out" 2>>"$scratch/err" ||
			fail "nobody without a home: status $?"
		holds "nobody without a home" '(.from_cache | not) and .hit_ns > 0'
		[ ! -s "$scratch/err" ] || fail "nobody: said: $(cat "$scratch/err")"
		# Root doesn't believe what nobody wrote.
		XDG_CACHE_HOME=$scratch/nobody "$bin/vmtlb" --probe -J >"$out"
		holds "root with nobody's cache" '.from_cache | not'
	fi
fi

# ---- REACH% ----

"$bin/vmtlb" --probe -J >"$out"
if [ "$(jq .stlb_entries "$out")" != null ]; then
	near=$(jq '.levels[] | select(.buffer == "stlb") | .near_entries // 0' "$out")
	coproc lab { exec "$bin/vmlab" anon --size 64M --quiet; }
	pid=$!
	read -r _ <&"${lab[0]}"
	"$bin/vmtop" --once -p "$pid" -J -o tlb_reach_share,rss_bytes,thp_bytes >"$out"
	jq -e --argjson near "$near" '.processes[0] | .thp_bytes > 0 or $near == 0 or
		((.tlb_reach_share * .rss_bytes / 4096 / $near) | . > 0.99 and . < 1.01)' "$out" >/dev/null ||
		fail "REACH%: $(cat "$out")"
	XDG_CACHE_HOME=$scratch "$bin/vmtop" --once -p "$pid" -J -o tlb_reach_share >"$out" 2>"$scratch/err"
	if grep -q '^flags.* hypervisor' /proc/cpuinfo; then
		holds "REACH% unknown" '.processes[0].tlb_reach_share == null and .unmet.tlb != null'
		grep -q 'vmtlb --probe' "$scratch/err" || fail "REACH% unknown: said: $(cat "$scratch/err")"
	fi
else
	echo "note: the second level isn't known here, REACH% isn't compared"
fi
exit "$failed"
