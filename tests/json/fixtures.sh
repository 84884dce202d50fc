#!/bin/bash
# The JSON of vmmap on all captured trees, by schema and by arithmetic.  Usage: fixtures.sh BIN_DIR
set -u
here=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd)
bin=${1:-${VM_BIN:-}}
[ -n "$bin" ] || { echo "usage: $0 BIN_DIR" >&2; exit 2; }
[ -x "$bin/vmmap" ] || { echo "skip: no vmmap in $bin"; exit 77; }
python=/usr/bin/python3
"$python" -c 'import jsonschema' 2>/dev/null || python=python3
"$python" -c 'import jsonschema' 2>/dev/null || { echo "skip: python3-jsonschema is not installed"; exit 77; }
exec "$python" -B "$here/invariants.py" "$bin/vmmap" "$here/../fixtures" "$here/../../schemas"
