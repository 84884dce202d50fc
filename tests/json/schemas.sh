#!/bin/bash
# The JSON of every mode is valid by the installed schemas.  Usage: schemas.sh BIN
# As root also the view of a user without privilege, who meets what can't be read.
set -eu
bin=$(cd "$1" && pwd)
here=$(cd "$(dirname "$0")" && pwd)
schemas=$here/../../schemas
/usr/bin/python3 -c 'import jsonschema' 2>/dev/null || { echo "skip: python3-jsonschema is not installed"; exit 77; }
scratch=$(mktemp -d)
children=()
trap 'kill "${children[@]}" 2>/dev/null; rm -rf "$scratch"' EXIT
failed=0
# shellcheck source=tests/tools/reach.sh
. "$here/../tools/reach.sh"

# valid SCHEMA STATUS COMMAND ARGUMENT...: the command ends with this status and its documents are valid.
valid() {
	local schema=$1 wanted=$2 status=0
	shift 2
	"$@" >"$scratch/out" 2>"$scratch/err" || status=$?
	if [ $status != "$wanted" ]; then
		echo "$*: status $status instead of $wanted: $(head -1 "$scratch/err")"
		failed=1
	fi
	/usr/bin/python3 -B "$here/validate.py" "$schemas/$schema" "${*##*/}" <"$scratch/out" || failed=1
}

# A process with names that no one should have: line breaks, quotes, bytes that aren't UTF-8.
evil=$scratch/$'we"ird \\\n\t\xff\xc3 (deleted)'
head -c 8192 /dev/zero >"$evil"
/usr/bin/python3 -c '
import mmap, sys, time
f = open(sys.argv[1].encode("utf-8", "surrogateescape"), "r+b")
m = mmap.mmap(f.fileno(), 0); m[0] = 1
a = mmap.mmap(-1, 1 << 20); a[0] = 1
print(flush=True); time.sleep(600)' "$evil" >"$scratch/ready" &
children+=($!)
for _ in $(seq 100); do [ -s "$scratch/ready" ] && break; sleep 0.1; done
pid=${children[0]}
kernel=2      # kthreadd, where it can be seen
[ -e /proc/2/stat ] && [ -z "$(tr -d '\0' </proc/2/cmdline)" ] || kernel=$pid

if [ -x "$bin/vmmap" ]; then
	map=$bin/vmmap
	valid vmmap-1.json 0 "$map" -J "$pid"
	valid vmmap-1.json 0 "$map" -J -o all "$pid"
	valid vmmap-1.json 0 "$map" -J -o START,NAME --filter 'SIZE > 0' -s SIZE "$pid"
	valid vmmap-1.json 0 "$map" -J --filter 'SIZE < 0' "$pid"
	valid vmmap-1.json 0 "$map" --format ndjson "$pid" self $$
	for by in kind file perm name page; do
		valid vmmap-1.json 0 "$map" -J --by $by "$pid"
	done
	valid vmmap-1.json 0 "$map" -J --by kind -o +all "$pid"
	valid vmmap-1.json 0 "$map" -J --mm "$pid"
	valid vmmap-1.json 0 "$map" -J --flags "$pid"
	valid vmmap-1.json 0 "$map" -J --layout "$pid" "$pid"
	valid vmmap-1.json 0 "$map" -J -a 0 -A 2 "$pid"
	for mode in --mm --layout --flags --by=kind -b; do
		valid vmmap-1.json 0 "$map" -J $mode "$kernel"
	done
	valid vmmap-1.json 3 "$map" -J 4194305 "$pid"
	valid vmmap-1.json 3 "$map" -J 4194305
	valid sources-1.json 0 "$map" --sources -J
	valid sources-1.json 0 "$map" --sources --format ndjson
	valid vmmap-1.json 0 "$map" -J --capture "$scratch/capture" "$pid"
	valid vmmap-1.json 0 "$map" -J --root "$scratch/capture"
	valid vmmap-1.json 0 "$map" -J --root "$scratch/capture" --mm
	valid sources-1.json 0 "$map" --root "$scratch/capture" --sources -J
	if [ "$(id -u)" = 0 ]; then
		nobody=(setpriv --reuid=65534 --regid=65534 --clear-groups --bounding-set=-all)
		their_map=$(reachable "$bin")/vmmap
		valid vmmap-1.json 4 "${nobody[@]}" "$their_map" -J $$
		valid vmmap-1.json 0 "${nobody[@]}" "$their_map" -J --mm self
		valid sources-1.json 0 "${nobody[@]}" "$their_map" --sources -J
	fi
fi

if [ -x "$bin/vmlab" ]; then
	valid vmlab-1.json 0 "$bin/vmlab" --list --json
	for workload in $("$bin/vmlab" --list --names); do
		steps=0
		"$bin/vmlab" --list --json |
			jq -e --arg w "$workload" '.workloads[] | select(.name == $w) | .steps' >/dev/null && steps=2
		status=0
		"$bin/vmlab" "$workload" --exit --quiet --dir "$scratch" >/dev/null 2>&1 || status=$?
		[ $status != 77 ] || { echo "skip: $workload can't be made here"; continue; }
		valid vmlab-1.json 0 "$bin/vmlab" "$workload" --exit --quiet --steps $steps --dir "$scratch"
	done
fi
exit $failed
