#include "core/model/system.h"

#include <math.h>

double vm_system_rate(const struct vm_system *cur, const struct vm_system *prev, enum vm_sysqty q)
{
	if (!vm_system_has(cur, q) || !vm_system_has(prev, q) || cur->q[q] < prev->q[q] ||
	    cur->taken_ns <= prev->taken_ns)
		return NAN;
	return (double)(cur->q[q] - prev->q[q]) / ((double)(cur->taken_ns - prev->taken_ns) / 1e9);
}
