/* histogram.h: latencies in fixed buckets, cheap enough for every record. Pure. */
#pragma once
#include <stdint.h>

enum { HISTOGRAM_BUCKETS = 28 };

/* Bucket i counts values in (bound(i-1), bound(i)] us, with bound(i) = 2^i * 16 us; the last one has no
 * upper bound. */
struct histogram {
	uint64_t count[HISTOGRAM_BUCKETS];
	uint64_t total;
	uint64_t sum_us;   /* modulo 2^64: ages of records soon pass it, where timestamps lie */
	uint64_t sum_wraps; /* how often it has been passed */
};

/* A negative value (a clock that was read out of order) counts as 0. */
void histogram_add(struct histogram *histogram, int64_t value_us);

/* Adds all that more holds. */
void histogram_merge(struct histogram *histogram, const struct histogram *more);

/* The sum of all values, in seconds. Never falls. */
double histogram_sum_s(const struct histogram *histogram);

/* INT64_MAX for the last bucket. */
int64_t histogram_bound_us(unsigned bucket);

/* The value below which the share (0 to 1) of the values lies: the upper bound of its bucket; 0 when empty.
 * In the last bucket it is the lower bound: at least this much. */
int64_t histogram_quantile_us(const struct histogram *histogram, double share);
