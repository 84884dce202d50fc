#!/bin/sh
# A pass over all tasks tells what /proc tells, on this kernel too: before Linux 6.2 counters are kept in another way.
exec test_tasks_live
