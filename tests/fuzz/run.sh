#!/bin/bash
# Each fuzz target for VM_FUZZ_SECONDS (5), starting from the committed corpus.
# Usage: tests/fuzz/run.sh BUILD_DIR.  Inputs that are found stay out of the source tree; what makes a
# target fail is left in BUILD_DIR/fuzz/found/ and named.
set -u
here=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd)
build=${1:-${VM_BUILD:-}}
seconds=${VM_FUZZ_SECONDS:-5}

skip() {
	echo "skip: $1"
	exit 77
}

[ -n "$build" ] || { echo "usage: $0 BUILD_DIR" >&2; exit 2; }
build=$(CDPATH='' cd -- "$build" && pwd) || exit 2
command -v clang >/dev/null || skip "clang is not installed"
runtime=$(clang -print-runtime-dir 2>/dev/null)
compgen -G "$runtime/libclang_rt.fuzzer*" >/dev/null || skip "clang's fuzzer runtime is not installed"
compgen -G "$build/fuzz/fuzz_*" >/dev/null || skip "$build has no fuzz targets (configure with VM_FUZZ=ON and clang)"

# The targets that were built, and every one of the source tree must be among them.
failed=0
mkdir -p "$build/fuzz/found"
for source in "$here"/fuzz_*.c; do
	name=$(basename "$source" .c)
	target=$build/fuzz/$name
	if [ ! -x "$target" ]; then
		echo "FAIL $name: was not built"
		failed=1
		continue
	fi
	if ! compgen -G "$here/corpus/${name#fuzz_}/*" >/dev/null; then
		echo "FAIL $name: has no corpus"
		failed=1
		continue
	fi
	work=$(mktemp -d)
	# First the corpus alone, so that a known input that fails is told as such.
	if ! "$target" -runs=0 -rss_limit_mb=2048 -artifact_prefix="$build/fuzz/found/$name-" \
		"$here/corpus/${name#fuzz_}" >"$work/log" 2>&1; then
		echo "FAIL $name: an input of the corpus fails"
		tail -n 40 "$work/log"
		failed=1
	elif ! "$target" -max_total_time="$seconds" -rss_limit_mb=2048 -timeout=20 -print_final_stats=1 \
		-artifact_prefix="$build/fuzz/found/$name-" "$work" "$here/corpus/${name#fuzz_}" >"$work/log" 2>&1; then
		echo "FAIL $name"
		tail -n 40 "$work/log"
		failed=1
	else
		echo "ok   $name: $(sed -n 's/^stat::number_of_executed_units: *//p' "$work/log") runs"
	fi
	rm -rf "$work"
done
exit "$failed"
