/** vmrec --info: every frame is read, so that what is said to be whole is. */

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "cli/vmrec/vmrec.h"
#include "core/base/err.h"
#include "core/base/json.h"
#include "core/base/str.h"
#include "core/source/recording.h"

struct info {
	struct vm_recording *rec;
	size_t frames, broken;
	size_t first_broken;       /* counted from 1; 0: none */
	struct vm_rec_summary last;        /* of the last frame that can be read */
	uint64_t usual_ns;         /* between frames: the median */
	int64_t first_ns, last_ns;
};

static int compare(const void *a, const void *b)
{
	const uint64_t *x = a, *y = b;
	return (*x > *y) - (*x < *y);
}

/** The median; across the end of one run and the beginning of the next it says nothing, and there are few of those. */
static uint64_t usual_interval(const struct vm_recording *r)
{
	const size_t n = vm_recording_count(r) - 1;
	uint64_t *step = n ? calloc(n, sizeof(*step)) : NULL;
	if (!step)
		return 0;
	for (size_t i = 0; i < n; i++) {
		const uint64_t a = vm_recording_moment(r, i)->boot_ns, b = vm_recording_moment(r, i + 1)->boot_ns;
		step[i] = b > a ? b - a : 0;
	}
	qsort(step, n, sizeof(*step), compare);
	const uint64_t median = step[n / 2];
	free(step);
	return median;
}

static int read_all(struct info *in, struct vm_err *err)
{
	in->frames = vm_recording_count(in->rec);
	in->first_ns = vm_recording_moment(in->rec, 0)->real_ns;
	in->last_ns = vm_recording_moment(in->rec, in->frames - 1)->real_ns;
	in->usual_ns = usual_interval(in->rec);
	bool known = false;
	for (size_t i = 0; i < in->frames; i++) {
		struct vm_err why = { 0 };
		int r = vm_recording_read(in->rec, i, &why);
		if (r == -ENOTSUP || r == -ENOMEM) {
			*err = why;
			return r;
		}
		in->broken += r < 0;
		if (r < 0 && !in->first_broken)
			in->first_broken = i + 1;
		known = r == 0;
	}
	if (!known) {
		struct vm_err ignored;
		for (size_t i = in->frames; i-- > 0 && !known;)
			known = vm_recording_read(in->rec, i, &ignored) == 0;
	}
	if (known)
		vm_recording_sum_up(in->rec, &in->last);
	return 0;
}

static const char *put_time(int64_t ns, bool utc, char to[static 48])
{
	time_t t = (time_t)(ns / 1000000000);
	struct tm tm;
	if (utc)
		gmtime_r(&t, &tm);
	else
		localtime_r(&t, &tm);
	size_t n = strftime(to, 48, "%Y-%m-%dT%H:%M:%S", &tm);
	if (utc)
		snprintf(to + n, 48 - n, ".%03dZ", (int)(ns % 1000000000 / 1000000));
	else
		strftime(to + n, 48 - n, "%z", &tm);
	return to;
}

static void show_text(const struct info *in, const char *file, FILE *out)
{
	char from[48], to[48], a[VM_NUMBUF], b[VM_NUMBUF];
	const uint64_t bytes = vm_recording_bytes(in->rec), lost = vm_recording_lost(in->rec);
	const double hours = (double)(in->last_ns - in->first_ns) / 3.6e12;
	fprintf(out, "%s   %s, Linux %s\n", file, in->last.host[0] ? in->last.host : "-", in->last.kernel[0] ? in->last.kernel : "-");
	fprintf(out, "from       %s\n", put_time(in->first_ns, false, from));
	fprintf(out, "to         %s", put_time(in->last_ns, false, to));
	if (in->last_ns > in->first_ns)
		fprintf(out, "   %s", vm_format_duration((uint64_t)(in->last_ns - in->first_ns), a));
	fprintf(out, "\nframes     %zu", in->frames);
	if (in->usual_ns)
		fprintf(out, ", usually every %s", vm_format_duration(in->usual_ns, a));
	fprintf(out, "\nsize       %s", vm_format_size(bytes, a));
	/* Of a minute and more: the first frame is much larger than the others. */
	if (hours > 1.0 / 60)
		fprintf(out, ", %s an hour", vm_format_size((uint64_t)((double)bytes / hours), b));
	fprintf(out, "\nprocesses  %zu in the last frame, %zu of them with mappings\n", in->last.processes, in->last.with_mappings);
	if (!vm_recording_closed(in->rec))
		fprintf(out, "end        it has no index: still being written, or ended half-way; complete frames are read\n");
	if (lost)
		fprintf(out, "lost       %" PRIu64 " bytes that are no complete frame\n", lost);
	if (in->broken)
		fprintf(out, "broken     %zu frame%s can't be read, the first of them is #%zu\n", in->broken, in->broken == 1 ? "" : "s",
			in->first_broken);
}

static void show_json(const struct info *in, const char *file, struct vm_json *j)
{
	char time[48];
	vm_json_object_begin(j);
	vm_json_put_str(j, "schema", "vmrec/1");
	vm_json_put_str(j, "file", file);
	vm_json_put_str(j, "host", in->last.host[0] ? in->last.host : NULL);
	vm_json_put_str(j, "kernel", in->last.kernel[0] ? in->last.kernel : NULL);
	vm_json_put_str(j, "first_time", put_time(in->first_ns, true, time));
	vm_json_put_str(j, "last_time", put_time(in->last_ns, true, time));
	vm_json_put_u64(j, "frames", in->frames);
	vm_json_put_u64(j, "broken_frames", in->broken);
	vm_json_key(j, "interval_ns");
	if (in->frames > 1)
		vm_json_u64(j, in->usual_ns);
	else
		vm_json_null(j);
	vm_json_put_u64(j, "size_bytes", vm_recording_bytes(in->rec));
	vm_json_put_u64(j, "lost_bytes", vm_recording_lost(in->rec));
	vm_json_put_bool(j, "closed", vm_recording_closed(in->rec));
	vm_json_put_u64(j, "processes", in->last.processes);
	vm_json_put_u64(j, "processes_with_mappings", in->last.with_mappings);
	vm_json_object_end(j);
}

int vmrec_info(const struct vmrec_options *o, FILE *out, struct vm_err *err)
{
	struct info in = { 0 };
	int r = vm_recording_open(o->info, &in.rec, err);
	if (r == 0)
		r = read_all(&in, err);
	if (r == 0 && o->json) {
		struct vm_json j = { .out = out };
		show_json(&in, o->info, &j);
		r = vm_json_finish(&j);
		if (r < 0)
			vm_fail_os(err, -r, "cannot write the output");
	} else if (r == 0) {
		show_text(&in, o->info, out);
	}
	vm_recording_close(in.rec);
	return r;
}
