#!/bin/bash
# What a user without privilege meets: everything of the own processes, one clear line for those of others.
# Usage: lowpriv.sh BIN_DIR
# shellcheck source=tests/tools/live.sh
. "$(dirname "$0")/../tools/live.sh"
has_built vmmap
[ "$(id -u)" = 0 ] || skip "only root can become another user"
has setpriv jq
nobody=(setpriv --reuid=65534 --regid=65534 --clear-groups --bounding-set=-all)
"${nobody[@]}" true 2>/dev/null || skip "setpriv can't take capabilities away here"

# A place that nobody can reach, whatever the build directory allows.
scratch=$(mktemp -d) || exit 1
chmod 755 "$scratch"
cp "$bin/vmmap" "$scratch/vmmap" || exit 1
pids=()
trap 'kill "${pids[@]}" 2>/dev/null; rm -rf "$scratch"' EXIT
"${nobody[@]}" "$scratch/vmmap" --version >/dev/null 2>&1 || skip "uid 65534 can't run programs of $scratch"

failed=0
fail() {
	echo "FAIL: $1"
	failed=1
}

# A process of nobody's own, and one of root's; both have executed their program when they answer.
coproc own { exec "${nobody[@]}" cat; }
own_pid=$! own_in=${own[1]} own_out=${own[0]}
pids+=("$own_pid")
echo ready >&"$own_in"
read -r _ <&"$own_out"
root_pid=$$

# try STATUS NAME ARGUMENT...: as nobody; output in $out, errors in $err.
try() {
	local wanted=$1 name=$2 status
	shift 2
	"${nobody[@]}" "$scratch/vmmap" "$@" >"$scratch/out" 2>"$scratch/err" </dev/null
	status=$?
	out=$(tr -d '\0' <"$scratch/out") err=$(<"$scratch/err")
	[ "$status" = "$wanted" ] || fail "$name: status $status instead of $wanted: $err"
}

# The own process: a full answer, as root gets it, and not a word about anything missing.
for mode in '' --layout --flags '--by file' '-o START,SIZE'; do
	# shellcheck disable=SC2086
	try 0 "own $mode" $mode "$own_pid"
	[ -z "$err" ] || fail "own $mode: said: $err"
done
# What only the kernel's own structures tell is told as missing, in a line each, and nothing else is.
for mode in --mm '-o all'; do
	lines=1
	[ "$mode" != --mm ] || lines=2
	# shellcheck disable=SC2086
	try 0 "own $mode" $mode "$own_pid"
	[[ $(wc -l <"$scratch/err") == "$lines" && $err =~ CAP_BPF|not\ supported\ here ]] || fail "own $mode: said: $err"
done
try 0 "own -J" -J "$own_pid"
[ -z "$err" ] || fail "own -J: said: $err"
jq -e '.unmet == {} and (.processes[0] | .comm == "cat" and .uid == 65534 and .rss_bytes > 0 and .pss_bytes > 0 and
	(.mappings | length) > 10 and ([.mappings[] | select(.kind == "text")] | length) == 1 and
	([.mappings[].rss_bytes] | add) > 0)' "$scratch/out" >/dev/null || fail "own -J: $(head -c 600 "$scratch/out")"
# PSS moves with everyone who maps the same libraries; the rest doesn't.
columns=ADDRESS,SIZE,RSS,PERM,KIND,DEVICE,INODE,VMFLAGS,MAPPING
try 0 "own --strict" --strict --no-headings -o "$columns" "$own_pid"
as_root=$("$bin/vmmap" --strict --no-headings -o "$columns" "$own_pid" 2>&1) || fail "root: $as_root"
[ "$out" = "$as_root" ] || fail "the mappings differ between root and nobody"
try 0 "self" -J self
[ -z "$err" ] || fail "self: said: $err"

# Another's process: exit 4, nothing of it, and one line that says what would help.
for mode in '' --layout --flags '--by kind' '-o START,SIZE' --strict; do
	# shellcheck disable=SC2086
	try 4 "root's $mode" $mode "$root_pid"
	[ "$(wc -l <"$scratch/err")" = 1 ] || fail "root's $mode: not one line: $err"
	[[ $err == *"process $root_pid"*"Permission denied"*CAP_SYS_PTRACE*sudo* ]] || fail "root's $mode: $err"
	[ -z "$out" ] || fail "root's $mode: printed: $out"
done
# Sizes of its address space everyone may know: the rest is unknown, and told so.
try 0 "root's --mm" --mm -J "$root_pid"
jq -e '.processes[0].mm | .total_vm_bytes > 0 and .rss_bytes > 0 and .start_code == null and .map_count == null' \
	"$scratch/out" >/dev/null || fail "root's --mm: $(head -c 600 "$scratch/out")"
jq -e '.unmet | keys == ["areas", "auxv", "layout", "mm", "mmaddr"]' "$scratch/out" >/dev/null || fail "root's --mm: $err"
try 5 "root's --mm --strict" --mm --strict "$root_pid"
try 4 "root's -J" -J "$root_pid"
jq -e '.processes == []' "$scratch/out" >/dev/null || fail "root's -J: $(head -c 600 "$scratch/out")"
# One of each: the own one is shown.
try 4 "both" -J "$root_pid" "$own_pid"
jq -e '[.processes[].comm] == ["cat"]' "$scratch/out" >/dev/null || fail "both: $(head -c 600 "$scratch/out")"
# No such process is another matter.
try 3 "none" 4194305
[[ $err == *"there is no process 4194305"* ]] || fail "none: $err"
# A capture of what may not be read is refused; of one's own it works.
try 4 "capture root's" --capture "/tmp/vm-lowpriv-$own_pid-a" "$root_pid"
try 0 "capture own" --capture "/tmp/vm-lowpriv-$own_pid-b" "$own_pid"
rm -rf "/tmp/vm-lowpriv-$own_pid-a" "/tmp/vm-lowpriv-$own_pid-b"
[ "$failed" = 0 ] && echo "lowpriv: all as it should be"
exit "$failed"
