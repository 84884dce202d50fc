#!/bin/bash
# vmdoctor's documents are valid by the installed schema, live and on captured trees, and say what was captured.
# Usage: vmdoctor.sh BIN
# As root also the view of a user without privilege.
set -eu
bin=$(cd "$1" && pwd)
here=$(cd "$(dirname "$0")" && pwd)
schema=$here/../../schemas/vmdoctor-1.json
/usr/bin/python3 -c 'import jsonschema' 2>/dev/null || { echo "skip: python3-jsonschema is not installed"; exit 77; }
[ -x "$bin/vmdoctor" ] || { echo "skip: vmdoctor isn't built"; exit 77; }
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
failed=0
# shellcheck source=tests/tools/reach.sh
. "$here/../tools/reach.sh"

# valid STATUS ARGUMENT...: vmdoctor ends with this status, and its document is valid.
valid() {
	local wanted=$1 status=0
	shift
	"${as[@]}" "$bin/vmdoctor" "$@" >"$scratch/out" 2>"$scratch/err" || status=$?
	if [ $status != "$wanted" ]; then
		echo "vmdoctor $*: status $status instead of $wanted: $(head -1 "$scratch/err")"
		failed=1
	fi
	/usr/bin/python3 -B "$here/validate.py" "$schema" "vmdoctor $*" <"$scratch/out" || failed=1
}
# tells FILTER: the document satisfies it.
tells() {
	jq -e "$1" "$scratch/out" >/dev/null || { echo "not so: $1 in $(head -c 2000 "$scratch/out")"; failed=1; }
}

as=(env)
valid 0 -J
tells '(.checks | length) == ([.states[]] | add) and .states.untried == 0 and .took_ns > 0'
tells '[.checks[] | select(.state == "denied" and (.fix == null or .found == null))] == []'
valid 0 -J kernel paging
tells '[.checks[].name] == ["kernel", "paging"] and .states.fact == 2'
valid 0 --format ndjson -o CHECK,STATE,OK
[ "$(wc -l <"$scratch/out")" = 1 ] || { echo "ndjson: not one line"; failed=1; }
valid 0 -J --filter 'STATE == fact'
if [ "$(id -u)" = 0 ]; then
	as=(setpriv --reuid=65534 --regid=65534 --clear-groups --bounding-set=-all)
	root_bin=$bin
	bin=$(reachable "$bin")
	valid 0 -J
	tells '[.checks[] | select(.name == "capabilities" or .name == "others")] | map(.state) == ["denied", "denied"]'
	valid 4 -J others
	valid 5 -J --strict
	bin=$root_bin
	as=(env)
fi

valid 0 -J --root "$here/../fixtures/machine"
tells '.took_ns == null and .states.denied == 0 and .states.untried > 15'
tells '[.checks[] | select(.state == "untried" and .ok != null)] == []'
valid 1 -J --root "$here/../fixtures/machine" pmu
valid 5 -J --strict --root "$here/../fixtures/machine"
exit $failed
