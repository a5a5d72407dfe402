#include "base/memory.h"
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void out_of_memory(void) __attribute__((noreturn));
static void out_of_memory(void)
{
	fputs("aloqd: out of memory: raise MemoryMax= of the unit or lower aloqd.memory\n", stderr);
	abort();
}

void *xcalloc(size_t count, size_t size)
{
	void *p = calloc(count ? count : 1, size ? size : 1);

	if (!p)
		out_of_memory();
	return p;
}

void *xreallocarray(void *old, size_t count, size_t size)
{
	void *p = reallocarray(old, count ? count : 1, size ? size : 1);

	if (!p)
		out_of_memory();
	return p;
}

char *xstrdup(const char *text)
{
	char *p = strdup(text);

	if (!p)
		out_of_memory();
	return p;
}

char *xstrndup(const char *text, size_t length)
{
	char *p = strndup(text, length);

	if (!p)
		out_of_memory();
	return p;
}

char *xvasprintf(const char *format, va_list arguments)
{
	char *p = NULL;

	if (vasprintf(&p, format, arguments) < 0)
		out_of_memory();
	return p;
}

char *xasprintf(const char *format, ...)
{
	va_list arguments;
	char *p;

	va_start(arguments, format);
	p = xvasprintf(format, arguments);
	va_end(arguments);
	return p;
}
