#include "core/source/pageidle.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/base/err.h"
#include "core/source/session.h"

/** The file is an array of these, read and written whole, in the machine's byte order: frame n is bit n % 64 of word n / 64. */
enum { WORD_BITS = 64, WORDS = 512, GAP_WORDS = 16 };

int vm_pageidle_open(struct vm_session *s, struct vm_err *err)
{
	const int fd = vm_session_open_file(s, O_RDWR, "sys/kernel/mm/page_idle/bitmap");
	if (fd == -ENOENT)
		return vm_fail(err, EOPNOTSUPP, "this kernel tracks no idle pages (CONFIG_IDLE_PAGE_TRACKING)");
	if (fd < 0) {
		vm_fail_os(err, -fd, "cannot open /sys/kernel/mm/page_idle/bitmap");
		vm_hint(err, "run with sudo");
	}
	return fd;
}

static int by_pfn(const void *a_, const void *b_)
{
	const struct vm_idle_frame *a = a_, *b = b_;
	return a->pfn < b->pfn ? -1 : a->pfn > b->pfn;
}

/** Frames from `at` on whose words lie near each other: so many, in `words` from `first` on. */
static size_t piece(const struct vm_idle_frame *v, size_t n, size_t at, uint64_t *first, size_t *words)
{
	size_t end = at;
	uint64_t last = v[at].pfn / WORD_BITS;
	*first = last;
	for (; end < n; end++) {
		const uint64_t word = v[end].pfn / WORD_BITS;
		if (word - *first >= WORDS || word - last > GAP_WORDS)
			break;
		last = word;
	}
	*words = (size_t)(last - *first) + 1;
	return end - at;
}

int vm_pageidle_mark(int fd, struct vm_idle_frame *v, size_t n, struct vm_err *err)
{
	uint64_t word[WORDS], first;
	size_t words;
	if (n)
		qsort(v, n, sizeof(*v), by_pfn);
	for (size_t at = 0, k; at < n; at += k) {
		k = piece(v, n, at, &first, &words);
		memset(word, 0, words * sizeof(*word));
		for (size_t i = at; i < at + k; i++)
			word[v[i].pfn / WORD_BITS - first] |= UINT64_C(1) << v[i].pfn % WORD_BITS;
		/* Bits that aren't set are left alone; beyond the last frame there is nothing to write to. */
		if (pwrite(fd, word, words * sizeof(*word), (off_t)(first * sizeof(*word))) < 0 && errno != ENXIO)
			return vm_fail_os(err, errno, "cannot mark page frames idle");
	}
	return 0;
}

int vm_pageidle_read(int fd, struct vm_idle_frame *v, size_t n, struct vm_err *err)
{
	uint64_t word[WORDS], first;
	size_t words;
	if (n)
		qsort(v, n, sizeof(*v), by_pfn);
	for (size_t at = 0, k; at < n; at += k) {
		k = piece(v, n, at, &first, &words);
		const ssize_t got = pread(fd, word, words * sizeof(*word), (off_t)(first * sizeof(*word)));
		if (got < 0 && errno != ENXIO)
			return vm_fail_os(err, errno, "cannot read the idle marks of page frames");
		const size_t have = got < 0 ? 0 : (size_t)got / sizeof(*word);
		for (size_t i = at; i < at + k; i++) {
			const size_t w = (size_t)(v[i].pfn / WORD_BITS - first);
			v[i].idle = w < have && (word[w] >> v[i].pfn % WORD_BITS & 1);
		}
	}
	return 0;
}
