/* fault_point.h: named places where a test ends the process as kill -9 would, or freezes it.
 *
 * FAULT_POINT("name") is nothing in what is installed. In tests/integration/aloqd-faults, which is compiled with
 * ALOQD_FAULT_POINTS, it counts its passings, and the environment says at which one the process dies:
 *
 *   ALOQD_FAULT_POINT=NAME:NTH          at the NTH passing (from 1), at once
 *   ALOQD_FAULT_POINT=NAME:NTH:WAIT_MS  the thread stays there for WAIT_MS, then the process dies: what it has
 *                                       handed to other threads gets out, and the answer is never seen
 *   ALOQD_FAULT_POINT=NAME:NTH:+RUN_US  the thread goes on, and the process dies RUN_US after it was there: in
 *                                       the middle of a call that comes next
 *   ALOQD_FAULT_POINT=NAME:NTH:stop     the process is frozen there, by SIGSTOP, until it gets SIGCONT
 *   ALOQD_FAULT_POINT=NAME:NTH:hang     the thread stays there for ever, as in a call that does not return
 *   ALOQD_FAULT_HURRY=N                 FAULT_BOUND_US() is the Nth part of the bound: tests have no minutes
 *
 * ALOQD_FAULT_POINTS_PASSED=FILE appends the name of each point that is passed, once.
 *
 * Names say what was done last ("after-...") or would be done next ("before-..."). test_fault_points.py has a
 * case for every name in src/ and every delivery that passes it, and fails when one is without. Any thread. */
#pragma once
#include <stdint.h>

#ifdef ALOQD_FAULT_POINTS
#define FAULT_POINT(name) fault_point_pass(name)
/* Dies here, if it was asked for this passing. */
void fault_point_pass(const char *name);
#define FAULT_BOUND_US(us) fault_point_bound_us(us)
int64_t fault_point_bound_us(int64_t us);
#else
#define FAULT_POINT(name)  ((void)0)
#define FAULT_BOUND_US(us) (us)
#endif
