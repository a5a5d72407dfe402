/* memory.h: allocation that does not fail.
 *
 * Used at start-up, at assignment and wherever the amount is bounded by the configuration. When the
 * system has no memory left the process ends with a message, which for a relay is the safe side:
 * nothing unsettled has been committed. Nothing on the record's path allocates through these. */
#pragma once
#include <stdarg.h>
#include <stddef.h>

/* Zeroed. Free with free(). Thread: any. */
void *xcalloc(size_t count, size_t size) __attribute__((malloc, returns_nonnull, alloc_size(1, 2)));

/* realloc() of an array; new elements are not cleared. */
void *xreallocarray(void *old, size_t count, size_t size) __attribute__((returns_nonnull));

char *xstrdup(const char *text) __attribute__((malloc, returns_nonnull, nonnull));
char *xstrndup(const char *text, size_t length) __attribute__((malloc, returns_nonnull, nonnull));

/* printf into fresh memory; the caller frees. */
char *xasprintf(const char *format, ...) __attribute__((malloc, returns_nonnull, format(printf, 1, 2)));
char *xvasprintf(const char *format, va_list arguments) __attribute__((malloc, returns_nonnull, format(printf, 1, 0)));
