#!/bin/bash
# vmnuma's documents are valid by the installed schema in every mode, live and on captured trees, and say what was captured.
# Usage: vmnuma.sh BIN
# As root also the view of a user without privilege.
# shellcheck source=tests/tools/documents.sh
. "$(dirname "$0")/../tools/documents.sh"

every_mode() {
	valid 0 -J
	tells '.mode == "machine" and (.nodes | length > 0) and ([.nodes[].size_bytes] | add > 0)'
	tells '(.distances | length) == (.nodes | length)'
	valid 0 -J -o all
	valid 0 -J -i 0.05 -c 2
	is "documents of -i 0.05 -c 2" "$(wc -l <"$scratch/out")" 2
	valid 0 -J --counters 0.05 1
	valid 0 -J -m
	tells '[.items[] | select(.item == "MemTotal")][0].bytes > 0'
	valid 0 -J self
	tells '.processes[0] | (.mappings | length > 5) and (.classes | length == 6)'
	valid 0 -J -o all --filter 'TOTAL > 0' -s TOTAL self $$
	tells '.processes | length == 2'
	valid 0 --format ndjson self
	is "documents of ndjson" "$(wc -l <"$scratch/out")" 1
	valid 0 -J -p $$
	valid 0 -J -p $$ 0.05 2
	valid 0 -J -a -o all
	valid 3 -J 4194305
	valid 3 -J -p 4194305
	if "$bin/vmnuma" --sample 1 self >/dev/null 2>&1; then
		valid 0 -J --sample 4 $$
		tells '.processes[0].mappings | map(.policy == null) | all'
		valid 0 -J --address 0-3000 $$
		tells '.runs == [.runs[0]] and .runs[0].node == null'
	fi
}

every_mode
valid 2 -J --migrate 0 9999 -p $$
if [ "$(id -u)" = 0 ]; then
	as_nobody
	valid 0 -J
	valid 0 -J -m
	valid 0 -J self
	valid 0 -J -a
	tells ".unmet.numa.processes > 0 and ([.processes[] | select(.pid == $$)][0].bytes == null)"
	valid 4 -J $$
	valid 5 -J --strict -a
	as_root
fi

# A captured machine of two nodes: known numbers.
valid 0 -J --root "$here/../fixtures/numa2"
tells '.numa and .distances == [[10, 21], [21, 10]] and .own_policy == null and .took_ns == null'
tells '.nodes[1] | .cpus == "none" and .kind == "memory only" and .tier == 22 and .interleave_weight == 1'
tells '.nodes[0].interleave_weight == 3 and .nodes[0].numa_miss_pages == 512 and .balancing.hint_faults == 4000'
valid 0 -J --root "$here/../fixtures/numa2" 501
tells '.processes[0] | .misplaced_bytes == 8388608 and .may_run_on == "0" and .ran_on == ["0:2"] and .local_share > 0'
tells '[.processes[0].mappings[] | .policy_mode] | unique
	== ["bind", "default", "interleave", "local", "preferred", "preferred-many", "weighted-interleave"]'
valid 0 -J --root "$here/../fixtures/numa2" -a
valid 0 -J --root "$here/../fixtures/numa2" -m
tells '[.items[] | select(.item == "HugePages_Total")][0] | .node0_bytes == 4194304 and .node1_bytes == 0'
# A tree without nodes is shown as one.
valid 0 -J --root "$here/../fixtures/linux-6.18"
tells '.numa == false and (.nodes | length == 1)'
valid 0 -J --root "$here/../fixtures/linux-6.18" 1002
valid 2 -J --root "$here/../fixtures/numa2" -i 1
exit $failed
