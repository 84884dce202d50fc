#include "core/base/clock.h"

#include <time.h>

static uint64_t read_ns(clockid_t id)
{
	struct timespec ts;
	clock_gettime(id, &ts);
	return (uint64_t)ts.tv_sec * 1000000000u + (uint64_t)ts.tv_nsec;
}

uint64_t vm_clock_ns(void)
{
	return read_ns(CLOCK_MONOTONIC);
}

uint64_t vm_clock_boot_ns(void)
{
	return read_ns(CLOCK_BOOTTIME);
}

uint64_t vm_clock_real_ns(void)
{
	return read_ns(CLOCK_REALTIME);
}

uint64_t vm_clock_cpu_ns(void)
{
	return read_ns(CLOCK_PROCESS_CPUTIME_ID);
}

int vm_clock_sleep_until(uint64_t deadline_ns)
{
	const struct timespec ts = {
		.tv_sec = (time_t)(deadline_ns / 1000000000u),
		.tv_nsec = (long)(deadline_ns % 1000000000u),
	};
	return -clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &ts, NULL);
}
