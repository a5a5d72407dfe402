#include "base/escape.h"
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

static const char cut_mark[] = "...";

static bool is_unsafe(uint32_t character)
{
	return character < 0x20 || (character >= 0x7f && character <= 0x9f) /* C0, DEL, C1 */
	       || character == 0x200e || character == 0x200f    /* left-to-right, right-to-left mark */
	       || (character >= 0x2028 && character <= 0x202e)  /* separators, embeddings, overrides */
	       || (character >= 0x2066 && character <= 0x2069); /* isolates */
}

/* The length of the UTF-8 character at text, which has length > 0 bytes left; 0 when it is not UTF-8. */
static size_t decode(const unsigned char *text, size_t length, uint32_t *character)
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

static size_t escape_byte(char *out, unsigned char byte)
{
	static const char digits[] = "0123456789abcdef";
	char letter = byte == '\n' ? 'n' : byte == '\t' ? 't' : byte == '\r' ? 'r' : '\0';

	out[0] = '\\';
	if (letter) {
		out[1] = letter;
		return 2;
	}
	out[1] = 'x';
	out[2] = digits[byte >> 4];
	out[3] = digits[byte & 15];
	return 4;
}

size_t escape_text(char *buffer, size_t size, const char *text, size_t length)
{
	const unsigned char *bytes = (const unsigned char *)text;
	size_t used = 0;
	size_t room_for_mark = 0; /* the last length at which the mark still fits */

	for (size_t at = 0; at < length;) {
		char piece[16];
		size_t piece_length = 0;
		uint32_t character = 0;
		size_t taken = decode(bytes + at, length - at, &character);

		if (taken == 0 || is_unsafe(character)) {
			size_t count = taken ? taken : 1;

			for (size_t i = 0; i < count; i++)
				piece_length += escape_byte(piece + piece_length, bytes[at + i]);
			taken = count;
		} else {
			memcpy(piece, bytes + at, taken);
			piece_length = taken;
		}
		if (used + piece_length >= size) {
			size_t mark = sizeof cut_mark - 1;

			used = room_for_mark;
			if (used + mark >= size)
				mark = size - 1 - used;
			memcpy(buffer + used, cut_mark, mark);
			used += mark;
			break;
		}
		memcpy(buffer + used, piece, piece_length);
		used += piece_length;
		if (used + sizeof cut_mark <= size)
			room_for_mark = used;
		at += taken;
	}
	buffer[used] = '\0';
	return used;
}
