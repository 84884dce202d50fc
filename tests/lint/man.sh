#!/bin/bash
# mandoc has nothing to say against the man pages; each command has one, with all of its options.
# Usage: man.sh BIN
set -eu
command -v mandoc >/dev/null || { echo "skip: mandoc is not installed"; exit 77; }
mandoc -Tlint -Wwarning man/*.[0-9]
failed=0
for command in "$1"/*; do
	name=${command##*/}
	[ -e "man/$name.1" ] || { echo "man/$name.1 is missing"; exit 1; }
	page=$(mandoc -Tascii "man/$name.1" | col -b)
	for option in $("$command" --help | grep -o '^  \(-., \|    \|\)--[a-z-]*' | grep -o -- '--.*'); do
		grep -q -- "$option" <<<"$page" || { echo "$name.1 lacks $option"; failed=1; }
	done
done
exit $failed
