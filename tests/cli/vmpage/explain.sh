# Parts of addresses: both halves, the hole between them, and what only five levels reach.
run vmpage --explain 7f3a12c05a10
run vmpage --explain 0x0 ffffffffffffffff
run vmpage --explain ffffffff81000000
run vmpage --explain 800000000000
run vmpage --explain ff11000000000000
run vmpage --explain 8000000000000000
run vmpage --explain --arch arm64 ffff800010080000
run vmpage --explain --arch arm64 0001000000000000
run vmpage --explain --csv 7f3a12c05a10
run vmpage --explain -o PART,INDEX,BINARY --filter 'PART != offset' 7f3a12c05a10
run_line "vmpage -J --explain 7f3a12c05a10 | jq -c 'del(.host, .kernel, .time, .took_ns)'"
run vmpage --explain
run vmpage --explain 7f3a12c05a10 zz
run vmpage --explain 10000000000000000
run vmpage --explain --arch x86-64 --runs 1000
run vmpage --arch arm64 1000
run vmpage --explain --arch riscv 1000
run vmpage --explain -o PFN 1000
run vmpage --explain --arch arm64 ffff000000000000 0000800000000000
