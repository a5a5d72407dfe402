#include "ctl/json_text.h"
#include <inttypes.h>
#include <string.h>
#include "base/base64.h"
#include "base/cleanup.h"
#include "base/memory.h"
#include "base/utf8.h"

static void print_character(FILE *out, const unsigned char *bytes, size_t size, uint32_t character)
{
	if (character == '"' || character == '\\') {
		putc('\\', out);
		putc((int)character, out);
	} else if (character == '\n') {
		fputs("\\n", out);
	} else if (utf8_is_unsafe(character)) {
		fprintf(out, "\\u%04" PRIx32, character); /* all of them are in the first plane */
	} else {
		fwrite(bytes, 1, size, out);
	}
}

void json_print_text(FILE *out, const char *text, size_t length)
{
	const unsigned char *bytes = (const unsigned char *)text;

	putc('"', out);
	for (size_t at = 0; at < length;) {
		uint32_t character;
		size_t size = utf8_decode(bytes + at, length - at, &character);

		if (size == 0) {
			putc('?', out);
			at++;
			continue;
		}
		print_character(out, bytes + at, size, character);
		at += size;
	}
	putc('"', out);
}

void json_print_string(FILE *out, const char *text)
{
	json_print_text(out, text, strlen(text));
}

void json_print_bytes(FILE *out, const void *bytes, size_t size)
{
	_cleanup_free_ char *text = NULL;

	if (!bytes) {
		fputs("null", out);
	} else if (utf8_is_valid(bytes, size)) {
		json_print_text(out, bytes, size);
	} else {
		text = xcalloc(base64_length(size) + 1, 1);
		base64_encode(bytes, size, text);
		fprintf(out, "{\"base64\":\"%s\"}", text);
	}
}
