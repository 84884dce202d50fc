#!/bin/bash
# vmshare's documents are valid by the installed schema in every mode, live and on captured trees, and add up.
# Usage: vmshare.sh BIN
# As root also the view of a user without privilege.
# shellcheck source=tests/tools/documents.sh
. "$(dirname "$0")/../tools/documents.sh"

every_mode() {
	valid 0 -J self
	tells '.mode == "process" and (.mappings | length > 5) and (.family | length >= 1)'
	tells '.process | .once_bytes + .many_bytes == .counted_rss_bytes'
	tells '([.counts[].bytes] | add) == .process.counted_rss_bytes'
	tells '([.mappings[].many_bytes] | add) == .process.many_bytes'
	tells '.process | if .kinds then ([.kinds[]] | add) - .kinds.hugetlb_bytes == .counted_rss_bytes else true end'
	valid 0 -J -o all self
	valid 0 -J -o START,RISK -s RISK --filter 'RISK > 0' self
	tells '.mappings | map(keys == ["at_risk_bytes", "start"]) | all'
	valid 0 --format ndjson self
	is "documents of ndjson" "$(wc -l <"$scratch/out")" 1
	valid 0 -J --zeros --range 0-1000 self
	tells '.mappings == [] and .process.counted_rss_bytes == 0'
	valid 0 -J self self
	tells '.mode == "process"'
	valid 0 -J -o all "$$" self
	tells '.mode == "processes" and (.processes | length == 2)'
	# The machine may have thousands of processes, and so millions of pairs.
	valid 0 -J --pairs -a --filter 'BOTH > 1G'
	valid 0 -J --pairs "$$" "$PPID" self
	tells '.pairs | length == 0 or (map(.shared_bytes == .file_bytes + .shmem_bytes + .anon_bytes + .ksm_bytes + .hugetlb_bytes) | all)'
	valid 0 -J -n "^$(cat /proc/$$/comm)\$"
	valid 0 -J --family self
	tells '.family | length >= 1'
	valid 0 -J --family -o all self
	valid 0 -J --watch self 0.01 2
	is "documents of --watch" "$(wc -l <"$scratch/out")" 2
	valid 0 -J --runs self
	tells '.runs | length > 5'
	valid 0 -J --runs -o all self
	valid 3 -J 4194305
	valid 3 -J 4194305 self
	tells '.processes | length == 1'
	valid 3 -J --family 4194305
	valid 3 -J --who 4194305
}

if "$bin/vmshare" --pfn 1 >/dev/null 2>&1; then
	every_mode
	valid 0 -J --pfn 0 1 ffffffffffffffff
	tells '.mode == "frames"'
	valid 0 -J -o all "$$" self
	tells '.no_pairs_because == null and .pairs_that_share == 1 and .pairs[0].shared_bytes > 0'
	# What two share is no more than either has, and what all have is no less.
	tells '.pairs[0].shared_bytes == .group.shared_bytes and .group.frames_bytes + .group.shared_bytes
		== ([.processes[].frames_bytes] | add)'
	valid 0 -J --who "$$"
	tells '.mode == "who" and (.sharers | length > 0) and (.sharers | map(.shared_bytes > 0 and .shared_bytes <= .many_bytes) | all)'
	valid 0 -J -o START,MANY,SHARERS,WITH "$$"
	tells '.mappings | map(.sharers >= (.shared_with | length)) | all'
	valid 0 -J --runs self
	tells '.runs | map(select(.map_count != null)) | length > 5 and (map((.map_count > 1) == .shared) | all)'
else
	valid 0 -J "$$" self
	tells '.pairs == null and .group == null and (.no_pairs_because | length > 0)'
fi
if [ "$(id -u)" = 0 ]; then
	as_nobody
	valid 0 -J self
	tells '.process | .counted_pss_bytes == null and .once_bytes > 0 and .many_bytes > 0'
	valid 0 -J --family self
	tells '.family_sums == null and (.not_compared_because | test("kpageflags")) and .family[0].at_risk_bytes >= 0'
	valid 0 -J --watch self 0.01 2
	valid 0 -J --runs self
	tells '.runs | map(.map_count == null and .pfn == null) | all'
	valid 4 -J --pfn 1
	valid 4 -J --who self
	valid 0 -J -o START,SHARERS self
	tells '(.mappings | map(.sharers == null) | all) and .unmet.frames.processes == 1'
	valid 4 -J --pairs self
	valid 4 -J $$
	valid 0 -J -a
	tells '.pairs == null and .unmet.frames.processes > 0'
	valid 5 -J --strict self
	as_root
fi

# Captured trees: what smaps tells; frames aren't in there.
cd "$here/../fixtures"
for tree in *; do
	valid 0 -J --root "$tree" -a
	for pid in "$tree"/proc/[0-9]*; do
		[ -r "$pid/smaps" ] || continue
		valid 0 -J --root "$tree" "${pid##*/}"
		tells '.process.counted_rss_bytes == null and .counts == null and .took_ns == null'
		break
	done
done
exit $failed
