# shellcheck shell=sh
# Sourced by tests that repeat themselves as uid 65534, which may not be able to reach the checkout.

# reachable DIR: prints DIR if uid 65534 can use what is in it, else a copy that it can, below $scratch
# (which the caller made and removes).
reachable() {
	if setpriv --reuid=65534 --regid=65534 --clear-groups --bounding-set=-all test -r "$1/." -a -x "$1/." 2>/dev/null; then
		echo "$1"
		return
	fi
	chmod 755 "${scratch:?}"
	copy=$scratch/$(basename "$1")
	cp -rL "$1" "$copy" && chmod -R a+rX "$copy" && echo "$copy"
}

# as_nobody_too STATUS DIR SCRIPT BIN: ends with STATUS unless root's run went well; root hides what ordinary users
# meet, so then the script runs once more without its powers, from a place that they can reach.
as_nobody_too() {
	if [ "$(id -u)" != 0 ] || [ "$1" != 0 ]; then
		exit "$1"
	fi
	their_bin=$(reachable "$4")
	# With what stands beside it: the script needs tools/.
	their_tests=$(reachable "$(dirname "$2")")/$(basename "$2")
	echo "as uid 65534:"
	their_status=0
	setpriv --reuid=65534 --regid=65534 --clear-groups --bounding-set=-all "$their_tests/$3" "$their_bin" || their_status=$?
	# Root's run was one; the skip is told by a line of its own.
	[ $their_status = 77 ] || return $their_status
}
