/* random.h: the one generator of a scenario. Everything that happens by chance draws from it, so that the
 * seed alone decides the course of events. */
#pragma once
#include <stdbool.h>
#include <stdint.h>

struct random {
	uint64_t state;
};

static inline uint64_t random_u64(struct random *random)
{
	uint64_t z = random->state += UINT64_C(0x9e3779b97f4a7c15);

	z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
	return z ^ z >> 31;
}

/* Uniform in [0, below). 0 for below = 0. */
static inline uint32_t random_below(struct random *random, uint32_t below)
{
	return (uint32_t)((random_u64(random) >> 32) * below >> 32);
}

/* Uniform in [low, high]. */
static inline int64_t random_between(struct random *random, int64_t low, int64_t high)
{
	return low + (int64_t)(random_u64(random) % (uint64_t)(high - low + 1));
}

/* True in `permille` of 1,000 cases. */
static inline bool random_chance(struct random *random, uint32_t permille)
{
	return random_below(random, 1000) < permille;
}
