#include "base/escape.h"
#include <stdint.h>
#include <string.h>
#include "base/memory.h"
#include "base/utf8.h"

static const char cut_mark[] = "...";

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
		size_t taken = utf8_decode(bytes + at, length - at, &character);

		if (taken == 0 || utf8_is_unsafe(character)) {
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

/* What one byte becomes at most: \xHH. */
enum { ESCAPED_BYTE_MAX = 4 };

char *escape_whole(const char *text)
{
	size_t length = strlen(text);
	size_t size = length * ESCAPED_BYTE_MAX + 1;
	char *buffer = xcalloc(size, 1);

	escape_text(buffer, size, text, length);
	return buffer;
}
