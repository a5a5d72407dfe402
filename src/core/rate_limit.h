/* rate_limit.h: how much may be read now, so that no more than so much is relayed in a second. Pure; the caller
 * owns the clock.
 *
 * A bucket of records and one of bytes, each filled evenly and never with more than a quarter of a second's worth
 * (at least one), so that a pause is not made up for by a flood. The size of a record is known only once it
 * has been read: bytes may be taken ahead, and are paid back before the next are taken. Room comes in portions of
 * a hundredth of a second's worth: one wake-up for each record would cost more than its relay. */
#pragma once
#include <stdint.h>

/* Millionths of a record, or of a byte. */
struct rate_bucket {
	int64_t per_second; /* 0: no limit */
	int64_t most;
	int64_t portion;
	int64_t content; /* below 0: taken ahead */
};

struct rate_limit {
	struct rate_bucket records, bytes;
	uint64_t mean_bytes; /* of the records read lately; 0: none yet */
	int64_t filled_us;
};

/* 0: no limit. Both at most 2^40. The buckets are full at first. */
void rate_limit_init(struct rate_limit *limit, uint64_t records_per_second, uint64_t bytes_per_second);

/* How many records may be read now; UINT64_MAX: no limit. */
uint64_t rate_limit_room(struct rate_limit *limit, int64_t now_us);

/* So much has been read, at the time of the last rate_limit_room(). */
void rate_limit_take(struct rate_limit *limit, uint64_t records, uint64_t bytes);

/* When there will be room again, if there was none at the last rate_limit_room(); else that time. */
int64_t rate_limit_next_us(const struct rate_limit *limit);
