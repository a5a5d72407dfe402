#include "base/error.h"
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

int error_set(struct error *err, int code, enum error_remedy remedy, const char *format, ...)
{
	va_list arguments;

	if (!err)
		return code;
	err->code = code;
	err->remedy = remedy;
	err->name = NULL;
	va_start(arguments, format);
	vsnprintf(err->message, sizeof err->message, format, arguments);
	va_end(arguments);
	return code;
}

void error_prefix(struct error *err, const char *format, ...)
{
	char old[sizeof err->message];
	va_list arguments;
	int used;

	memcpy(old, err->message, sizeof old);
	va_start(arguments, format);
	used = vsnprintf(err->message, sizeof err->message, format, arguments);
	va_end(arguments);
	if (used >= 0 && (size_t)used < sizeof err->message)
		snprintf(err->message + used, sizeof err->message - (size_t)used, ": %s", old);
}
