/** What every fuzz target needs. */
#ifndef VM_TESTS_FUZZ_H
#define VM_TESTS_FUZZ_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/** An invariant: said and aborted on where it doesn't hold. */
#define HOLDS(condition) \
	do { \
		if (!(condition)) { \
			fprintf(stderr, "%s:%d: does not hold: %s\n", __FILE__, __LINE__, #condition); \
			abort(); \
		} \
	} while (0)

/** The input as text of exactly its length, so that reading beyond it is seen.  Freed by the caller. */
static inline char *fuzz_text(const uint8_t *data, size_t size)
{
	char *text = malloc(size + 1);
	if (!text)
		exit(0);
	memcpy(text, data, size);
	text[size] = '\0';
	return text;
}

/** The same without the NUL: for parsers that are given a length. */
static inline char *fuzz_bytes(const uint8_t *data, size_t size)
{
	char *bytes = malloc(size ? size : 1);
	if (!bytes)
		exit(0);
	memcpy(bytes, data, size);
	return bytes;
}

#endif
