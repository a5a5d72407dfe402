/* backoff.h: how long to wait before the next try. Pure; the caller owns the clock.
 *
 * Exponential with full jitter: the n-th wait is uniform in [1, min(cap, base * 2^n)], so that many
 * pipelines that lost one broker do not return to it as one. */
#pragma once
#include <stdint.h>

struct backoff {
	uint32_t base_ms; /* first upper bound, > 0 */
	uint32_t cap_ms;  /* no wait is longer, >= base_ms */
	uint32_t attempt; /* failures since the last backoff_reset() */
	uint64_t seed;	  /* state of the generator; tests set it */
};

/* The wait before the next try, in ms. Counts one failure. Never overflows, whatever the count. */
uint32_t backoff_next_ms(struct backoff *backoff);

/* The thing worked: the next failure starts from base_ms again. */
void backoff_reset(struct backoff *backoff);
