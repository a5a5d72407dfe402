#include "core/rate_limit.h"
#include <stdbool.h>

enum { MILLIONTHS = 1000000, BURSTS_PER_SECOND = 4, PORTIONS_PER_SECOND = 100 };

static const uint64_t rate_max = UINT64_C(1) << 40;
/* More than any record has. Keeps sums of what is taken ahead far from overflow. */
static const uint64_t taken_max = UINT64_C(1) << 40;

static int64_t max(int64_t a, int64_t b)
{
	return a > b ? a : b;
}

static struct rate_bucket bucket(uint64_t per_second)
{
	struct rate_bucket bucket = { .per_second = (int64_t)(per_second > rate_max ? rate_max : per_second) };

	bucket.most = max(bucket.per_second * (MILLIONTHS / BURSTS_PER_SECOND), MILLIONTHS);
	bucket.portion = max(bucket.per_second * (MILLIONTHS / PORTIONS_PER_SECOND), MILLIONTHS);
	bucket.content = bucket.most;
	return bucket;
}

/* A millionth of a second brings per_second millionths. */
static void fill(struct rate_bucket *bucket, int64_t elapsed_us)
{
	if (bucket->per_second == 0)
		return;
	if (elapsed_us > (bucket->most - bucket->content) / bucket->per_second)
		bucket->content = bucket->most;
	else
		bucket->content += bucket->per_second * elapsed_us;
}

static bool is_open(const struct rate_bucket *bucket)
{
	return bucket->per_second == 0 || bucket->content >= bucket->portion;
}

static void take(struct rate_bucket *bucket, uint64_t amount)
{
	if (bucket->per_second == 0)
		return;
	bucket->content -= (int64_t)(amount > taken_max ? taken_max : amount) * MILLIONTHS;
	/* So far ahead only many records of the largest size can be; what is beyond is forgiven. */
	bucket->content = max(bucket->content, -(int64_t)taken_max * MILLIONTHS);
}

static int64_t opens_after_us(const struct rate_bucket *bucket)
{
	if (is_open(bucket))
		return 0;
	return (bucket->portion - bucket->content + bucket->per_second - 1) / bucket->per_second;
}

void rate_limit_init(struct rate_limit *limit, uint64_t records_per_second, uint64_t bytes_per_second)
{
	*limit = (struct rate_limit){ .records = bucket(records_per_second), .bytes = bucket(bytes_per_second) };
}

uint64_t rate_limit_room(struct rate_limit *limit, int64_t now_us)
{
	uint64_t room = UINT64_MAX;
	uint64_t by_bytes;

	if (now_us > limit->filled_us) {
		fill(&limit->records, now_us - limit->filled_us);
		fill(&limit->bytes, now_us - limit->filled_us);
		limit->filled_us = now_us;
	}
	if (!is_open(&limit->records) || !is_open(&limit->bytes))
		return 0;
	if (limit->records.per_second > 0)
		room = (uint64_t)(limit->records.content / MILLIONTHS);
	if (limit->bytes.per_second > 0) {
		by_bytes = limit->mean_bytes > 0 ? (uint64_t)(limit->bytes.content / MILLIONTHS) / limit->mean_bytes : 1;
		if (by_bytes == 0)
			by_bytes = 1;
		if (by_bytes < room)
			room = by_bytes;
	}
	return room;
}

void rate_limit_take(struct rate_limit *limit, uint64_t records, uint64_t bytes)
{
	uint64_t size;

	if (records == 0)
		return;
	take(&limit->records, records);
	take(&limit->bytes, bytes);
	size = bytes / records + 1; /* never 0, which means unknown */
	limit->mean_bytes = limit->mean_bytes > 0 ? (limit->mean_bytes * 7 + size) / 8 : size;
}

int64_t rate_limit_next_us(const struct rate_limit *limit)
{
	return limit->filled_us + max(opens_after_us(&limit->records), opens_after_us(&limit->bytes));
}
