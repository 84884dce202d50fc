#include "core/source/wsothers.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/buf.h"
#include "core/source/session.h"
#include "core/source/source.h"

/** include/linux/vm_event_item.h; not those by kind of memory or zone, which are parts of these. */
static bool is_scan(const char *line)
{
	static const char *const names[] = { "pgscan_kswapd ", "pgscan_direct ", "pgscan_khugepaged ", "pgscan_proactive " };
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (strncmp(line, names[i], strlen(names[i])) == 0)
			return true;
	return false;
}

void vm_ws_others_read(struct vm_session *s, struct vm_ws_others *out)
{
	out->scanned = UINT64_MAX;
	if (vm_session_slurp(s, &s->scratch, "proc/vmstat") <= 0)
		return;
	out->scanned = 0;
	for (const char *line = s->scratch.s; *line; line++) {
		if (is_scan(line))
			out->scanned += strtoull(strchr(line, ' '), NULL, 10);
		line = strchr(line, '\n');
		if (!line)
			break;
	}
}

void vm_ws_others_damon(struct vm_session *s, struct vm_buf *names)
{
	struct vm_pids pids = { 0 };
	const bool any = vm_proc_find(s, "^kdamond", &pids, NULL) == 0;
	for (size_t i = 0; any && i < pids.n; i++) {
		if (vm_session_slurp(s, &s->scratch, "proc/%d/comm", pids.v[i]) <= 0)
			continue;
		vm_buf_add_str(names, names->n ? ", " : "");
		vm_buf_add(names, s->scratch.s, strcspn(s->scratch.s, "\n"));
	}
	vm_vec_free(&pids);
}
