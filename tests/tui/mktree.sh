#!/bin/sh
# A small machine as a captured tree: mktree.sh DIR.  Five processes and a kernel thread, one of them hostile.
set -eu
top=$1
mkdir -p "$top/proc/pressure" "$top/proc/sys/kernel" "$top/etc"
echo testhost >"$top/proc/sys/kernel/hostname"
echo 6.12.0-test >"$top/proc/sys/kernel/osrelease"
echo "some avg10=1.25 avg60=0.00 avg300=0.00 total=0" >"$top/proc/pressure/memory"
printf 'root:x:0:0::/root:/bin/sh\npostgres:x:100:100::/:/bin/sh\nann:x:1000:1000::/:/bin/sh\n' >"$top/etc/passwd"
cat >"$top/proc/meminfo" <<END
MemTotal:        8388608 kB
MemFree:         2097152 kB
MemAvailable:    5242880 kB
Buffers:          131072 kB
Cached:          2621440 kB
SwapTotal:       1048576 kB
SwapFree:         786432 kB
AnonPages:       2097152 kB
Shmem:            524288 kB
Slab:             786432 kB
PageTables:        65536 kB
END
printf 'pgfault 1000000\npgmajfault 500\npswpin 10\npswpout 20\n' >"$top/proc/vmstat"

# process PID COMM FLAGS UID RSS_KIB ANON_KIB SWAP_KIB PSS_KIB USS_KIB, arguments on standard input
process() {
	d=$top/proc/$1
	mkdir -p "$d"
	tr '\n' '\0' >"$d/cmdline"
	printf '%s (%s) S %s 1 1 0 -1 %s 4321 0 7 0 10 5 0 0 20 0 1 0 %s00 %s %s 18446744073709551615 0 0 0 0 0 0 0 0 0 0 0 0 17 0 0 0 0 0 0 0 0 0 0 0 0 0 0\n' \
		"$1" "$2" "${parent:-0}" "$3" "$1" $(($5 * 4096)) $(($5 / 4)) >"$d/stat"
	if [ "$5" = 0 ]; then
		printf 'Name:\t%s\nUid:\t%s\t%s\t%s\t%s\nThreads:\t1\n' "$2" "$4" "$4" "$4" "$4" >"$d/status"
		return
	fi
	printf 'Name:\t%s\nUid:\t%s\t%s\t%s\t%s\nVmPeak:\t%s kB\nVmSize:\t%s kB\nVmLck:\t0 kB\nVmPin:\t0 kB\nVmHWM:\t%s kB\nVmRSS:\t%s kB\nRssAnon:\t%s kB\nRssFile:\t%s kB\nRssShmem:\t0 kB\nVmData:\t%s kB\nVmStk:\t132 kB\nVmExe:\t100 kB\nVmLib:\t2000 kB\nVmPTE:\t60 kB\nVmSwap:\t%s kB\nHugetlbPages:\t0 kB\nThreads:\t1\n' \
		"$2" "$4" "$4" "$4" "$4" $(($5 * 4)) $(($5 * 4)) "$5" "$5" "$6" $(($5 - $6)) "$6" "$7" >"$d/status"
	printf '55d000000000-7ffe00000000 ---p 00000000 00:00 0 [rollup]\nRss: %s kB\nPss: %s kB\nPss_Dirty: 0 kB\nShared_Clean: 0 kB\nShared_Dirty: 0 kB\nPrivate_Clean: 0 kB\nPrivate_Dirty: %s kB\nReferenced: %s kB\nAnonymous: %s kB\nSwapPss: %s kB\nLocked: 0 kB\n' \
		"$5" "$8" "$9" "$5" "$6" "$7" >"$d/smaps_rollup"
	printf 'Limit                     Soft Limit           Hard Limit           Units\nMax locked memory         8388608              8388608              bytes\n' >"$d/limits"
}

# mapping RANGE PERM INODE NAME SIZE_KIB RSS_KIB PSS_KIB DIRTY_KIB FLAGS
mapping() {
	printf '%s %s 00000000 08:01 %s %s\nSize: %s kB\nKernelPageSize: 4 kB\nMMUPageSize: 4 kB\nRss: %s kB\nPss: %s kB\nShared_Clean: 0 kB\nShared_Dirty: 0 kB\nPrivate_Clean: %s kB\nPrivate_Dirty: %s kB\nReferenced: %s kB\nAnonymous: %s kB\nAnonHugePages: 0 kB\nSwap: 0 kB\nSwapPss: 0 kB\nLocked: 0 kB\nTHPeligible: 0\nVmFlags: %s\n' \
		"$1" "$2" "$3" "$4" "$5" "$6" "$7" $(($7 - $8)) "$8" "$6" "$8" "$9" >>"$top/proc/$pid/smaps"
	printf '%s %s 00000000 08:01 %s %s\n' "$1" "$2" "$3" "$4" >>"$top/proc/$pid/maps"
}

printf '/sbin/init\nsplash\n' | process 1 systemd 4194560 0 12288 4096 0 6144 4000
printf '' | process 2 kthreadd 2129984 0 0 0 0 0 0
parent=1
printf 'postgres: writer\n' | process 300 postgres 4194304 100 409600 204800 2048 102400 81920
parent=300
printf 'postgres: checkpointer\n' | process 301 postgres 4194304 100 204800 102400 0 51200 20480
parent=1
printf -- '-bash\n' | process 500 bash 4194304 1000 5120 2048 0 1024 512
parent=500
printf 'evil\033[2J\037\377name\n--x\n' | process 666 'e) R (vil' 4194304 1000 3072 1024 0 3072 3072
pid=300
mapping 55d000000000-55d000100000 r-xp 11 /usr/lib/postgresql/15/bin/postgres 1024 800 400 0 'rd ex mr mw me'
mapping 55d001000000-55d001400000 rw-p 0 '[heap]' 4096 4096 4096 4096 'rd wr mr mw me ac'
mapping 7f0000000000-7f0010000000 rw-s 12 '/dev/zero (deleted)' 262144 200000 50000 50000 'rd wr sh mr mw me ms'
mapping 7f0020000000-7f0020200000 r--p 13 '/usr/share/locale/x\012y/a very long name of a file that will not fit anywhere' 2048 100 100 0 'rd mr mw me'
mapping 7ffd00000000-7ffd00021000 rw-p 0 '[stack]' 132 20 20 20 'rd wr mr mw me gd ac'
