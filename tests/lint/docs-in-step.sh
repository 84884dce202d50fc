#!/bin/bash
# Man pages and completions are what the built commands would write now.  Usage: docs-in-step.sh BIN
set -eu
bin=$1
copy=$(mktemp -d)
trap 'rm -rf "$copy"' EXIT
cp -r man completions "$copy"
notes=$(scripts/update-docs "$bin" "$copy" 2>&1 >/dev/null)
if [ -n "$notes" ] && [ "${VM_HAVE_TUI:-1}" = 1 ]; then
	echo "$notes"
	exit 1
fi
if ! diff -ru man "$copy/man" || ! diff -ru completions "$copy/completions"; then
	echo "cmake --build DIR --target update-docs brings them in step"
	exit 1
fi
