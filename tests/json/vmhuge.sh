#!/bin/bash
# vmhuge's documents are valid by the installed schema in every mode, live and on a captured tree, and have what the contract
# names.  Usage: vmhuge.sh BIN
# As root also the view of a user without privilege.
# shellcheck source=tests/tools/documents.sh
. "$(dirname "$0")/../tools/documents.sh"

# A process with 8M of base pages, and a file under a name that no one should have.
cat >"$scratch/target.py" <<'END'
import mmap, sys, time
name = sys.argv[1].encode("utf-8", "surrogateescape")
with open(name, "wb") as f:
    f.write(b"x" * 65536)
f = open(name, "r+b")
shared = mmap.mmap(f.fileno(), 0)
shared[0] = 1
own = mmap.mmap(-1, 8 << 20, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
for at in range(0, 8 << 20, 8192):
    own[at] = 1
print("ready", flush=True)
time.sleep(600)
END

start() {
	rm -f "$scratch/said"
	"${as[@]}" /usr/bin/python3 -B "$scratch/target.py" "$1" >"$scratch/said" &
	pid=$!
	children+=("$pid")
	for _ in $(seq 200); do [ -s "$scratch/said" ] && break; sleep 0.05; done
}

every_mode() {
	local via
	valid 0 -J
	tells '.mode == "machine" and (.policy | has("enabled")) and (.sizes | type == "array")'
	valid 0 -J -o all
	valid 0 --format ndjson
	valid 0 -J -m 0.1 3
	is "documents of an interval" "$(wc -l <"$scratch/out")" 3
	is "rates of the first and the others" \
		"$(jq -s -c '[.[].counters[] | select(.name == "compact_stall").per_second != null]' "$scratch/out")" '[false,true,true]'
	valid 0 --format ndjson -m --rates 0.1 2
	"${as[@]}" "$bin/vmhuge" -m --rates 0.1 2 >"$scratch/rates" || failed=1
	if ! grep -q '^after .*, each second:' "$scratch/rates" || ! grep -q '^ *2.0M  *[0-9.KMGT]* .*[0-9.]' "$scratch/rates"; then
		echo "no rates: $(cat "$scratch/rates")"
		failed=1
	fi
	is "headings of rates as CSV" "$("${as[@]}" "$bin/vmhuge" -m --rates --csv 0.1 3 | grep -c page_bytes)" 1
	valid 0 -J "$pid"
	tells '.processes[0] | .resident_bytes > 4194304 and .could_bytes != null and (.groups | length > 0)'
	tells '.processes[0] | ([.mappings[].resident_bytes] | add) == .resident_bytes'
	tells '.processes[0] | ([.sizes[].total_bytes] | add) == .resident_bytes'
	tells '.processes[0] | ([.mappings[].could_bytes] | add) == .could_bytes'
	tells '[.processes[0].groups[] | (.reasons | length) == (.evidence | length)] | all'
	valid 0 -J -o all "$pid"
	tells '.processes[0] | .sizes_known == false or ([.mappings[] |
		(to_entries | map(select(.key | startswith("in_")).value) | add) + .partly_bytes == .resident_bytes] | all)'
	valid 0 -J --ranges "$pid"
	tells '[.processes[0].ranges[] | .present_pages <= 512] | all'
	valid 0 -J --ranges -o all "$pid"
	valid 0 --format ndjson "$pid" "$pid"
	is "documents of ndjson" "$(wc -l <"$scratch/out")" 1
	is "processes of two operands" "$(jq '.processes | length' "$scratch/out")" 2
	valid 0 -J -o START,COULD --filter 'COULD > 0' -s COULD "$pid"
	for via in page-tables pagemap pagemap-scan; do
		"${as[@]}" "$bin/vmhuge" --via $via "$pid" >/dev/null 2>&1 || continue
		valid 0 -J --via $via "$pid"
		tells '.processes[0].resident_bytes > 4194304'
	done
	valid 0 -J "$pid" 0.05s 3
	is "documents of samples" "$(jq -s 'length' "$scratch/out")" 3
	is "of the process" "$(jq -s -c '[.[].processes[].pid] | unique' "$scratch/out")" "[$pid]"
	valid 0 -J -a
	tells ".processes | map(.pid) | index($pid)"
	valid 0 -J -a -o all
	valid 0 -J self
	valid 3 -J 4194305
	valid 3 -J "$pid" 4194305
	valid 2 -J -o NONSENSE "$pid"
}

evil=$scratch/$'we"ird \\\n\t\xff\xc3 (deleted)'
start "$evil"
every_mode
if [ "$(id -u)" = 0 ]; then
	roots_pid=$pid
	# It says what changed, and the second time that nothing did.
	if [ "$("$bin/vmhuge" -J "$pid" | jq '.processes[0].now_bytes')" != 0 ]; then
		valid 0 -J --collapse all "$pid"
		tells '.collapsed_ranges > 0 and .after.huge_bytes >= .before.huge_bytes + 2097152 and .failures == []'
		valid 0 -J --collapse all "$pid"
		tells '.tried_ranges == 0 and .collapsed_ranges == 0'
	fi
	valid 3 -J --collapse all 4194305
	valid 2 -J --collapse 1000-2000 "$pid"

	# The same without privilege: one's own process is seen, another's isn't.
	as_nobody
	as+=(--inh-caps=-all)
	mkdir -m 777 "$scratch/theirs"
	start "$scratch/theirs/file"
	every_mode
	valid 0 -J "$pid"
	tells '.processes[0] | .sizes_known == false and .large_bytes == null and .via != "smaps"'
	valid 4 -J "$roots_pid"
	valid 4 -J --collapse all "$roots_pid"
	valid 4 -J --collapse all "$pid"
	valid 5 -J -a --strict
	as_root
fi

# A captured tree: known numbers.
sh "$here/../tools/mkdescribed.sh" vmhuge "$scratch/tree"
tree() { valid 0 -J --root "$scratch/tree" "$@"; }
tree
is "pools" "$(jq -c '[.pools[] | [.page_bytes, .node, .free_pages]]' "$scratch/out")" \
	'[[2097152,null,12],[2097152,0,4],[2097152,1,8],[1073741824,null,1],[1073741824,0,1]]'
tree 42
is "time to read a captured tree" "$(jq -c '[.processes[0].read_ns, .took_ns]' "$scratch/out")" '[null,null]'
is "pages of 64K" "$(jq -c '[.processes[0].sizes[] | select(.page_bytes == 65536) | [.how, .total_bytes]]' "$scratch/out")" \
	'[["aligned",196608],["unaligned",65536]]'
tree --ranges -o all 42
tree -a
# Captures of whole machines: what their kernels lack is null.
cd "$here/../fixtures"
for captured in *; do
	valid 0 -J --root "$captured"
	valid 0 -J --root "$captured" -a -o all
done
valid 0 -J --root linux-6.18 -a
is "order and figures" "$(jq -c '[.processes[] | [.pid, .resident_bytes, .huge_bytes]] | sort' "$scratch/out")" \
	'[[1001,15781888,10485760],[1002,3252224,0],[1003,12275712,0]]'
valid 0 -J --root linux-6.18 1001
tells '.took_ns == null and .processes[0].read_ns == null'
tells '.processes[0] | .resident_bytes == ([.sizes[].total_bytes] | add) and .huge_bytes == ([.mappings[].huge_bytes] | add)'
exit $failed
