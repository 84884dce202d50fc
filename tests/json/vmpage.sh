#!/bin/bash
# vmpage's documents are valid by the installed schema in every mode, live and on a captured tree, and have what the
# contract names.  Usage: vmpage.sh BIN
# As root also the view of a user without privilege.
# shellcheck source=tests/tools/documents.sh
. "$(dirname "$0")/../tools/documents.sh"

# A process with pages of several kinds, under a name that no one should have; it prints an address of each.
# Each line that it reads makes it write to the last of them, over a fork's copy and back.
cat >"$scratch/target.py" <<'END'
import ctypes, mmap, os, sys
name = sys.argv[1].encode("utf-8", "surrogateescape")
with open(name, "wb") as f:
    f.write(b"x" * 65536)
f = open(name, "r+b")
shared = mmap.mmap(f.fileno(), 0)
shared[0] = 1
own = mmap.mmap(-1, 8 << 20, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
own[0:1 << 20] = b"x" * (1 << 20)
own[2 << 20]
none = mmap.mmap(-1, 1 << 20, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS, prot=mmap.PROT_READ)
place = lambda m: ctypes.addressof(ctypes.c_char.from_buffer(m))
print(f"{place(shared):x} {place(own) + (2 << 20):x} {place(own) + (4 << 20):x} {place(own):x}", flush=True)
for line in sys.stdin:
    pid = os.fork()
    if pid == 0:
        os._exit(0)
    os.wait()
    own[0] = own[0] ^ 1
END

# start NAME: runs the target as the current user; sets pid, and addresses of a file's page, the page of zeros,
# nothing, and an anonymous page.
start() {
	rm -f "$scratch/said" "$scratch/in"
	mkfifo -m 666 "$scratch/in"
	"${as[@]}" /usr/bin/python3 -B "$scratch/target.py" "$1" <"$scratch/in" >"$scratch/said" &
	pid=$!
	children+=("$pid")
	exec {to}>"$scratch/in"
	for _ in $(seq 200); do [ -s "$scratch/said" ] && break; sleep 0.05; done
	read -r of_file of_zeros of_nothing of_own <"$scratch/said"
}

every_mode() {
	local by
	valid 0 -J "$pid"
	tells '[.states[] | has("state", "pages", "bytes")] | all'
	tells '.tables == null or (.tables | map(has("level", "pages", "entries")) | all)'
	tells '(.states[] | select(.state == "present")).bytes > 1048576'
	valid 0 -J -o all "$pid"
	valid 0 --format ndjson "$pid"
	is "documents of ndjson" "$(wc -l <"$scratch/out")" 1
	for by in mapping kind file size; do
		valid 0 -J --by $by "$pid"
		valid 0 -J --by $by -o all "$pid"
	done
	valid 0 -J --by mapping --filter 'RSS > 64K' -s RSS "$pid"
	valid 0 -J --runs "$pid"
	valid 0 -J --runs -o all "$pid"
	valid 0 -J --runs --range "$of_own-$(printf %x $((0x$of_own + 0x100000)))" "$pid"
	tells '[.runs[].pages] | add == 256'
	valid 0 -J --grid "$pid"
	valid 0 -J --grid --range "$of_own-$(printf %x $((0x$of_own + 0x100000)))" "$pid"
	for addr in "$of_file" "$of_zeros" "$of_nothing" "$of_own" 0 7fffffffffff ffffffff81000000 ffffffffff600000 8000000000000000; do
		valid 0 -J "$pid" "$addr"
		tells 'has("address", "mapping", "levels", "pfn", "physical", "page")'
		tells '[.levels[] | has("level", "table_frame", "index", "entry", "next_frame", "bits")] | all'
		tells '.levels | length > 0'
	done
	valid 0 -J -o all "$pid" "$of_own"
	tells '.present'
	valid 0 -J "$pid" "$of_file" "$of_own"
	is "addresses of two" "$(jq -c '[.pages[].address]' "$scratch/out")" "[\"0x$of_file\",\"0x$of_own\"]"
	for via in page-tables pagemap pagemap-scan; do
		"${as[@]}" "$bin/vmpage" --via $via "$pid" >/dev/null 2>&1 || continue
		valid 0 -J --via $via "$pid"
		valid 0 -J --via $via --runs "$pid"
		valid 0 -J --via $via --grid "$pid"
	done
	valid 0 -J --via mincore self
	valid 0 -J --explain 7f3a12c05a10 8000000000000000 ffffffff81000000 ff11000000000000
	valid 0 -J --explain --arch arm64 7f3a12c05a10
	valid 3 -J 4194305
	valid 3 -J 4194305 1000
}

# changes OPTION...: a fork and a write are changes that --watch shows, a document each.
changes() {
	local ready=0
	"${as[@]}" "$bin/vmpage" --watch -J -d 1ms -c 1 "$@" "$pid" "$of_own" >"$scratch/out" 2>"$scratch/err" &
	local watcher=$!
	children+=("$watcher")
	for _ in $(seq 200); do [ -s "$scratch/out" ] && break; sleep 0.05; done
	# Each line is a fork; one that comes and goes between two looks isn't seen.
	while kill -0 "$watcher" 2>/dev/null && [ $((ready += 1)) -lt 400 ]; do
		echo >&"$to"
		sleep 0.02
	done
	wait "$watcher" || { echo "--watch $*: status $?: $(head -1 "$scratch/err")"; failed=1; }
	/usr/bin/python3 -B "$here/validate.py" "$schema" "vmpage --watch $*" <"$scratch/out" || failed=1
	is "documents of --watch $*" "$(wc -l <"$scratch/out")" 2
	is "words of --watch $*" "$(jq -s 'map(.change | length > 0) | all' "$scratch/out")" true
}

evil=$scratch/$'we"ird \\\n\t\xff\xc3 (deleted)'
start "$evil"
every_mode
changes
changes --via pagemap
valid 0 -J --file "$evil" "$here/vmpage.sh"
is "files" "$(jq '.files | length' "$scratch/out")" 2
tells '.files[0].mapped_by | length > 0'
valid 1 -J --file "$scratch/nothing"
if [ "$(id -u)" = 0 ] && "$bin/vmpage" --system -o FRAMES >/dev/null 2>&1; then
	valid 0 -J "$pid" "$of_own"
	tells '.page.flags | index("anonymous")'
	tells '.page.map_count == 1 and .page.exclusive'
	tells '.why_not == {"entries": null, "frame": null, "page": null} or .why_not.entries'
	frame=$(jq -r .pfn "$scratch/out")
	valid 0 -J --pfn "$frame" 0
	tells '[.frames[0].mappings[].address] | length > 0'
	valid 0 -J --pfn -o all "$frame"
	valid 0 -J --system
	valid 0 -J --system -o all --bits lru,~active
	for by in flags cgroup zone; do
		valid 0 -J --system --by $by
		valid 0 -J --by $by "$pid"
	done
	valid 0 -J --bits anon "$pid"
	valid 0 -J --cgroup / --runs -o +FLAGS "$pid"
	valid 0 -J --file "$evil" -o all

	# The same without privilege: one's own process is seen, another's isn't.
	roots_pid=$pid
	as_nobody
	as+=(--inh-caps=-all)
	mkdir -m 777 "$scratch/theirs"
	start "$scratch/theirs/file"
	every_mode
	changes
	valid 0 -J "$pid" "$of_own"
	tells '.present and .pfn == null and .why_not.entries and .why_not.frame'
	valid 4 -J "$roots_pid"
	valid 4 -J "$roots_pid" 1000
	valid 4 -J --pfn 1000
	valid 4 -J --system
	valid 0 -J --file "$scratch/theirs/file"
	valid 4 -J --file /etc/passwd
	valid 5 -J --strict --runs "$pid"
	as_root
fi

# A captured tree: known numbers.
/usr/bin/python3 -B "$here/../tools/mkpagemap.py" "$here/../cli/vmpage/pages.txt" "$scratch/tree"
tree() { valid 0 -J --root "$scratch/tree" "$@"; }
tree 42
is "guard pages" "$(jq '.states[] | select(.state == "guard").pages' "$scratch/out")" 2
is "time to read a captured tree" "$(jq -c '[.read_ns, .took_ns]' "$scratch/out")" '[null,null]'
for mode in --runs --grid --by=mapping --by=kind --by=file --by=size --by=flags --by=cgroup; do
	tree $mode 42
done
tree --runs -o all 42
tree 42 10008123
tells '.swap.slot == "0x40" and .swap.area == 1 and .present == false'
tree 42 1000c000 10000000
tree --explain 0
exit $failed
