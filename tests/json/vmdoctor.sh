#!/bin/bash
# vmdoctor's documents are valid by the installed schema, live and on captured trees, and say what was captured.
# Usage: vmdoctor.sh BIN
# As root also the view of a user without privilege.
# shellcheck source=tests/tools/documents.sh
. "$(dirname "$0")/../tools/documents.sh"

valid 0 -J
tells '(.checks | length) == ([.states[]] | add) and .states.untried == 0 and .took_ns > 0'
tells '[.checks[] | select(.state == "denied" and (.fix == null or .found == null))] == []'
valid 0 -J kernel paging
tells '[.checks[].name] == ["kernel", "paging"] and .states.fact == 2'
valid 0 --format ndjson -o CHECK,STATE,OK
[ "$(wc -l <"$scratch/out")" = 1 ] || { echo "ndjson: not one line"; failed=1; }
valid 0 -J --filter 'STATE == fact'
if [ "$(id -u)" = 0 ]; then
	as_nobody
	valid 0 -J
	tells '[.checks[] | select(.name == "capabilities" or .name == "others")] | map(.state) == ["denied", "denied"]'
	valid 4 -J others
	valid 5 -J --strict
	as_root
fi

valid 0 -J --root "$here/../fixtures/machine"
tells '.took_ns == null and .states.denied == 0 and .states.untried > 15'
tells '[.checks[] | select(.state == "untried" and .ok != null)] == []'
valid 1 -J --root "$here/../fixtures/machine" pmu
valid 5 -J --strict --root "$here/../fixtures/machine"
exit $failed
