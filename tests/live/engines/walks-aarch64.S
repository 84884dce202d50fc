/* The same for another machine: 4096 pages, 10 rounds, exit status 7. */
	.globl _start
	.equ PAGES, 4096
	.equ ROUNDS, 10
_start:
	mov x0, #0x10000000000
	mov x1, #(PAGES << 12)
	mov x2, #3		/* PROT_READ | PROT_WRITE */
	mov x3, #0x32		/* MAP_PRIVATE | MAP_FIXED | MAP_ANONYMOUS */
	mov x4, #-1
	mov x5, #0
	mov x8, #222		/* mmap */
	svc #0
	mov x9, x0
	mov x1, #(PAGES << 12)
	mov x2, #15		/* MADV_NOHUGEPAGE */
	mov x8, #233		/* madvise */
	svc #0
	mov x10, #ROUNDS
1:	mov x11, x9
	mov x12, #PAGES
2:	ldr x13, [x11]
	add x11, x11, #4096
	subs x12, x12, #1
	b.ne 2b
	subs x10, x10, #1
	b.ne 1b
	mov x0, #7
	mov x8, #94		/* exit_group */
	svc #0
