#include "core/backoff.h"

/* One draw of splitmix64. */
static uint64_t next_random(uint64_t *state)
{
	uint64_t z = *state += UINT64_C(0x9e3779b97f4a7c15);

	z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
	return z ^ z >> 31;
}

/* min(cap, base * 2^attempt) */
static uint32_t upper_bound_ms(const struct backoff *backoff)
{
	if (backoff->attempt >= 32 || backoff->base_ms > backoff->cap_ms >> backoff->attempt)
		return backoff->cap_ms;
	return backoff->base_ms << backoff->attempt;
}

uint32_t backoff_next_ms(struct backoff *backoff)
{
	uint32_t bound_ms = upper_bound_ms(backoff);

	if (backoff->attempt < UINT32_MAX)
		backoff->attempt++;
	/* The upper half of the product scales the draw to [0, bound). */
	return 1 + (uint32_t)((next_random(&backoff->seed) >> 32) * bound_ms >> 32);
}

void backoff_reset(struct backoff *backoff)
{
	backoff->attempt = 0;
}
