# shellcheck shell=bash disable=SC2034
# Sourced by tests/json/COMMAND.sh BIN, which test a command's documents: what they all need.

set -eu
bin=$(cd "$1" && pwd)
root_bin=$bin
here=$(cd "$(dirname "$0")" && pwd)
command=$(basename "$0" .sh)
schema=$here/../../schemas/$command-1.json
/usr/bin/python3 -c 'import jsonschema' 2>/dev/null || { echo "skip: python3-jsonschema is not installed"; exit 77; }
command -v jq >/dev/null || { echo "skip: jq is not installed"; exit 77; }
[ -x "$bin/$command" ] || { echo "skip: $command isn't built"; exit 77; }
scratch=$(mktemp -d)
chmod 755 "$scratch"
# What is to be ended, and before each command.
children=() as=(env)
trap 'kill "${children[@]}" 2>/dev/null || true; rm -rf "$scratch"' EXIT
failed=0
# shellcheck source=tests/tools/reach.sh
. "$here/../tools/reach.sh"

# as_nobody: from here on commands run as a user without privilege; more options of setpriv may be appended to `as`.
as_nobody() {
	as=(setpriv --reuid=65534 --regid=65534 --clear-groups --bounding-set=-all)
	bin=$(reachable "$bin")
}

# as_root: and from here on as before.
as_root() {
	as=(env)
	bin=$root_bin
}

# valid_by SCHEMA STATUS ARGUMENT...: the command ends with this status, and if it writes documents, they are valid; with
# status 0 it must.
valid_by() {
	local by=$1 wanted=$2 status=0
	shift 2
	"${as[@]}" "$bin/$command" "$@" >"$scratch/out" 2>"$scratch/err" </dev/null || status=$?
	if [ $status != "$wanted" ]; then
		echo "$command $*: status $status instead of $wanted: $(head -1 "$scratch/err")"
		failed=1
	fi
	[ -s "$scratch/out" ] || [ "$wanted" = 0 ] || return 0
	/usr/bin/python3 -B "$here/validate.py" "$by" "$command $*" <"$scratch/out" || failed=1
}

# valid STATUS ARGUMENT...
valid() {
	valid_by "$schema" "$@"
}

# is WHAT FOUND WANTED
is() {
	[ "$2" = "$3" ] || { echo "$1: $2 instead of $3"; failed=1; }
}

# tells FILTER: the last documents satisfy it.
tells() {
	jq -e "$1" "$scratch/out" >/dev/null || { echo "not so: $1 in $(head -c 2000 "$scratch/out")"; failed=1; }
}
