#!/bin/bash
# Scripted screens: NAME.keys is played on a small captured machine; what it shows must be NAME.screen.
# run.sh BINDIR [NAME...]; UPDATE=1 rewrites the expectations.  Lines "# locale C" and "# fixture NAME" (one of tests/fixtures
# instead of the small machine), "# tree NAME" (one that is made of descriptions in tests/cli/NAME), and "# options OPTION..."
# are for us.
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
# On the machine 100 page faults a second, 60 KiB a second swapped out, and a tenth of the time waiting for memory.
sed -i 's/^pgfault .*/pgfault 1003000/; s/^pswpout .*/pswpout 470/' "$tmp/later/proc/vmstat"
sed -i 's/total=0/total=3000000/' "$tmp/later/proc/pressure/memory"
python3 "$here/../tools/mkrec.py" "$tmp/recording" 0="$tmp/root" 30="$tmp/later" 90="$tmp/root" || exit 1
# The same with a moment that is broken.
python3 "$here/../tools/mkrec.py" --whole 3 --break 2 "$tmp/broken" 0="$tmp/root" 30="$tmp/later" 90="$tmp/root" || exit 1
failed=0 count=0

# made_tree NAME: its path.
made_tree() {
	local tree=$tmp/tree-$1
	# Several scripts may play on it.
	[ -d "$tree" ] || sh "$here/../tools/mkdescribed.sh" "$1" "$tree" || return
	echo "$tree"
}

for keys in "$here"/*.keys; do
	name=$(basename "$keys" .keys)
	[ $# -eq 0 ] || [[ " $* " == *" $name "* ]] || continue
	locale=$(sed -n 's/^# locale //p' "$keys")
	read -ra options <<<"$(sed -n 's/^# options //p' "$keys")"
	fixture=$(sed -n 's/^# fixture //p' "$keys")
	made=$(sed -n 's/^# tree //p' "$keys")
	root=${fixture:+$here/../fixtures/}${fixture:-$tmp/root}
	if [ -n "$made" ]; then
		command -v python3 >/dev/null || { echo "left out: $name: python3 is not installed"; continue; }
		root=$(made_tree "$made") || exit 1
	fi
	count=$((count + 1))
	what=(--root "$root")
	! grep -q '^# replay$' "$keys" || what=(--replay "$tmp/recording")
	! grep -q '^# replay broken$' "$keys" || what=(--replay "$tmp/broken")
	# NAME.config is what the settings are before.
	mkdir -p "$tmp/config.$name/vmtop"
	[ ! -f "$here/$name.config" ] || cp "$here/$name.config" "$tmp/config.$name/vmtop/config"
	(cd "$tmp" && LC_ALL=${locale:-C.UTF-8} TZ=UTC XDG_CONFIG_HOME="$tmp/config.$name" "$bin/vmtop" "${what[@]}" --script "$keys" "${options[@]}") \
		>"$tmp/$name.screen" 2>"$tmp/$name.err"
	echo "exit $?" >>"$tmp/$name.screen"
	sed "s|$here/||" "$tmp/$name.err" >>"$tmp/$name.screen"
	sed -i "s|$tmp/||" "$tmp/$name.screen"
	[ ! -f "$here/$name.config" ] || cat "$tmp/config.$name/vmtop/config" >>"$tmp/$name.screen"
	if [ "${UPDATE:-}" = 1 ]; then
		cp "$tmp/$name.screen" "$here/$name.screen"
	elif ! diff -u "$here/$name.screen" "$tmp/$name.screen"; then
		echo "FAILED: $name (UPDATE=1 tests/tui/run.sh BINDIR $name takes the new screen)"
		failed=$((failed + 1))
	fi
done
echo "$count scripts, $failed failed"
[ "$failed" -eq 0 ]
