#include "base/base64.h"
#include <errno.h>
#include <string.h>

static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

void base64_encode(const void *bytes, size_t size, char *text)
{
	const unsigned char *in = bytes;

	for (; size > 0; text += 4) {
		size_t count = size < 3 ? size : 3;
		uint32_t group = (uint32_t)in[0] << 16 | (count > 1 ? (uint32_t)in[1] << 8 : 0) |
				 (count > 2 ? in[2] : 0u);

		for (int i = 0; i < 4; i++)
			text[i] = (size_t)i <= count ? alphabet[group >> (18 - 6 * i) & 63] : '=';
		in += count;
		size -= count;
	}
	*text = '\0';
}

static int digit_of(char letter)
{
	const char *found = letter ? strchr(alphabet, letter) : NULL;

	return found ? (int)(found - alphabet) : -EINVAL;
}

ptrdiff_t base64_decode(const char *text, size_t length, void *bytes)
{
	unsigned char *out = bytes;

	if (length % 4 != 0)
		return -EINVAL;
	for (size_t at = 0; at < length; at += 4) {
		size_t padding = 0;
		uint32_t group = 0;

		if (at + 4 == length)
			padding = (size_t)(text[at + 3] == '=') + (text[at + 3] == '=' && text[at + 2] == '=');
		for (size_t i = 0; i < 4; i++) {
			int digit = i < 4 - padding ? digit_of(text[at + i]) : 0;

			if (digit < 0)
				return -EINVAL;
			group = group << 6 | (uint32_t)digit;
		}
		if (padding > 0 && (group & (padding == 1 ? 0xffu : 0xffffu)) != 0)
			return -EINVAL; /* bits that say nothing */
		for (size_t i = 0; i < 3 - padding; i++)
			*out++ = (unsigned char)(group >> (16 - 8 * i));
	}
	return out - (unsigned char *)bytes;
}
