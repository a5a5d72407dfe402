#include "core/histogram.h"

enum { FIRST_BOUND_SHIFT = 4, LAST_BUCKET = HISTOGRAM_BUCKETS - 1 };

static unsigned bucket_of(uint64_t value_us)
{
	uint64_t sixteenths;
	unsigned bucket;

	if (value_us == 0)
		return 0;
	/* Bounds are inclusive, hence the -1: 16 belongs to the first bucket and 17 to the second. */
	sixteenths = (value_us - 1) >> FIRST_BOUND_SHIFT;
	if (sixteenths == 0)
		return 0;
	bucket = 64 - (unsigned)__builtin_clzll(sixteenths);
	return bucket < LAST_BUCKET ? bucket : LAST_BUCKET;
}

static void add_to_sum(struct histogram *histogram, uint64_t value_us)
{
	histogram->sum_us += value_us;
	histogram->sum_wraps += histogram->sum_us < value_us;
}

void histogram_add(struct histogram *histogram, int64_t value_us)
{
	uint64_t value = value_us > 0 ? (uint64_t)value_us : 0;

	histogram->count[bucket_of(value)]++;
	histogram->total++;
	add_to_sum(histogram, value);
}

void histogram_merge(struct histogram *histogram, const struct histogram *more)
{
	for (unsigned i = 0; i < HISTOGRAM_BUCKETS; i++)
		histogram->count[i] += more->count[i];
	histogram->total += more->total;
	histogram->sum_wraps += more->sum_wraps;
	add_to_sum(histogram, more->sum_us);
}

double histogram_sum_s(const struct histogram *histogram)
{
	return ((double)histogram->sum_wraps * 0x1p64 + (double)histogram->sum_us) / 1e6;
}

int64_t histogram_bound_us(unsigned bucket)
{
	return bucket < LAST_BUCKET ? INT64_C(1) << (FIRST_BOUND_SHIFT + bucket) : INT64_MAX;
}

int64_t histogram_quantile_us(const struct histogram *histogram, double share)
{
	double wanted = share * (double)histogram->total;
	uint64_t below = 0;

	if (histogram->total == 0)
		return 0;
	for (unsigned bucket = 0; bucket < LAST_BUCKET; bucket++) {
		below += histogram->count[bucket];
		if (below > 0 && (double)below >= wanted)
			return histogram_bound_us(bucket);
	}
	return histogram_bound_us(LAST_BUCKET - 1);
}
