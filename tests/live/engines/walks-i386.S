/* The same for a 32-bit machine, where the emulator chooses the address. */
	.globl _start
	.equ PAGES, 4096
	.equ ROUNDS, 10
_start:
	mov $192, %eax		/* mmap2 */
	xor %ebx, %ebx
	mov $(PAGES << 12), %ecx
	mov $3, %edx		/* PROT_READ | PROT_WRITE */
	mov $0x22, %esi		/* MAP_PRIVATE | MAP_ANONYMOUS */
	mov $-1, %edi
	xor %ebp, %ebp
	int $0x80
	mov %eax, %esi
	mov $ROUNDS, %edi
1:	mov %esi, %ebx
	mov $PAGES, %ecx
2:	mov (%ebx), %eax
	add $4096, %ebx
	dec %ecx
	jnz 2b
	dec %edi
	jnz 1b
	mov $252, %eax		/* exit_group */
	mov $7, %ebx
	int $0x80
