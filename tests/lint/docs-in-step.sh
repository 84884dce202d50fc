#!/bin/bash
# Man pages and completions are what the built commands would write now; docs/numbers.md knows all columns.
# Usage: docs-in-step.sh BIN
set -eu
bin=$1
failed=0
copy=$(mktemp -d)
trap 'rm -rf "$copy"' EXIT
cp -r man completions "$copy"
notes=$(scripts/update-docs "$bin" "$copy" 2>&1 >/dev/null)
if [ -n "$notes" ] && [ "${VM_HAVE_TUI:-1}" = 1 ]; then
	echo "$notes"
	failed=1
fi
if ! diff -ru man "$copy/man" || ! diff -ru completions "$copy/completions"; then
	echo "cmake --build DIR --target update-docs brings them in step"
	failed=1
fi

# Every quantity that a column shows is explained.
for command in "$bin"/*; do
	keys=$("$command" --print-doc man-columns | sed '/^Figures of/,$d' |
		grep -o -E '^\.Pq Li [a-z_]*(_bytes|_faults|_share|_second|_ns) ' | cut -d' ' -f3 |
		# A figure at two moments is the same figure.
		sed -E 's/_(before|after|growth)_bytes$/_bytes/' | sort -u)
	for key in $keys; do
		grep -q "\`$key\`" docs/numbers.md || { echo "docs/numbers.md doesn't explain $key"; failed=1; }
	done
done
exit $failed
