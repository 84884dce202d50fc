#!/bin/bash
# Scripted screens: NAME.keys is played on a small captured machine; what it shows must be NAME.screen.
# run.sh BINDIR [NAME...]; UPDATE=1 rewrites the expectations.  A first line "# locale C" chooses the locale.
set -u
bin=${1:?directory of the commands}
shift
here=$(cd "$(dirname "$0")" && pwd)
command -v "$bin/vmtop" >/dev/null || { echo "vmtop isn't built"; exit 77; }
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
sh "$here/mktree.sh" "$tmp/root" || exit 1
# A recording of it: half a minute later the database has grown, the editor is gone; then the machine is as it was.
cp -r "$tmp/root" "$tmp/later" || exit 1
for stat in "$tmp"/later/proc/[0-9]*/stat; do
	# Minor faults, and resident pages.
	awk '{ $10 += 3000; $24 += 1000; print }' "$stat" >"$tmp/stat" && cp "$tmp/stat" "$stat"
done
python3 "$here/../tools/mkrec.py" "$tmp/recording" 0="$tmp/root" 30="$tmp/later" 90="$tmp/root" || exit 1
failed=0 count=0
for keys in "$here"/*.keys; do
	name=$(basename "$keys" .keys)
	[ $# -eq 0 ] || [[ " $* " == *" $name "* ]] || continue
	locale=$(sed -n '1s/^# locale //p' "$keys")
	count=$((count + 1))
	what=(--root "$tmp/root")
	! grep -q '^# replay$' "$keys" || what=(--replay "$tmp/recording")
	(cd "$tmp" && LC_ALL=${locale:-C.UTF-8} TZ=UTC "$bin/vmtop" "${what[@]}" --script "$keys") \
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
