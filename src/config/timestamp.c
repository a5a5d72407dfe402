#include "config/timestamp.h"
#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <string.h>
#include <time.h>

/* Exactly count digits. */
static bool take_number(const char **text, size_t count, int *number)
{
	*number = 0;
	for (size_t i = 0; i < count; i++) {
		if ((*text)[i] < '0' || (*text)[i] > '9')
			return false;
		*number = *number * 10 + ((*text)[i] - '0');
	}
	*text += count;
	return true;
}

static bool take_character(const char **text, char c)
{
	if (**text != c)
		return false;
	(*text)++;
	return true;
}

static int parse_milliseconds(const char *text, int64_t *timestamp_ms)
{
	int64_t value = 0;

	for (; *text >= '0' && *text <= '9'; text++) {
		if (__builtin_mul_overflow(value, 10, &value) ||
		    __builtin_add_overflow(value, *text - '0', &value))
			return -EINVAL;
	}
	if (*text != '\0')
		return -EINVAL;
	*timestamp_ms = value;
	return 0;
}

int timestamp_parse_ms(const char *text, int64_t *timestamp_ms)
{
	struct tm calendar = { 0 };
	struct tm checked;
	int milliseconds = 0;
	time_t seconds;

	if (text[0] != '\0' && strspn(text, "0123456789") == strlen(text))
		return parse_milliseconds(text, timestamp_ms);
	if (!take_number(&text, 4, &calendar.tm_year) || !take_character(&text, '-') ||
	    !take_number(&text, 2, &calendar.tm_mon) || !take_character(&text, '-') ||
	    !take_number(&text, 2, &calendar.tm_mday) || !take_character(&text, 'T') ||
	    !take_number(&text, 2, &calendar.tm_hour) || !take_character(&text, ':') ||
	    !take_number(&text, 2, &calendar.tm_min) || !take_character(&text, ':') ||
	    !take_number(&text, 2, &calendar.tm_sec))
		return -EINVAL;
	if (take_character(&text, '.') && !take_number(&text, 3, &milliseconds))
		return -EINVAL;
	if (!take_character(&text, 'Z') || *text != '\0')
		return -EINVAL;
	calendar.tm_year -= 1900;
	calendar.tm_mon -= 1;
	checked = calendar;
	seconds = timegm(&checked);
	/* timegm() makes 2 March of 30 February. */
	if (seconds < 0 || checked.tm_mday != calendar.tm_mday || checked.tm_mon != calendar.tm_mon ||
	    checked.tm_hour != calendar.tm_hour || checked.tm_min != calendar.tm_min ||
	    checked.tm_sec != calendar.tm_sec)
		return -EINVAL;
	*timestamp_ms = (int64_t)seconds * 1000 + milliseconds;
	return 0;
}
