/* base64.h: bytes as text (RFC 4648, with padding). Pure. */
#pragma once
#include <stddef.h>
#include <stdint.h>

/* Writes the text of size bytes into text, which has room for base64_length(size) characters and a NUL. */
void base64_encode(const void *bytes, size_t size, char *text);

static inline size_t base64_length(size_t size)
{
	return (size + 2) / 3 * 4;
}

/* Reads text; bytes has room for length / 4 * 3. Returns how many there are, or -EINVAL: it is no base64, or not the
 * one way to write these bytes. */
ptrdiff_t base64_decode(const char *text, size_t length, void *bytes);
