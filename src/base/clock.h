/* clock.h: the two clocks. Pure logic never calls them: it is told the time. */
#pragma once
#include <stdint.h>

#define USEC_PER_MSEC INT64_C(1000)
#define USEC_PER_SEC  INT64_C(1000000)

/* A point in time that never comes. */
#define CLOCK_NEVER INT64_MAX

/* Microseconds of CLOCK_MONOTONIC: for intervals and deadlines; a moved wall clock does not touch it. */
int64_t clock_monotonic_us(void);

/* Milliseconds since the epoch, UTC: only for what people or other machines read. */
int64_t clock_realtime_ms(void);

/* now + delay, without overflow. */
static inline int64_t clock_after_us(int64_t now_us, int64_t delay_us)
{
	return delay_us > CLOCK_NEVER - now_us ? CLOCK_NEVER : now_us + delay_us;
}
