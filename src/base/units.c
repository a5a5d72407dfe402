#include "base/units.h"
#include <errno.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

struct unit {
	const char *name;
	uint64_t factor;
};

/* In ascending order: formatting takes the last one that divides. */
static const struct unit duration_units[] = {
	{ "us", 1 },
	{ "ms", 1000 },
	{ "s", 1000000 },
	{ "m", UINT64_C(60) * 1000000 },
	{ "h", UINT64_C(3600) * 1000000 },
	{ "d", UINT64_C(86400) * 1000000 },
	{ NULL, 0 },
};

static const struct unit size_units[] = {
	{ "", 1 },
	{ "B", 1 },
	{ "kB", 1000 },
	{ "KiB", 1024 },
	{ "MB", 1000000 },
	{ "MiB", UINT64_C(1) << 20 },
	{ "GB", 1000000000 },
	{ "GiB", UINT64_C(1) << 30 },
	{ "TB", UINT64_C(1000000000000) },
	{ "TiB", UINT64_C(1) << 40 },
	{ NULL, 0 },
};

/* Digits only: strtoull() would take signs and spaces, and overflow into a valid number. On success *rest is
 * what follows. */
static int parse_digits(const char *text, uint64_t *number, const char **rest)
{
	uint64_t value = 0;
	bool too_big = false;

	if (*text < '0' || *text > '9')
		return -EINVAL;
	for (; *text >= '0' && *text <= '9'; text++) {
		if (__builtin_mul_overflow(value, 10, &value) ||
		    __builtin_add_overflow(value, (uint64_t)(*text - '0'), &value))
			too_big = true;
	}
	*number = value;
	*rest = text;
	return too_big ? -ERANGE : 0;
}

static int parse_with_unit(const char *text, const struct unit *units, uint64_t *value)
{
	const char *rest = NULL;
	uint64_t number = 0;
	int r = parse_digits(text, &number, &rest);

	if (r == -EINVAL)
		return r;
	for (; units->name; units++) {
		if (strcmp(rest, units->name) != 0)
			continue;
		if (r < 0 || __builtin_mul_overflow(number, units->factor, value))
			return -ERANGE;
		return 0;
	}
	return -EINVAL; /* garbage is garbage, however long its number */
}

int units_parse_duration_us(const char *text, int64_t *duration_us)
{
	uint64_t value = 0;
	int r;

	if (strcmp(text, "0") == 0) {
		*duration_us = 0;
		return 0;
	}
	r = parse_with_unit(text, duration_units, &value);
	if (r < 0)
		return r;
	if (value > INT64_MAX)
		return -ERANGE;
	*duration_us = (int64_t)value;
	return 0;
}

int units_parse_duration_ms(const char *text, int64_t *duration_ms)
{
	int64_t duration_us = 0;
	size_t length = strlen(text);
	int r;

	if (length >= 2 && strcmp(text + length - 2, "us") == 0)
		return -EINVAL; /* would be rounded */
	r = units_parse_duration_us(text, &duration_us);
	if (r < 0)
		return r;
	*duration_ms = duration_us / 1000;
	return 0;
}

int units_parse_size_bytes(const char *text, uint64_t *size_bytes)
{
	return parse_with_unit(text, size_units, size_bytes);
}

/* The shortest of the exact spellings; of two that are equally long the one with the greater unit. */
static const char *format_with_unit(char *buffer, size_t size, const struct unit *units, uint64_t value)
{
	size_t best = SIZE_MAX;

	if (value == 0) {
		snprintf(buffer, size, "0");
		return buffer;
	}
	for (; units->name; units++) {
		char spelling[UNITS_TEXT_SIZE];
		size_t length;

		if (value % units->factor != 0)
			continue;
		length = (size_t)snprintf(
		    spelling, sizeof spelling, "%" PRIu64 "%s", value / units->factor, units->name);
		if (length <= best) {
			best = length;
			snprintf(buffer, size, "%s", spelling);
		}
	}
	return buffer;
}

const char *units_format_duration_us(char *buffer, size_t size, int64_t duration_us)
{
	return format_with_unit(buffer, size, duration_units, (uint64_t)duration_us);
}

const char *units_format_duration(char *buffer, size_t size, int64_t duration_ms)
{
	/* Without the first unit, and in its own scale: a duration_ms of some ages has no number of us. */
	static const struct unit millisecond_units[] = {
		{ "ms", 1 },
		{ "s", 1000 },
		{ "m", 60 * 1000 },
		{ "h", 3600 * 1000 },
		{ "d", 86400 * 1000 },
		{ NULL, 0 },
	};

	return format_with_unit(buffer, size, millisecond_units, (uint64_t)duration_ms);
}

const char *units_format_size(char *buffer, size_t size, uint64_t size_bytes)
{
	return format_with_unit(buffer, size, size_units, size_bytes);
}

const char *units_format_age_ms(char *buffer, size_t size, int64_t age_ms)
{
	int64_t s = age_ms / 1000;

	if (s < 10)
		snprintf(buffer, size, "%" PRId64 ".%" PRId64 "s", s, age_ms % 1000 / 100);
	else if (s < 60)
		snprintf(buffer, size, "%" PRId64 "s", s);
	else if (s < 3600)
		snprintf(buffer, size, "%" PRId64 "m%02" PRId64 "s", s / 60, s % 60);
	else if (s < 86400)
		snprintf(buffer, size, "%" PRId64 "h%02" PRId64 "m", s / 3600, s % 3600 / 60);
	else
		snprintf(buffer, size, "%" PRId64 "d%02" PRId64 "h", s / 86400, s % 86400 / 3600);
	return buffer;
}
