#!/bin/bash
# A table long enough to be shared with a helper thread shows what short ones show.  Usage: long-table.sh BIN_DIR
# shellcheck source=tests/tools/live.sh
. "$(dirname "$0")/../tools/live.sh"
scratch=$(mktemp -d) || exit 1
lab=
trap '[ -z "$lab" ] || kill "$lab" 2>/dev/null; rm -rf "$scratch"' EXIT
mkfifo "$scratch/truth"
"$bin/vmlab" many-mappings --count 20000 --quiet >"$scratch/truth" &
lab=$!
read -r _ <"$scratch/truth" || { echo "vmlab made no mappings"; exit 1; }

# Half a million cells and more, each number exact; address and RSS are columns 2 and 7 of all.
"$bin/vmmap" -b --no-headings -o all "$lab" | awk '{ print $2, $7 }' >"$scratch/long"
"$bin/vmmap" -b --no-headings -o START,RSS "$lab" | awk '{ print $1, $2 }' >"$scratch/short"
lines=$(wc -l <"$scratch/long")
[ "$lines" -gt 20000 ] || { echo "only $lines rows"; exit 1; }
# Pages of files may be reclaimed between the two looks.
changed=$(diff "$scratch/long" "$scratch/short" | grep -c '^<')
echo "$lines rows, $changed of them changed meanwhile"
[ "$changed" -le 5 ]
