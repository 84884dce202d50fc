#!/bin/sh
# vmdoctor's claims against reality: what is said to work is done by other means, or by the commands that want it.
# Usage: vmdoctor.sh BIN_DIR
# shellcheck source=tests/tools/live.sh
. "$(dirname "$0")/../tools/live.sh"
has python3
has_built vmdoctor
make_scratch
# Nobody has to reach them.
chmod 755 "$scratch"
mkdir "$scratch/bin" || exit 1
for program in "$bin/vmdoctor" "$bin/vmpage" "$bin/vmfault" "$bin/vmtlb" "$bin/../tests/libfakepmu.so" "$bin/libfakepmu.so"; do
	[ ! -e "$program" ] || cp "$program" "$scratch/bin/" || exit 1
done
bin=$scratch/bin
run_everywhere doctor/doctor.py "$bin"
