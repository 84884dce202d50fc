#!/bin/bash
# The lints can fail: each rule meets a line that breaks it.  Usage: selftest.sh
set -u
here=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd)
scratch=$(mktemp -d) || exit 1
trap 'rm -rf "$scratch"' EXIT
failed=0
cp -r "$here/../../src" "$scratch/src"
cd "$scratch" || exit 1

# The tree as it is passes; else what follows proves nothing.
for lint in layers style; do
	bash "$here/$lint.sh" >"$scratch/out" 2>&1 || { echo "$lint.sh fails already:"; cat "$scratch/out"; failed=1; }
done
[ "$failed" = 0 ] || exit 1

# breaks LINT FILE LINE: with this line in that file the lint fails, and says where.
breaks() {
	local lint=$1 file=$2 line=$3
	cp "src/$file" "$scratch/kept"
	printf '%s\n' "$line" >>"src/$file"
	if bash "$here/$lint.sh" >"$scratch/out" 2>&1; then
		echo "FAIL: $lint.sh accepts '$line' in $file"
		failed=1
	elif ! grep -q "$file" "$scratch/out"; then
		echo "FAIL: $lint.sh doesn't say where '$line' is"
		failed=1
	fi
	cp "$scratch/kept" "src/$file"
}

breaks layers core/base/str.c '#include "core/model/aspace.h"'
breaks layers core/model/aspace.c '#include "core/field/field.h"'
breaks layers core/model/kind.h '#include "core/source/session.h"'
breaks layers core/analysis/group.c '#include "core/source/source.h"'
breaks layers core/analysis/group.c '#include "cli/command.h"'
breaks layers core/field/field.c '#include "core/source/maps.h"'
breaks layers core/source/maps.c '#include "core/field/field.h"'
breaks layers core/source/maps.c '#include "cli/opt.h"'
breaks layers cli/render/report.c '#include "core/model/aspace.h"'
breaks layers cli/render/report.h '#include "core/source/session.h"'
breaks layers cli/vmmap/vmmap.c '#include "cli/vmtop/vmtop.h"'
breaks layers cli/target.c '#include "cli/vmtop/vmtop.h"'
breaks layers workloads/anon.c '#include "core/model/vmflags.h"'
breaks layers core/model/aspace.c 'static int f(void) { return open("/proc/self/maps", 0); }'
breaks layers core/field/field.c 'static void f(void) { printf("x"); }'
breaks style cli/vmmap/vmmap.c 'static const char *f = "proc/self/maps";'
breaks style cli/vmmap/vmmap.c 'static const char *f = "/sys/kernel/mm";'
breaks style core/model/aspace.c '#include <libproc2/pids.h>'
breaks style cli/vmmap/vmmap.c '#include <numa.h>'
breaks style cli/vmmap/vmmap.c '#include <elfutils/libdw.h>'
breaks style cli/vmmap/vmmap.c '#include <ncurses.h>'
breaks style cli/render/report.c '#include <curses.h>'
breaks style core/base/str.c 'static void f(char *s) { sprintf(s, "x"); }'
breaks style core/base/str.c 'static void f(char *s) { strcpy(s, "x"); }'
breaks style cli/main.c 'static void f(void) { setlocale(LC_ALL, ""); }'
breaks style core/base/str.c 'static int f(char *s) { return atoi(s); }'
breaks style cli/vmmap/vmmap.c 'static int f(char *s) { return system(s); }'
breaks style cli/render/report.c 'static void f(void) { printf("x"); }'
breaks style core/base/err.c 'static void f(void) { exit(1); }'

sed -i 's/^#ifndef VM_/#ifndef XX_/' src/core/base/vec.h
bash "$here/style.sh" >"$scratch/out" 2>&1 && { echo "FAIL: style.sh accepts a header without a guard"; failed=1; }
cp "$here/../../src/core/base/vec.h" src/core/base/vec.h
sed -i '1i #include <stdio.h>' src/core/base/arena.c
bash "$here/style.sh" >"$scratch/out" 2>&1 && { echo "FAIL: style.sh accepts another header first"; failed=1; }
[ "$failed" = 0 ] && echo "every rule can fail"
exit "$failed"
