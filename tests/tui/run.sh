#!/bin/bash
# Scripted screens: NAME.keys is played on a small captured machine; what it shows must be NAME.screen.
# run.sh BINDIR [NAME...]; UPDATE=1 rewrites the expectations.  Lines "# locale C" and "# fixture NAME" (one of tests/fixtures
# instead of the small machine) are for us.
set -u
bin=${1:?directory of the commands}
shift
here=$(cd "$(dirname "$0")" && pwd)
command -v "$bin/vmtop" >/dev/null || { echo "vmtop isn't built"; exit 77; }
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
sh "$here/mktree.sh" "$tmp/root" || exit 1
failed=0 count=0
for keys in "$here"/*.keys; do
	name=$(basename "$keys" .keys)
	[ $# -eq 0 ] || [[ " $* " == *" $name "* ]] || continue
	locale=$(sed -n 's/^# locale //p' "$keys")
	fixture=$(sed -n 's/^# fixture //p' "$keys")
	count=$((count + 1))
	(cd "$tmp" && LC_ALL=${locale:-C.UTF-8} TZ=UTC "$bin/vmtop" --root "${fixture:+$here/../fixtures/}${fixture:-$tmp/root}" --script "$keys") \
		>"$tmp/$name.screen" 2>"$tmp/$name.err"
	echo "exit $?" >>"$tmp/$name.screen"
	sed "s|$here/||" "$tmp/$name.err" >>"$tmp/$name.screen"
	if [ "${UPDATE:-}" = 1 ]; then
		cp "$tmp/$name.screen" "$here/$name.screen"
	elif ! diff -u "$here/$name.screen" "$tmp/$name.screen"; then
		echo "FAILED: $name (UPDATE=1 tests/tui/run.sh BINDIR $name takes the new screen)"
		failed=$((failed + 1))
	fi
done
echo "$count scripts, $failed failed"
[ "$failed" -eq 0 ]
