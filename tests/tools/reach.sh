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
