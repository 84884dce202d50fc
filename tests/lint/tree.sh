#!/bin/bash
# Hygiene of the source tree.  Usage: tree.sh
set -eu
failed=0
bad() {
	printf '%s:\n%s\n' "$1" "$2"
	failed=1
}

# What is ours: all files that git knows, or everything but builds in a tree without git.
mapfile -t files < <(git ls-files 2>/dev/null | grep . ||
	find . -path './build*' -prune -o -path './.*' -prune -o -type f -printf '%P\n')
mapfile -t files < <(for f in "${files[@]}"; do [ -f "$f" ] && echo "$f"; done)
mapfile -t texts < <(printf '%s\n' "${files[@]}" | grep -v -E '^(COPYING|tests/fixtures/|tests/fuzz/corpus/)')

# A file is read in one go.  What is generated, and prose, may be longer.
long=$(for f in "${texts[@]}"; do
	case $f in
	man/* | completions/* | docs/* | schemas/* | *.out | *.screen) continue ;;
	esac
	[ "$(wc -l <"$f")" -le 700 ] || echo "$f has $(wc -l <"$f") lines"
done)
[ -z "$long" ] || bad "longer than 700 lines" "$long"

# Each pattern is written so that it doesn't find itself.
found=$(grep -n -I -E '\b(TODO|FIX[M]E|XX[X])\b' "${texts[@]}" | grep -v '^tests/lint/tree.sh:') &&
	bad "left for later" "$found"
mapfile -t code < <(printf '%s\n' "${texts[@]}" | grep -v '^tests/')
found=$(grep -n -I -E '(^|[^A-Za-z0-9_.])/(home|root|work|workspace|mnt|Users)/[A-Za-z0-9_.-]' "${code[@]}") &&
	bad "paths of one machine" "$found"
found=$(grep -n -I -E '/(work|workspace)/' "${texts[@]}" | grep -v '^tests/lint/tree.sh:') &&
	bad "paths of one machine" "$found"
found=$(grep -n -I -i -E 'https?://[a-z0-9.:-]*(mirror|proxy|cache|artifactory|nexus|\.internal|\.local\b|localhost|[0-9]+\.[0-9]+\.[0-9]+\.[0-9]+)' \
	"${texts[@]}" | grep -v '^tests/lint/tree.sh:') && bad "hosts that others don't have" "$found"
found=$(grep -n -I -E '[[:blank:]]$' "${texts[@]}" | grep -v -E '^(tests/.*\.(out|screen)|.*\.md):') &&
	bad "blanks at the end of lines" "$found"

mapfile -t scripts < <(for f in "${texts[@]}"; do
	head -c 32 "$f" | grep -a -q -E '^#!/bin/(ba)?sh' && echo "$f"
done)
found=$(for f in "${scripts[@]}"; do [ -x "$f" ] || echo "$f"; done)
[ -z "$found" ] || bad "scripts that can't be executed" "$found"
if command -v shellcheck >/dev/null; then
	# CDPATH= before a command is meant.
	shellcheck -x -e SC1007 "${scripts[@]}" completions/bash/* || failed=1
else
	echo "skip: shellcheck is not installed"
fi
exit $failed
