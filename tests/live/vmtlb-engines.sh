#!/bin/sh
# The engines of vmtlb --model, on programs that state their misses, one of them for another machine.
# Usage: vmtlb-engines.sh BIN_DIR
# shellcheck source=tests/tools/live.sh
. "$(dirname "$0")/../tools/live.sh"
has python3
command -v "qemu-$(uname -m)" >/dev/null || skip "package qemu-user is not installed"
has_built vmtlb
make_scratch
mkdir "$scratch/programs"
chmod 755 "$scratch" "$scratch/programs"
"${CC:-cc}" -O1 -pthread -o "$scratch/programs/walks" "$here/engines/walks.c" || skip "no C compiler"
for machine in aarch64 i386; do
	clang --target=$machine-linux-gnu -nostdlib -static -fuse-ld=lld -o "$scratch/programs/walks-$machine" \
		"$here/engines/walks-$machine.S" 2>"$scratch/log" || echo "no program for $machine: clang and lld would build it"
done
python3 -B "$here/engines/engines.py" "$bin" "$scratch" "$scratch/programs" || exit 1

# Root hides what ordinary users meet: once more without its powers, from a place that they can reach.
[ "$(id -u)" = 0 ] || exit 0
[ -d "$bin/../libexec" ] || skip "the engines aren't beside $bin: nothing without privileges"
mkdir -p "$scratch/copy/live"
cp -r "$bin" "$bin/../libexec" "$here/../tools" "$scratch/copy"
cp -r "$here/engines" "$here/vmtlb-engines.sh" "$scratch/copy/live"
chmod -R a+rX "$scratch/copy"
echo "as uid 65534:"
setpriv --reuid=65534 --regid=65534 --clear-groups --bounding-set=-all "$scratch/copy/live/vmtlb-engines.sh" \
	"$scratch/copy/$(basename "$bin")"
