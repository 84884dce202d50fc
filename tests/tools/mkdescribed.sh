#!/bin/sh
# The tree that the descriptions of tests/cli/COMMAND make: mkdescribed.sh COMMAND TREE.  Pages and frames need a description,
# as files of them would be large.
set -eu
here=$(CDPATH="" cd -- "$(dirname -- "$0")" && pwd)
from=$here/../cli/$1
for part in mkpagemap:space mkfiles:machine-6.18 mkfiles:space-files; do
	[ ! -f "$from/${part#*:}.txt" ] || python3 -B "$here/${part%:*}.py" "$from/${part#*:}.txt" "$2"
done
