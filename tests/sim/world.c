#include "world.h"
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>

void trace(struct world *world, const char *format, ...)
{
	char *line;
	int length;
	va_list arguments;

	if (!world->tracing)
		return;
	line = world->lines[world->line_count++ % TRACE_LINES];
	length = snprintf(line, TRACE_WIDTH, "%12.6f ", (double)world->now_us / 1e6);
	va_start(arguments, format);
	vsnprintf(line + length, TRACE_WIDTH - (size_t)length, format, arguments);
	va_end(arguments);
	if (world->verbose)
		puts(line);
}

void broken(struct world *world, const char *format, ...)
{
	va_list arguments;

	if (world->failed)
		return;
	world->failed = true;
	va_start(arguments, format);
	vsnprintf(world->rule, sizeof world->rule, format, arguments);
	va_end(arguments);
	trace(world, "BROKEN: %s", world->rule);
}
