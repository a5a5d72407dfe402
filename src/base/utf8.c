#include "base/utf8.h"

bool utf8_is_unsafe(uint32_t character)
{
	return character < 0x20 || (character >= 0x7f && character <= 0x9f) /* C0, DEL, C1 */
	       || character == 0x200e || character == 0x200f    /* left-to-right, right-to-left mark */
	       || (character >= 0x2028 && character <= 0x202e)  /* separators, embeddings, overrides */
	       || (character >= 0x2066 && character <= 0x2069); /* isolates */
}

size_t utf8_decode(const unsigned char *text, size_t length, uint32_t *character)
{
	static const uint32_t smallest[] = { 0, 0, 0x80, 0x800, 0x10000 };
	size_t count;

	if (text[0] < 0x80) {
		*character = text[0];
		return 1;
	}
	if ((text[0] & 0xe0) == 0xc0) {
		count = 2;
		*character = text[0] & 0x1f;
	} else if ((text[0] & 0xf0) == 0xe0) {
		count = 3;
		*character = text[0] & 0x0f;
	} else if ((text[0] & 0xf8) == 0xf0) {
		count = 4;
		*character = text[0] & 0x07;
	} else {
		return 0;
	}
	if (count > length)
		return 0;
	for (size_t i = 1; i < count; i++) {
		if ((text[i] & 0xc0) != 0x80)
			return 0;
		*character = *character << 6 | (text[i] & 0x3f);
	}
	/* Overlong forms could smuggle a control character past other readers; surrogates are not characters.
	 */
	if (*character < smallest[count] || *character > 0x10ffff ||
	    (*character >= 0xd800 && *character <= 0xdfff))
		return 0;
	return count;
}

bool utf8_is_valid(const void *text, size_t length)
{
	const unsigned char *bytes = text;
	uint32_t character;

	for (size_t at = 0; at < length;) {
		size_t taken = bytes[at] < 0x80 ? 1 : utf8_decode(bytes + at, length - at, &character);

		if (taken == 0)
			return false;
		at += taken;
	}
	return true;
}
