/** Faults of many threads: all in one mapping beside others that map and unmap, or each in a mapping of its own. */
#include <errno.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

#include "core/base/clock.h"
#include "core/base/str.h"
#include "workloads/faults.h"
#include "workloads/registry.h"

/** "fault_threads": what each thread saw of its own faults. */
static void truth_thread(struct vm_truth *t, pid_t tid, const struct vm_meter *m, uint64_t pages)
{
	vm_truth_object_begin(t);
	vm_truth_u64(t, "tid", (uint64_t)tid);
	vm_truth_u64(t, "pages", pages);
	vm_truth_meter(t, m);
	vm_truth_object_end(t);
}

/* fault-storm */

enum { STORM_SIZE, STORM_THREADS, STORM_CHURN, STORM_ROUNDS };

/** Pages that a churning thread maps, touches and unmaps at a time. */
enum { CHURN_PAGES = 8 };

static const struct vm_param storm_params[] = {
	{ "size", "bytes to touch for the first time, by all threads together", VM_P_SIZE, .def = "16M", .min = 1 },
	{ "threads", "how many share that", VM_P_U64, .def = "4", .min = 1, .max = 1024 },
	{ "churn", "threads beside them that map, touch and unmap meanwhile", VM_P_U64, .def = "1", .max = 1024 },
	VM_ROUNDS_PARAM,
	{ .name = NULL }
};

struct storm;

struct storm_thread {
	struct storm *all;
	pthread_t id;
	pid_t tid;
	bool churns;
	char *p;
	uint64_t pages;            /* storm: to touch; churn: touched so far */
	struct vm_meter meter;
};

struct storm {
	const struct vm_lab *lab;
	struct vm_region r;        /* what is stormed */
	struct vm_region churn;    /* reserved addresses: a slot for each churning thread, and a page between two of them */
	struct storm_thread *v;
	uint64_t n;
	sem_t start;
	atomic_uint_fast64_t left; /* storming threads that aren't ready yet */
	atomic_bool failed;
	uint64_t rounds, ns;
};

static void churn(struct storm_thread *th)
{
	struct storm *s = th->all;
	const uint64_t size = CHURN_PAGES * s->lab->page;
	const int flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED | MAP_NORESERVE;
	do {
		/* The slot stays ours: nothing else may be mapped there in between. */
		if (mmap(th->p, size, PROT_READ | PROT_WRITE, flags, -1, 0) == MAP_FAILED) {
			s->failed = true;
			return;
		}
		vm_touch(s->lab, th->p, size);
		th->pages += CHURN_PAGES;
		if (mmap(th->p, size, PROT_NONE, flags, -1, 0) == MAP_FAILED)
			s->failed = true;
	} while (s->left && !s->failed);
}

static void *storm_main(void *arg)
{
	struct storm_thread *th = arg;
	th->tid = gettid();
	vm_meter_begin(&th->meter, RUSAGE_THREAD);
	while (sem_wait(&th->all->start) < 0)
		;
	if (th->churns) {
		churn(th);
	} else {
		vm_touch(th->all->lab, th->p, th->pages * th->all->lab->page);
		th->all->left--;
	}
	vm_meter_end(&th->meter, RUSAGE_THREAD);
	return NULL;
}

/** The threads of a round: each storming one has a part of the region, the first ones a page more. */
static void share_out(struct storm *s)
{
	const uint64_t pages = s->r.size / s->lab->page, storming = s->lab->arg[STORM_THREADS].u64;
	char *p = s->r.p;
	for (uint64_t i = 0; i < s->n; i++) {
		struct storm_thread *th = &s->v[i];
		*th = (struct storm_thread){ .all = s, .churns = i >= storming };
		if (th->churns) {
			th->p = s->churn.p + ((i - storming) * (CHURN_PAGES + 1) + 1) * s->lab->page;
			continue;
		}
		th->p = p;
		th->pages = pages / storming + (i < pages % storming);
		p += th->pages * s->lab->page;
	}
}

static int run_threads(struct storm *s, struct vm_err *err)
{
	uint64_t begun = 0;
	int r = 0;
	s->left = s->lab->arg[STORM_THREADS].u64;
	while (begun < s->n && r == 0) {
		r = pthread_create(&s->v[begun].id, NULL, storm_main, &s->v[begun]);
		begun += r == 0;
	}
	/* Those that churn don't wait for threads that never began. */
	if (r != 0)
		s->failed = true;
	const uint64_t since = vm_clock_ns();
	for (uint64_t i = 0; i < begun; i++)
		sem_post(&s->start);
	for (uint64_t i = 0; i < begun; i++)
		pthread_join(s->v[i].id, NULL);
	s->ns = vm_clock_ns() - since;
	if (r != 0)
		return vm_fail_os(err, r, "cannot start a thread");
	return s->failed ? vm_fail_os(err, ENOMEM, "cannot map memory in a thread") : 0;
}

static void storm_truth(const struct storm *s, struct vm_truth *t)
{
	uint64_t churned = 0;
	vm_truth_u64(t, "storm_ns", s->ns);
	vm_truth_array_begin(t, "fault_threads");
	for (uint64_t i = 0; i < s->n; i++) {
		truth_thread(t, s->v[i].tid, &s->v[i].meter, s->v[i].pages);
		churned += s->v[i].churns ? s->v[i].pages : 0;
	}
	vm_truth_array_end(t);
	vm_truth_array_begin(t, "mappings");
	vm_truth_anon_mapping(t, "storm", &s->r, "rw-p", s->r.size);
	vm_truth_array_end(t);
	vm_truth_array_begin(t, "faults");
	vm_truth_fault(t, &(struct vm_faults_fact){ .label = "storm", VM_FAULTS_IN(&s->r), .kind = "anon-first",
	               .count = s->r.size / s->lab->page });
	vm_truth_fault(t, &(struct vm_faults_fact){ .label = "churn", VM_FAULTS_IN(&s->churn), .kind = "anon-first",
	               .count = churned });
	vm_truth_array_end(t);
	char a[VM_NUMBUF];
	vm_truth_say(t, "%llu first touches in %s; beside them %llu in memory that came and went",
	             (unsigned long long)(s->r.size / s->lab->page), vm_format_duration(s->ns, a), (unsigned long long)churned);
}

static int storm_step(void *state, struct vm_truth *t, struct vm_err *err)
{
	struct storm *s = state;
	struct vm_meter m;
	vm_meter_begin(&m, RUSAGE_SELF);
	int r = vm_region_drop(&s->r, err);
	if (r < 0)
		return r;
	share_out(s);
	r = run_threads(s, err);
	if (r < 0)
		return r;
	vm_meter_end(&m, RUSAGE_SELF);
	vm_truth_meter(t, &m);
	storm_truth(s, t);
	return ++s->rounds < s->lab->arg[STORM_ROUNDS].u64;
}

static int storm_make(const struct vm_lab *lab, struct vm_truth *t, void **state, struct vm_err *err)
{
	const uint64_t churning = lab->arg[STORM_CHURN].u64;
	struct storm *s = *state = calloc(1, sizeof(*s));
	if (!s)
		return vm_fail_os(err, ENOMEM, "cannot keep the state");
	s->lab = lab;
	s->n = lab->arg[STORM_THREADS].u64 + churning;
	s->v = calloc(s->n, sizeof(*s->v));
	if (!s->v)
		return vm_fail_os(err, ENOMEM, "cannot keep the state");
	sem_init(&s->start, 0, 0);
	vm_no_huge_pages();
	int r = vm_region_map(&s->r, lab, lab->arg[STORM_SIZE].u64, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1,
	                      err);
	if (r == 0 && churning)
		r = vm_region_map(&s->churn, lab, (churning * (CHURN_PAGES + 1) + 1) * lab->page, PROT_NONE,
		                  MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, err);
	if (r == 0)
		r = storm_step(s, t, err);
	return r < 0 ? r : 0;
}

static void storm_done(void *state)
{
	struct storm *s = state;
	vm_region_unmap(&s->r);
	vm_region_unmap(&s->churn);
	sem_destroy(&s->start);
	free(s->v);
	free(s);
}

const struct vm_workload vm_workload_fault_storm = {
	.name = "fault-storm",
	.help = "faults: many threads touch new memory, others map and unmap",
	.shows = "vmfault,vmtop",
	.lesson = "Each first touch of a page is a fault of about a microsecond: the kernel finds the mapping, takes a page and "
	          "fills it with zeros.  Many threads at once share the page tables, and those that map and unmap hold up "
	          "the others.  Compare --threads 1 with more, and --churn 0 with 4: the same faults, other times.",
	.params = storm_params,
	.make = storm_make,
	.step = storm_step,
	.done = storm_done,
};

/* threads-faults */

enum { OWN_THREADS, OWN_PAGES, OWN_ROUNDS };

static const struct vm_param own_params[] = {
	{ "threads", "how many, which live on from round to round", VM_P_U64, .def = "4", .min = 1, .max = 1024 },
	{ "pages", "the first touches so many, the second twice as many, and so on", VM_P_U64, .def = "64", .min = 1,
	  .max = 1u << 20 },
	VM_ROUNDS_PARAM,
	{ .name = NULL }
};

struct own;

struct own_thread {
	struct own *all;
	pthread_t id;
	pid_t tid;
	sem_t go;
	struct vm_region r;
	struct vm_meter meter;
	bool failed;
};

struct own {
	const struct vm_lab *lab;
	struct own_thread *v;
	uint64_t n;                /* that were started */
	sem_t ready;
	bool over;
	uint64_t rounds;
};

static void *own_main(void *arg)
{
	struct own_thread *th = arg;
	th->tid = gettid();
	for (;;) {
		while (sem_wait(&th->go) < 0)
			;
		if (th->all->over)
			return NULL;
		vm_meter_begin(&th->meter, RUSAGE_THREAD);
		th->failed = vm_region_drop(&th->r, NULL) < 0;
		vm_touch(th->all->lab, th->r.p, th->r.size);
		vm_meter_end(&th->meter, RUSAGE_THREAD);
		sem_post(&th->all->ready);
	}
}

static void own_truth(const struct own *s, struct vm_truth *t)
{
	char label[VM_NUMBUF + 16];
	vm_truth_array_begin(t, "fault_threads");
	for (uint64_t i = 0; i < s->n; i++)
		truth_thread(t, s->v[i].tid, &s->v[i].meter, s->v[i].r.size / s->lab->page);
	vm_truth_array_end(t);
	vm_truth_array_begin(t, "faults");
	for (uint64_t i = 0; i < s->n; i++) {
		snprintf(label, sizeof(label), "thread %llu", (unsigned long long)i + 1);
		vm_truth_fault(t, &(struct vm_faults_fact){ .label = label, VM_FAULTS_IN(&s->v[i].r), .kind = "anon-first",
		               .count = s->v[i].r.size / s->lab->page });
	}
	vm_truth_array_end(t);
	vm_truth_say(t, "%llu threads, of which each touched as many pages more as the first one did",
	             (unsigned long long)s->n);
}

static int own_step(void *state, struct vm_truth *t, struct vm_err *err)
{
	struct own *s = state;
	struct vm_meter m;
	vm_meter_begin(&m, RUSAGE_SELF);
	for (uint64_t i = 0; i < s->n; i++)
		sem_post(&s->v[i].go);
	for (uint64_t i = 0; i < s->n; i++)
		while (sem_wait(&s->ready) < 0)
			;
	vm_meter_end(&m, RUSAGE_SELF);
	for (uint64_t i = 0; i < s->n; i++)
		if (s->v[i].failed)
			return vm_fail_os(err, ENOMEM, "cannot drop pages");
	vm_truth_meter(t, &m);
	own_truth(s, t);
	return ++s->rounds < s->lab->arg[OWN_ROUNDS].u64;
}

static int own_start(struct own *s, uint64_t i, struct vm_err *err)
{
	struct own_thread *th = &s->v[i];
	th->all = s;
	int r = vm_region_map(&th->r, s->lab, (i + 1) * s->lab->arg[OWN_PAGES].u64 * s->lab->page, PROT_READ | PROT_WRITE,
	                      MAP_PRIVATE | MAP_ANONYMOUS, -1, err);
	if (r < 0)
		return r;
	sem_init(&th->go, 0, 0);
	r = pthread_create(&th->id, NULL, own_main, th);
	if (r != 0)
		return vm_fail_os(err, r, "cannot start a thread");
	s->n++;
	return 0;
}

static int own_make(const struct vm_lab *lab, struct vm_truth *t, void **state, struct vm_err *err)
{
	const uint64_t threads = lab->arg[OWN_THREADS].u64;
	struct own *s = *state = calloc(1, sizeof(*s));
	if (!s)
		return vm_fail_os(err, ENOMEM, "cannot keep the state");
	s->lab = lab;
	sem_init(&s->ready, 0, 0);
	s->v = calloc(threads, sizeof(*s->v));
	if (!s->v)
		return vm_fail_os(err, ENOMEM, "cannot keep the state");
	vm_no_huge_pages();
	int r = 0;
	for (uint64_t i = 0; i < threads && r == 0; i++)
		r = own_start(s, i, err);
	if (r == 0)
		r = own_step(s, t, err);
	return r < 0 ? r : 0;
}

static void own_done(void *state)
{
	struct own *s = state;
	s->over = true;
	for (uint64_t i = 0; i < s->n; i++)
		sem_post(&s->v[i].go);
	for (uint64_t i = 0; i < s->n; i++)
		pthread_join(s->v[i].id, NULL);
	/* The last one may have been mapped and not started. */
	for (uint64_t i = 0; s->v && i < s->lab->arg[OWN_THREADS].u64; i++)
		vm_region_unmap(&s->v[i].r);
	sem_destroy(&s->ready);
	free(s->v);
	free(s);
}

const struct vm_workload vm_workload_threads_faults = {
	.name = "threads-faults",
	.help = "faults: each thread touches memory of its own, each a different amount",
	.shows = "vmfault",
	.lesson = "Page faults are counted for each thread, and added up for the process.  vmfault --by thread shows that "
	          "second thread makes twice as many as the first, the third three times as many.  The threads live on "
	          "from step to step: those that were there before somebody looked count as well.",
	.params = own_params,
	.make = own_make,
	.step = own_step,
	.done = own_done,
};
