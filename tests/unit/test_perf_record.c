/** core/source/perf_record: what the kernel writes into rings, and what it never would. */
#include "core/source/perf_record.h"

#include <linux/perf_event.h>

#include "unit.h"

struct made {
	uint64_t word[64];
	size_t n;
};

static void put(struct made *m, uint64_t v)
{
	m->word[m->n++] = v;
}

static uint64_t two(uint32_t low, uint32_t high)
{
	return (uint64_t)high << 32 | low;
}

static void begin(struct made *m, uint32_t type, uint16_t misc)
{
	*m = (struct made){ .n = 1 };
	m->word[0] = two(type, misc);
}

static void put_text(struct made *m, const char *s)
{
	memcpy(&m->word[m->n], s, strlen(s) + 1);
	m->n += strlen(s) / 8 + 1;
}

static void end(struct made *m, bool trailer)
{
	if (trailer) {
		put(m, two(42, 43));
		put(m, 777);
		put(m, 5);
	}
	m->word[0] |= (uint64_t)(m->n * 8) << 48;
}

static const struct vm_perf_form plain = { 0 }, full = { .stacks = true, .user_ip = true, .page_size = true };

static bool parse(const struct made *m, const struct vm_perf_form *form, struct vm_perf_record *out)
{
	ck_assert_uint_eq(vm_perf_record_parse(m->word, m->n * 8, form, out), m->n * 8);
	return out->type != 0;
}

static void begin_sample(struct made *m, uint16_t misc)
{
	begin(m, PERF_RECORD_SAMPLE, misc);
	put(m, 9);
	put(m, 0xffffffff81000000);
	put(m, two(42, 43));
	put(m, 1234);
	put(m, 0x7f0000001008);
}

START_TEST(samples)
{
	struct made m;
	struct vm_perf_record r;
	begin_sample(&m, PERF_RECORD_MISC_USER);
	end(&m, false);
	ck_assert(parse(&m, &plain, &r));
	ck_assert_uint_eq(r.type, PERF_RECORD_SAMPLE);
	ck_assert(!r.kernel && r.pid == 42 && r.tid == 43);
	ck_u64_eq(r.id, 9);
	ck_u64_eq(r.time_ns, 1234);
	ck_u64_eq(r.address, 0x7f0000001008);
	ck_u64_eq(r.user_ip, 0xffffffff81000000);
	ck_u64_eq(r.page_size, 0);
	/* From kernel mode nothing tells the program's instruction, unless it was asked for. */
	begin_sample(&m, PERF_RECORD_MISC_KERNEL);
	end(&m, false);
	ck_assert(parse(&m, &plain, &r));
	ck_assert(r.kernel && !r.marked);
	ck_u64_eq(r.user_ip, 0);
	begin_sample(&m, PERF_RECORD_MISC_KERNEL);
	put(&m, 0);
	end(&m, false);
	ck_assert(parse(&m, &plain, &r));
	ck_assert(r.marked);
	ck_u64_eq(r.page_size, 0);
}
END_TEST

START_TEST(full_samples)
{
	struct made m;
	struct vm_perf_record r;
	begin_sample(&m, PERF_RECORD_MISC_KERNEL);
	put(&m, 5);
	put(&m, (uint64_t)PERF_CONTEXT_KERNEL);
	put(&m, 0xffffffff81000000);
	put(&m, (uint64_t)PERF_CONTEXT_USER);
	put(&m, 0x1111);
	put(&m, 0x2222);
	put(&m, PERF_SAMPLE_REGS_ABI_64);
	put(&m, 0x1110);
	put(&m, 1 << 21);
	end(&m, false);
	ck_assert(parse(&m, &full, &r));
	ck_assert_uint_eq(r.depth, 2);
	ck_u64_eq(r.stack[0], 0x1111);
	ck_u64_eq(r.stack[1], 0x2222);
	ck_u64_eq(r.user_ip, 0x1110);
	ck_u64_eq(r.page_size, 1 << 21);
	ck_assert(!r.marked);
	/* No user space: no register follows. */
	begin_sample(&m, PERF_RECORD_MISC_KERNEL);
	put(&m, 0);
	put(&m, PERF_SAMPLE_REGS_ABI_NONE);
	put(&m, 0);
	put(&m, 4096);
	end(&m, false);
	ck_assert(parse(&m, &full, &r));
	ck_assert(r.marked);
	ck_assert_uint_eq(r.depth, 0);
	ck_u64_eq(r.user_ip, 0);
	ck_u64_eq(r.page_size, 4096);
}
END_TEST

/** What hardware events tell besides, in the order of enum perf_event_sample_format. */
START_TEST(weighted_samples)
{
	const struct vm_perf_form form = { .stacks = true, .page_size = true, .period = true, .data_source = true };
	struct made m;
	struct vm_perf_record r;
	for (unsigned marked = 0; marked < 2; marked++) {
		begin_sample(&m, PERF_RECORD_MISC_USER);
		put(&m, 1000);
		put(&m, 2);
		put(&m, (uint64_t)PERF_CONTEXT_USER);
		put(&m, 0x1111);
		if (marked)
			put(&m, 33);
		put(&m, 0x5080021);
		put(&m, 4096);
		end(&m, false);
		ck_assert(parse(&m, &form, &r));
		ck_u64_eq(r.period, 1000);
		ck_assert_uint_eq(r.depth, 1);
		ck_u64_eq(r.data_source, 0x5080021);
		ck_u64_eq(r.page_size, 4096);
		ck_assert_int_eq(r.marked, marked);
	}
	ck_assert((vm_perf_sample_type(&form, false) & (PERF_SAMPLE_PERIOD | PERF_SAMPLE_DATA_SRC)) ==
		  (PERF_SAMPLE_PERIOD | PERF_SAMPLE_DATA_SRC));
	ck_assert(!(vm_perf_sample_type(&full, false) & (PERF_SAMPLE_PERIOD | PERF_SAMPLE_DATA_SRC)));
}
END_TEST

START_TEST(chains_end_in_the_record)
{
	struct made m;
	struct vm_perf_record r;
	static const uint64_t wrong[] = { 3, 4, 1000, UINT64_MAX, UINT64_MAX / 8 + 1 };
	const struct vm_perf_form form = { .stacks = true };
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		begin_sample(&m, 0);
		put(&m, wrong[i]);
		put(&m, (uint64_t)PERF_CONTEXT_USER);
		put(&m, 1);
		end(&m, false);
		ck_assert(!parse(&m, &form, &r));
	}
}
END_TEST

START_TEST(mappings)
{
	struct made m;
	struct vm_perf_record r;
	begin(&m, PERF_RECORD_MMAP2, 0);
	put(&m, two(42, 43));
	put(&m, 0x1000);
	put(&m, 0x3000);
	put(&m, 0x5000);
	put(&m, two(8, 1));
	put(&m, 77);
	put(&m, 1);
	put(&m, two(5, 2));
	put_text(&m, "/lib/x");
	end(&m, true);
	ck_assert(parse(&m, &plain, &r));
	ck_assert_str_eq(r.name, "/lib/x");
	ck_assert(r.pid == 42 && r.dev_major == 8 && r.dev_minor == 1 && r.prot == 5 && r.flags == 2);
	ck_u64_eq(r.start, 0x1000);
	ck_u64_eq(r.length, 0x3000);
	ck_u64_eq(r.offset, 0x5000);
	ck_u64_eq(r.inode, 77);
	ck_u64_eq(r.time_ns, 777);
	/* Empty, or around the end of all addresses. */
	m.word[3] = 0;
	ck_assert(!parse(&m, &plain, &r));
	m.word[3] = UINT64_MAX;
	ck_assert(!parse(&m, &plain, &r));
	/* A name without an end. */
	m.word[3] = 1;
	memset(&m.word[9], 'x', 8);
	ck_assert(!parse(&m, &plain, &r));
}
END_TEST

START_TEST(tasks)
{
	struct made m;
	struct vm_perf_record r;
	begin(&m, PERF_RECORD_FORK, 0);
	put(&m, two(50, 42));
	put(&m, two(51, 43));
	put(&m, 1);
	end(&m, true);
	ck_assert(parse(&m, &plain, &r));
	ck_assert(r.pid == 50 && r.parent == 42 && r.tid == 51 && r.parent_tid == 43);
	begin(&m, PERF_RECORD_COMM, PERF_RECORD_MISC_COMM_EXEC);
	put(&m, two(42, 43));
	put_text(&m, "name");
	end(&m, true);
	ck_assert(parse(&m, &plain, &r));
	ck_assert(r.exec && r.pid == 42 && r.tid == 43);
	ck_assert_str_eq(r.name, "name");
	begin(&m, PERF_RECORD_LOST, 0);
	put(&m, 5);
	put(&m, 99);
	end(&m, true);
	ck_assert(parse(&m, &plain, &r));
	ck_u64_eq(r.lost, 99);
	begin(&m, PERF_RECORD_THROTTLE, 0);
	put(&m, 1);
	put(&m, 6);
	put(&m, 7);
	end(&m, true);
	ck_assert(parse(&m, &plain, &r));
	ck_u64_eq(r.id, 6);
	/* Of no interest, but as long as it says. */
	begin(&m, PERF_RECORD_UNTHROTTLE, 0);
	put(&m, 1);
	end(&m, true);
	ck_assert(!parse(&m, &plain, &r));
}
END_TEST

/** Each record cut off anywhere, in its size or in what is there of it. */
START_TEST(cut_off)
{
	static const uint32_t types[] = {
		PERF_RECORD_SAMPLE, PERF_RECORD_MMAP2, PERF_RECORD_FORK, PERF_RECORD_EXIT, PERF_RECORD_COMM, PERF_RECORD_LOST,
		PERF_RECORD_THROTTLE,
	};
	struct vm_perf_record r;
	for (size_t t = 0; t < sizeof(types) / sizeof(types[0]); t++) {
		for (unsigned size = 0; size <= 80; size++) {
			/* Of exactly its length, for the sanitizer. */
			unsigned char *data = malloc(size ? size : 1);
			struct perf_event_header h = { .type = types[t], .size = (uint16_t)size };
			memset(data, 0x41, size);
			memcpy(data, &h, size < sizeof(h) ? size : sizeof(h));
			const size_t n = vm_perf_record_parse(data, size, &full, &r);
			ck_assert_uint_eq(n, size >= sizeof(h) && size % 8 == 0 ? size : 0);
			ck_assert_uint_eq(vm_perf_record_parse(data, size / 2, &full, &r), 0);
			ck_assert_uint_eq(r.type, 0);
			free(data);
		}
	}
}
END_TEST

START_TEST(sample_types)
{
	ck_assert(!(vm_perf_sample_type(&plain, false) & (PERF_SAMPLE_CALLCHAIN | PERF_SAMPLE_REGS_USER | PERF_SAMPLE_DATA_PAGE_SIZE)));
	const uint64_t all = PERF_SAMPLE_CALLCHAIN | PERF_SAMPLE_REGS_USER | PERF_SAMPLE_DATA_PAGE_SIZE | PERF_SAMPLE_ADDR;
	ck_assert((vm_perf_sample_type(&full, false) & all) == all);
	ck_assert_int_eq(__builtin_popcountll(vm_perf_sample_type(&full, true) ^ vm_perf_sample_type(&full, false)), 1);
	ck_assert_int_le(__builtin_popcountll(vm_perf_user_regs()), 1);
}
END_TEST

UNIT_MAIN("perf_record", samples, full_samples, weighted_samples, chains_end_in_the_record, mappings, tasks, cut_off, sample_types)
