#include "fuzz/mutate.h"
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include "config/keys.h"

/* What breaks parsers, and what means something here. */
static const char *const words[] = { "{", "}", "[", "]", "(", ")", "\"", "\\", "\\x00", ";", "=", ",", ":",
	"\x1c", "\n@include \"part1.inc\"\n", "\n@include \"part2.inc\"\n", "\n@include \"main.conf\"\n",
	"@include \"", "/*", "*/", "//", "#", "-", "+", "0x", "L", ".", "e9", "0", "-1", "2147483648",
	"4294967297", "9223372036854775808L", "99999999999999999999", "0xFFFFFFFFFFFFFFFFF", "1e999", "true",
	"{topic}", "^", "(a*)*", "[[:alpha:]]", "{1,9}", "\\1", "|", "timestamp:", "2026-01-31T00:00:00Z",
	"ms", "KiB", "***", "\xff\xfe", "\xc3", "%n%s", "\r\n", "aloqd", "clusters", "defaults", "pipelines",
	"a b", "..", "__", "\"\" \"\"" };

enum { WORD_COUNT = sizeof words / sizeof words[0] };

/* The text at hand. */
struct text {
	struct random *random;
	char *bytes;
	size_t length;
	size_t size;
};

static size_t below(struct text *text, size_t bound)
{
	return random_below(text->random, (uint32_t)bound);
}

/* Replaces a span by other bytes, which are not in the text; does nothing where they have no room. */
static void replace(struct text *text, size_t at, size_t span, const char *bytes, size_t length)
{
	if (text->length - span + length > text->size)
		return;
	memmove(text->bytes + at + length, text->bytes + at + span, text->length - at - span);
	memcpy(text->bytes + at, bytes, length);
	text->length += length - span;
}

/* A word that means something: of the list, or a key or one of its choices. */
static const char *choose_word(struct text *text)
{
	size_t count;
	const struct key *key = keys_all(&count);

	if (below(text, 2))
		return words[below(text, WORD_COUNT)];
	key += below(text, count);
	if (key->choices && below(text, 2))
		return key->choices[0].name;
	return below(text, 2) || !key->default_text ? key->name : key->default_text;
}

static void change_a_byte(struct text *text)
{
	if (text->length > 0)
		text->bytes[below(text, text->length)] = (char)below(text, 256);
}

static void remove_some(struct text *text)
{
	size_t at = below(text, text->length + 1);
	size_t span = below(text, 40);

	replace(text, at, span > text->length - at ? text->length - at : span, "", 0);
}

static void copy_span(struct text *text, size_t from, size_t span, size_t to)
{
	char copy[4096];

	if (span > sizeof copy)
		span = sizeof copy;
	memcpy(copy, text->bytes + from, span);
	replace(text, to, 0, copy, span);
}

static void repeat_some(struct text *text)
{
	size_t at = below(text, text->length + 1);
	size_t span = below(text, 40);

	copy_span(text, at, span > text->length - at ? text->length - at : span, at);
}

static void insert_a_word(struct text *text)
{
	const char *word = choose_word(text);

	replace(text, below(text, text->length + 1), 0, word, strlen(word));
}

/* The next place, from a random one on, where one of the characters stands; the length of the text: there is
 * none. */
static size_t find(struct text *text, const char *characters)
{
	for (size_t at = below(text, text->length + 1); at < text->length; at++)
		if (text->bytes[at] != '\0' && strchr(characters, text->bytes[at]))
			return at;
	return text->length;
}

/* How long what stands in brackets is, from the opening one on. */
static size_t bracket_span(const struct text *text, size_t at)
{
	size_t start = at;
	int depth = 0;

	for (; at < text->length; at++) {
		if (strchr("{[(", text->bytes[at]))
			depth += text->bytes[at] != '\0';
		else if (strchr("}])", text->bytes[at]) && --depth == 0)
			return at + 1 - start;
	}
	return text->length - start;
}

/* A group goes, comes again in another place, or lies in many more. */
static void change_a_group(struct text *text)
{
	size_t at = find(text, "{[(");
	size_t span = bracket_span(text, at);

	switch (below(text, 3)) {
	case 0:
		replace(text, at, span, "", 0);
		break;
	case 1:
		copy_span(text, at, span, below(text, text->length + 1));
		break;
	default:
		for (size_t i = below(text, 2) ? below(text, 50) : below(text, 5); i > 0; i--)
			replace(text, at, 0, "{ a = ", 6);
	}
}

static void change_a_number(struct text *text)
{
	size_t at = find(text, "0123456789");
	size_t span = 0;
	char digits[80];
	size_t length = 1 + below(text, below(text, 4) ? 21 : sizeof digits);

	while (at + span < text->length && text->bytes[at + span] >= '0' && text->bytes[at + span] <= '9')
		span++;
	for (size_t i = 0; i < length; i++)
		digits[i] = (char)('0' + below(text, 10));
	replace(text, at, span, digits, length);
}

/* What stands in quotes becomes a word, a long text, or nothing. */
static void change_a_text(struct text *text)
{
	static const char pieces[] = "aZ0_.-^*+(|)[]{}\\ \xc3\xa4:,/=\x01";
	size_t at = find(text, "\"");
	size_t span = 0;
	const char *word = choose_word(text);
	char piece;

	if (at < text->length)
		at++;
	while (at + span < text->length && text->bytes[at + span] != '"')
		span++;
	switch (below(text, 3)) {
	case 0:
		replace(text, at, span, word, strlen(word));
		break;
	case 1:
		replace(text, at, span, "", 0);
		break;
	default:
		piece = pieces[below(text, sizeof pieces - 1)];
		for (size_t i = below(text, below(text, 8) ? 300 : 20000); i > 0; i--)
			replace(text, at, 0, &piece, 1);
	}
}

size_t mutate_text(struct random *random, char *bytes, size_t length, size_t size)
{
	static void (*const changes[])(struct text *) = { change_a_byte, remove_some, repeat_some,
		insert_a_word, insert_a_word, change_a_group, change_a_number, change_a_text };
	struct text text = { random, bytes, length, size };

	changes[below(&text, sizeof changes / sizeof changes[0])](&text);
	return text.length;
}
