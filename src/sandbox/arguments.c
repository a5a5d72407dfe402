#include "sandbox/arguments.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

int argument_integer(const char *option, const char *text, int64_t min, int64_t max, int64_t *value)
{
	char *end;
	long long number;

	errno = 0;
	number = strtoll(text, &end, 10);
	if (errno || end == text || *end || number < min || number > max) {
		fprintf(stderr, "aloq-sandbox: --%s %s: a whole number from %lld to %lld is wanted\n", option,
		    text, (long long)min, (long long)max);
		return -EINVAL;
	}
	*value = number;
	return 0;
}

int argument_required(const char *command, const char *option, const char *value)
{
	if (value)
		return 0;
	fprintf(stderr, "aloq-sandbox %s: --%s is missing; see aloq-sandbox --help\n", command, option);
	return -EINVAL;
}

int argument_none_left(const char *command, int argc, char **argv, int index)
{
	if (index >= argc)
		return 0;
	fprintf(stderr, "aloq-sandbox %s: %s: options only; see aloq-sandbox --help\n", command, argv[index]);
	return -EINVAL;
}
