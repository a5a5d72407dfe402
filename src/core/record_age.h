/* record_age.h: how old a record is by the timestamp that whoever wrote it has given it: any number. Pure. */
#pragma once
#include <stdint.h>
#include "core/flow.h"

/* In ms, as struct chunk tells it. timestamp_ms: <= 0 is none (or before 1970, which nobody means). One ahead of the clock
 * is of age 0, and one of more than 49 days of the greatest age that can be told. */
static inline uint32_t record_age_ms(int64_t timestamp_ms, int64_t now_ms)
{
	if (timestamp_ms <= 0)
		return AGE_UNKNOWN;
	if (timestamp_ms >= now_ms)
		return 0;
	return now_ms - timestamp_ms < AGE_UNKNOWN ? (uint32_t)(now_ms - timestamp_ms) : AGE_UNKNOWN - 1;
}
