#!/bin/bash
# cmake --install puts everything where distributions expect it.  Usage: install.sh BIN (VM_BUILD=DIR)
set -eu
build=${VM_BUILD:-$(dirname "$1")}
to=$(mktemp -d)
trap 'rm -rf "$to"' EXIT
DESTDIR=$to cmake --install "$build" --prefix /usr >"$to/log" || { cat "$to/log"; exit 1; }
failed=0

wanted() {
	[ -s "$to/usr/$1" ] || { echo "not installed: $1"; failed=1; }
}

for command in "$1"/*; do
	name=${command##*/}
	wanted "bin/$name"
	wanted "share/man/man1/$name.1"
	wanted "share/bash-completion/completions/$name"
	wanted "share/zsh/vendor-completions/_$name"
	wanted "share/fish/vendor_completions.d/$name.fish"
	wanted "share/vmtop/schemas/$name-1.json"
	"$to/usr/bin/$name" --version >/dev/null || { echo "$name doesn't run where it is installed"; failed=1; }
done
wanted share/man/man7/vmtop-suite.7
wanted share/vmtop/schemas/sources-1.json
wanted share/vmtop/schemas/vmfault-event-1.json
wanted share/vmtop/schemas/vmdiff-trend-1.json
wanted libexec/vmtop/vmtlb-qemu.so
docs=$(cd "$to/usr" && echo share/doc/*)
wanted "$docs/COPYING"
wanted "$docs/README.md"

# Nothing else, and nothing that only the build machine has.
others=$(cd "$to/usr" && find . -type f | grep -v -E \
	'^\./(bin/vm|libexec/vmtop/|share/(man/man[17]|bash-completion|zsh/vendor-completions|fish|vmtop/schemas|doc)/)') &&
	{ echo "installed, but by whom: $others"; failed=1; }
exit $failed
