#!/bin/bash
# What vmpage tells with which capabilities: page tables with CAP_BPF and CAP_PERFMON alone, a word where something is
# withheld, and never an empty answer for one that isn't known.
# Usage: vmpage-caps.sh BIN_DIR
# shellcheck source=tests/tools/live.sh
. "$(dirname "$0")/../tools/live.sh"
has_built vmpage
[ "$(id -u)" = 0 ] || skip "only root can become another user"
has setpriv jq
nobody=(setpriv --reuid=65534 --regid=65534 --clear-groups)
other=(setpriv --reuid=65533 --regid=65533 --clear-groups)
bpf=("--inh-caps=+bpf,+perfmon" "--ambient-caps=+bpf,+perfmon" "--bounding-set=-all,+bpf,+perfmon")
"${nobody[@]}" "${bpf[@]}" true 2>/dev/null || skip "setpriv can't choose capabilities here"

scratch=$(mktemp -d) || exit 1
chmod 755 "$scratch"
cp "$bin/vmpage" "$scratch/vmpage" || exit 1
pids=()
trap 'kill "${pids[@]}" 2>/dev/null; rm -rf "$scratch"' EXIT
"${nobody[@]}" "$scratch/vmpage" --version >/dev/null 2>&1 || skip "uid 65534 can't run programs of $scratch"

failed=0
fail() {
	echo "FAIL: $1"
	failed=1
}

# try STATUS NAME COMMAND...: output in $scratch/out and $out, errors in $err.
try() {
	local wanted=$1 name=$2 status
	shift 2
	"$@" >"$scratch/out" 2>"$scratch/err" </dev/null
	status=$?
	out=$(<"$scratch/out") err=$(<"$scratch/err")
	[ "$status" = "$wanted" ] || fail "$name: status $status instead of $wanted: $err"
}

coproc own { exec "${nobody[@]}" cat; }
pid=$! own_in=${own[1]} own_out=${own[0]}
pids+=("$pid")
echo ready >&"$own_in"
read -r _ <&"$own_out"
stack=$(sed -n 's/^[0-9a-f]*-\([0-9a-f]*\) .*\[stack\]$/\1/p' "/proc/$pid/maps")
addr=$(printf %x $((0x$stack - 4096)))

# Can page tables be read at all, by the mightiest?
tables=1
"$bin/vmpage" --via page-tables -J "$pid" >/dev/null 2>&1 || tables=0

# Nobody's own process, without anything: what pagemap tells, and what is missing and why.
try 0 "plain" "${nobody[@]}" --bounding-set=-all "$scratch/vmpage" "$pid" "$addr"
[[ $out == *"in memory"*"unknown    entries: "*"unknown    frame: "* ]] || fail "plain: $out"
try 4 "plain --bits" "${nobody[@]}" --bounding-set=-all "$scratch/vmpage" --bits lru "$pid"
try 4 "another's" "${other[@]}" --bounding-set=-all "$scratch/vmpage" "$pid"
[[ $err == *"Permission denied"* ]] || fail "another's: $err"

if [ "$tables" = 1 ] && "${nobody[@]}" "${bpf[@]}" "$scratch/vmpage" --via page-tables "$pid" >/dev/null 2>&1; then
	# CAP_BPF and CAP_PERFMON: entries and frames, though pagemap withholds them and kpageflags can't be opened.
	try 0 "bpf" "${nobody[@]}" "${bpf[@]}" "$scratch/vmpage" -J "$pid" "$addr"
	jq -e '(.levels | map(select(.entry != null)) | length) >= 4 and .pfn != null and .entry_kind == "page"' \
		"$scratch/out" >/dev/null || fail "bpf: $out"
	try 0 "bpf, text" "${nobody[@]}" "${bpf[@]}" "$scratch/vmpage" "$pid" "$addr"
	[[ $out == *"unknown    page flags: "* ]] || fail "bpf, text: $out"
fi
# One of the two isn't enough, and that is the reason that is told, whatever the kernel says.
for only in bpf perfmon; do
	some=("--inh-caps=+$only" "--ambient-caps=+$only" "--bounding-set=-all,+$only")
	[ "$tables" = 1 ] || break
	try 0 "$only alone" "${nobody[@]}" "${some[@]}" "$scratch/vmpage" --sources
	for source in iter-task mm_struct vm_area_struct page-tables; do
		line=$(grep "^$source " "$scratch/out")
		[[ $line == *"needs CAP_BPF and CAP_PERFMON"* ]] || fail "$only alone: $line"
	done
done
# CAP_PERFMON may open the mappings of others since it counts as a right to read them; else it is another's process.
if [ "$tables" = 1 ] && "${other[@]}" "${bpf[@]}" cat "/proc/$pid/maps" 2>/dev/null | grep -q stack; then
	try 0 "another's, with CAP_PERFMON" "${other[@]}" "${bpf[@]}" "$scratch/vmpage" "$pid"
	[[ $out == *"present "* ]] || fail "another's, with CAP_PERFMON: $out"
else
	try 4 "another's, with CAP_PERFMON" "${other[@]}" "${bpf[@]}" "$scratch/vmpage" "$pid"
fi

# Root without CAP_SYS_ADMIN opens kpageflags and is told no frames: that isn't "no pages".
weak=(setpriv "--inh-caps=-sys_admin,-bpf,-perfmon" "--bounding-set=-sys_admin,-bpf,-perfmon")
for mode in '--bits lru' '--by flags' '--by zone' '--runs -o ADDRESS,FLAGS'; do
	# shellcheck disable=SC2086
	try 4 "weak root $mode" "${weak[@]}" "$bin/vmpage" $mode "$pid"
	[[ $err == *"frames need CAP_SYS_ADMIN"* ]] || fail "weak root $mode: $err"
	[ -z "$out" ] || fail "weak root $mode: printed: $out"
done
[ "$failed" = 0 ] && echo "vmpage-caps: all as it should be"
exit "$failed"
