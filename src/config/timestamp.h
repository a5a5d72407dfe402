/* timestamp.h: points in time as people write them. Pure. */
#pragma once
#include <stdint.h>

/* "2026-01-31T00:00:00Z", with ".250" before the Z if need be, or milliseconds since 1970. Times before 1970
 * are refused. -EINVAL when it is neither. */
int timestamp_parse_ms(const char *text, int64_t *timestamp_ms);
