/* rate_meter.h: how fast a counter has grown lately. Pure; the caller owns the clock.
 *
 * A mean over about the last ten seconds: long enough to be steady, short enough to show at once that nothing moves
 * any more. */
#pragma once
#include <stddef.h>
#include <stdint.h>

enum { RATE_METER_SAMPLES = 11 };

/* Zeroed at first. */
struct rate_meter {
	struct {
		int64_t at_us;
		uint64_t count;
	} samples[RATE_METER_SAMPLES]; /* a ring, a second or more between two */
	size_t next, filled;
};

/* Looks at the counter, which does not fall. May be called as often as one likes. Returns its growth a second since
 * the oldest sample; -1 while less than a second has been seen. */
int64_t rate_meter_look(struct rate_meter *meter, uint64_t count, int64_t now_us);
