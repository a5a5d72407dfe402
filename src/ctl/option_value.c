#include "ctl/option_value.h"
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include "base/units.h"

#define DAY_MS (INT64_C(24) * 3600 * 1000)

int option_number(const struct call *call, const char *option, int64_t min, int64_t max, int64_t *value)
{
	const char *text = call_value(call, option);
	long long number;
	char *end;

	if (!text)
		return 0;
	errno = 0;
	number = strtoll(text, &end, 10);
	if (errno || end == text || *end || number < min || number > max)
		return call_usage(
		    call, "--%s takes a whole number from %" PRId64 " to %" PRId64, option, min, max);
	*value = number;
	return 0;
}

int option_duration_ms(const struct call *call, const char *option, int64_t *value)
{
	const char *text = call_value(call, option);
	int64_t duration_ms;

	if (!text)
		return 0;
	if (units_parse_duration_ms(text, &duration_ms) < 0 || duration_ms < 1 || duration_ms > DAY_MS)
		return call_usage(call, "--%s takes a duration like 500ms, 30s or 5m, of a day at most", option);
	*value = duration_ms;
	return 0;
}

int option_size(const struct call *call, const char *option, uint64_t min, uint64_t *value)
{
	const char *text = call_value(call, option);
	char least[UNITS_TEXT_SIZE];
	uint64_t size;

	if (!text)
		return 0;
	if (units_parse_size_bytes(text, &size) < 0 || size < min)
		return call_usage(call, "--%s takes a size like 256MiB, of %s at least", option,
		    units_format_size(least, sizeof least, min));
	*value = size;
	return 0;
}

int option_isolation(const struct call *call, const char *option, enum isolation *value)
{
	const char *text = call_value(call, option);

	if (!text)
		return 0;
	if (strcmp(text, isolation_name(ISOLATION_READ_COMMITTED)) == 0)
		*value = ISOLATION_READ_COMMITTED;
	else if (strcmp(text, isolation_name(ISOLATION_READ_UNCOMMITTED)) == 0)
		*value = ISOLATION_READ_UNCOMMITTED;
	else
		return call_usage(call, "--%s takes read_committed or read_uncommitted", option);
	return 0;
}
