#!/bin/bash
# vmrec --info's documents are valid by the installed schema, of whole and damaged recordings, and what others show of a
# recording is valid by theirs.  Usage: vmrec.sh BIN.  As root also as a user without privilege.
# shellcheck source=tests/tools/documents.sh
. "$(dirname "$0")/../tools/documents.sh"

# valid STATUS COMMAND ARGUMENT...: it ends with this status, and its document is valid.
valid() {
	local wanted=$1 command=$2
	shift 2
	valid_by "$here/../../schemas/$command-1.json" "$wanted" "$@"
	[ -s "$scratch/out" ] || { echo "$command $*: no document"; failed=1; }
}

fixtures=$here/../fixtures
make() {
	python3 -B "$here/../tools/mkrec.py" "$@"
}
make "$scratch/whole" 0="$fixtures/locks" 60="$fixtures/numa2" 61.25="$fixtures/hostile"
valid 0 vmrec --info "$scratch/whole" -J
tells '.frames == 3 and .closed and .lost_bytes == 0 and .broken_frames == 0 and .last_time == "2026-01-01T00:01:01.250Z"'
# Moment by moment, a document a line; broken ones are told of.
make --whole 3 --break 2 "$scratch/steps" 0="$fixtures/machine" 10="$fixtures/linux-6.18" 20="$fixtures/machine"
valid 0 vmrep --replay "$scratch/steps" -J
tells '.unmet.moments.why // "" | test("frame #2")'
[ "$(wc -l <"$scratch/out")" = 2 ] || { echo "vmrep: not a line for each moment"; failed=1; }
valid 5 vmrep --replay "$scratch/steps" --strict -J 1
valid 0 vmrep --replay "$scratch/whole" -a -J -o all
for at in '#1' '#2' '#3'; do
	valid 0 vmmap --replay "$scratch/whole" --at "$at" -J
	valid 0 vmtop --replay "$scratch/whole" --at "$at" --once -J -o all
	valid 0 vmlock --replay "$scratch/whole" --at "$at" -J
	valid 0 vmnuma --replay "$scratch/whole" --at "$at" -a -J
done
valid 0 vmtop --replay "$scratch/whole" --format ndjson 1
[ "$(wc -l <"$scratch/out")" = 3 ] || { echo "samples: $(wc -l <"$scratch/out") instead of 3"; failed=1; }
make --no-index --cut 10 "$scratch/torn" 0="$fixtures/locks" 60="$fixtures/numa2"
valid 0 vmrec --info "$scratch/torn" -J
tells '.frames == 1 and (.closed | not) and .lost_bytes > 0 and .interval_ns == null'
make --flip 3000 "$scratch/broken" 0="$fixtures/locks"
valid 0 vmrec --info "$scratch/broken" -J
tells '.broken_frames == 1 and .host == null'

# This machine, now.
"$bin/vmrec" -q -o "$scratch/now" 0.05 2
valid 0 vmrec --info "$scratch/now" -J
tells '.frames == 2 and .processes > 0'
valid 0 vmtop --replay "$scratch/now" --once -J -o all
"$bin/vmrec" -q -o "$scratch/own" -p $$ 0.05 2
valid 0 vmmap --replay "$scratch/own" -J -o all $$
valid 0 vmrec --info "$scratch/own" -J
tells '.processes == 1 and .processes_with_mappings == 1'

as_nobody_too $failed "$here/../.." tests/json/vmrec.sh "$bin"
