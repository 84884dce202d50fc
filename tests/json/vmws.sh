#!/bin/bash
# vmws's documents are valid by the installed schema, by each of its methods, and their figures fit together.
# Usage: vmws.sh BIN
# shellcheck source=tests/tools/documents.sh
. "$(dirname "$0")/../tools/documents.sh"

# valid STATUS ARGUMENT...: vmws ends with this status, and its documents are valid.
valid() {
	what="vmws ${*:2}"
	valid_by "$schema" "$@"
	[ -s "$scratch/out" ] || return 0
	# Whatever was seen, bands are bands, and ages divide what is there.
	tells '[.processes[] | .totals, .mappings[], .curve[] | select(.used_bytes != null) | .used_bytes <= .used_bytes_max] | all'
	tells '[.processes[] | .totals, .mappings[] | select(.hot_bytes != null)
		| .hot_bytes + .warm_bytes + .cold_bytes + .unsure_bytes == .resident_bytes] | all'
	tells '[.processes[] | .curve | [.[].window_ns] == ([.[].window_ns] | sort)] | all'
}
# tells FILTER: every document satisfies it.
tells() {
	[ "$(jq -s "map($1) | all" "$scratch/out")" = true ] || { echo "$what: not so: $1 in $(head -c 1000 "$scratch/out")"; failed=1; }
}
documents() {
	[ "$(jq -s length "$scratch/out")" = "$1" ] || { echo "$what: not $1 documents"; failed=1; }
}

every_method() {
	sleep 600 &
	sleeper=$!
	children+=("$sleeper")
	"${as[@]}" "$bin/vmlab" working-set --size 4M --quiet >"$scratch/truth" &
	target=$!
	children+=("$target")
	until [ -s "$scratch/truth" ]; do sleep 0.05; done
	# Who is started by setpriv is what vmlab says it is.
	lab=$(jq .pid "$scratch/truth")
	valid 0 -J -p "$lab" -w 20ms -d 200ms
	tells '.processes[0] | .method == "accessed-bits" and .effect == null and .writes == null and (.mappings | length > 3)'
	tells '.processes[0].totals.written_bytes == null'
	valid 0 -J -p "$lab" --written -w 20ms -d 200ms
	tells '.processes[0] | .writes != null and (.why_not_writes != null)'
	valid 0 -J -p "$lab" --clear-refs -w 20ms -d 200ms
	tells '.processes[0] | .method == "clear-refs" and .effect != null and all(.rounds[]; .cost_ns > 0) and (.totals.used_bytes > 0)'
	valid 0 -J -p "$lab" --clear-refs --written -w 20ms -d 200ms
	valid 0 -J -p "$lab" --clear-refs 0.1 3
	documents 3
	valid 0 --format ndjson -p "$lab" -d 50ms
	documents 1
	valid 0 -J -p "$lab,$sleeper" -w 20ms -d 100ms
	valid 0 -J -n '^vmlab$' -w 20ms -d 100ms
	valid 0 -J -o all --filter 'RSS > 4K' -s COLD -p "$lab" -d 50ms
	valid 3 -J -p 4194305
	valid 2 -J --heat -p "$lab"
	kill "$target" "$sleeper"
	wait "$target" "$sleeper" || true
	valid 3 -J -- sh -c 'sleep 0.3; exit 3'
	valid 127 -J -- /no/such/program
}

every_method
if [ "$(id -u)" = 0 ]; then
	valid 0 -J -a -w 20ms -d 40ms
	sleep 600 &
	target=$!
	children+=("$target")
	as_nobody
	valid 4 -J -p "$target"
	valid 4 -J --clear-refs -p "$target"
	kill "$target"
	every_method
	as_root
fi

# One kind of rows where no document is around them.
for form in --csv '--format openmetrics'; do
	# shellcheck disable=SC2086
	"$bin/vmws" $form -p $$ -d 50ms >"$scratch/rows" || { echo "$form: status $?"; failed=1; }
	[ -s "$scratch/rows" ] || { echo "$form: nothing"; failed=1; }
done
exit $failed
