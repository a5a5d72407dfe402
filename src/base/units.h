/* units.h: durations and sizes as people write them. */
#pragma once
#include <stddef.h>
#include <stdint.h>

/* Room for what the formatters below write. */
#define UNITS_TEXT_SIZE 32

/* "250ms", "1s", "5m", "2h", "7d"; a plain "0" is allowed; fractions are not. -EINVAL: not a duration
 * (missing unit, sign, garbage), -ERANGE: does not fit. */
int units_parse_duration_ms(const char *text, int64_t *duration_ms);

/* The same, in microseconds, with "500us" besides. */
int units_parse_duration_us(const char *text, int64_t *duration_us);

/* "512", "64KiB", "64MiB", "1GiB" (powers of 1024), "64kB", "64MB", "1GB" (powers of 1000); "B" too.
 * -EINVAL or -ERANGE as above. */
int units_parse_size_bytes(const char *text, uint64_t *size_bytes);

/* The shortest exact spelling, one that the parsers above read back. Returns buffer. */
const char *units_format_duration(char *buffer, size_t size, int64_t duration_ms);
const char *units_format_duration_us(char *buffer, size_t size, int64_t duration_us);
const char *units_format_size(char *buffer, size_t size, uint64_t size_bytes);

/* About how long, for people: "0.4s", "35s", "2m05s", "3h12m", "4d02h". age_ms >= 0. Returns buffer. */
const char *units_format_age_ms(char *buffer, size_t size, int64_t age_ms);
