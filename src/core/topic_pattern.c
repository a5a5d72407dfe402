#include "core/topic_pattern.h"
#include <ctype.h>
#include <regex.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "base/cleanup.h"
#include "base/memory.h"

/* A compiled pattern takes memory by the product of its repetitions. */
enum { REPETITIONS_MAX = 1000 };
/* Each repeated group may double the time or the memory of regcomp(). */
enum { REPEATED_GROUPS_MAX = 10 };

struct topic_pattern {
	char *text; /* without its "^" */
	regex_t whole;
};

bool topic_pattern_is(const char *entry)
{
	return entry[0] == '^';
}

bool topic_name_is_valid(const char *name)
{
	size_t length = strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-");

	return length > 0 && length <= TOPIC_LENGTH_MAX && name[length] == '\0' && strcmp(name, ".") != 0 &&
	       strcmp(name, "..") != 0;
}

/* ---- what is refused ---- */

/* Behind a bracket expression, where its first character stands at p. */
static const char *bracket_end(const char *p)
{
	p += p[1] == '^' ? 2 : 1;
	if (*p == ']')
		p++;
	while (*p && *p != ']') {
		const char *close = NULL;

		if (*p == '[' && (p[1] == ':' || p[1] == '.' || p[1] == '='))
			close = strchr(p + 2, ']');
		p = close ? close + 1 : p + 1;
	}
	return *p ? p + 1 : p;
}

/* regcomp() takes it for a character, which no topic has; and with parentheses around it, for their end. */
static bool has_lone_close(const char *text)
{
	int depth = 0;

	while (*text && depth >= 0) {
		if (*text == '[') {
			text = bracket_end(text);
			continue;
		}
		if (*text == '\\' && text[1])
			text++;
		else if (*text == '(')
			depth++;
		else if (*text == ')')
			depth--;
		text++;
	}
	return depth < 0;
}

static bool has_back_reference(const char *text)
{
	for (; *text; text++) {
		if (*text != '\\')
			continue;
		if (isdigit((unsigned char)text[1]))
			return true;
		if (text[1])
			text++;
	}
	return false;
}

/* An upper bound: {m,n} anywhere, also where it only stands for itself. */
static bool repeats_too_much(const char *text)
{
	unsigned long product = 1;

	for (; *text; text++) {
		unsigned long most = 0;

		if (*text != '{')
			continue;
		for (const char *p = text + 1; isdigit((unsigned char)*p) || *p == ','; p++) {
			unsigned long number = strtoul(p, NULL, 10);

			if (number > most)
				most = number;
		}
		if (most > REPETITIONS_MAX)
			return true;
		product *= most > 0 ? most : 1;
		if (product > REPETITIONS_MAX)
			return true;
	}
	return false;
}

/* The largest number in the braces at p, which is behind them afterwards. *least: the first one. */
static unsigned long take_braces(const char **p, unsigned long *least)
{
	unsigned long most = 1;

	*least = isdigit((unsigned char)(*p)[1]) ? strtoul(*p + 1, NULL, 10) : (*p)[1] != ',';
	for (; **p && **p != '}'; (*p)++) {
		unsigned long number = isdigit((unsigned char)**p) ? strtoul(*p, NULL, 10) : 0;

		if (number > most)
			most = number;
	}
	if (**p)
		(*p)++;
	return most;
}

/* What regcomp() sees of * and + once it has written out the repetitions. */
struct repeats {
	unsigned long groups; /* repeated */
	unsigned long atoms;  /* single ones, which count as groups where they are copied */
	bool may_be_empty;
	bool repeats_empty; /* something of it may be empty, and is repeated */
};

static struct repeats take_repeats(const char **p);

static void copy(struct repeats *repeats, unsigned long times)
{
	if (times > 1) {
		repeats->repeats_empty |= repeats->may_be_empty;
		repeats->groups = (repeats->groups + repeats->atoms) * times;
		repeats->atoms = 0;
	}
	if (repeats->groups > REPEATED_GROUPS_MAX)
		repeats->groups = REPEATED_GROUPS_MAX + 1;
}

/* Does an atom stand for a place in the name, and for no character? */
static bool is_place(const char *p)
{
	return *p == '^' || *p == '$' || (*p == '\\' && p[1] && strchr("bB<>`'", p[1]));
}

/* One atom with all its quantifiers. */
static struct repeats take_repeats_of_atom(const char **p)
{
	struct repeats repeats = { 0 };
	bool is_group = **p == '(';

	if (**p == '[') {
		*p = bracket_end(*p);
	} else {
		repeats.may_be_empty = is_place(*p);
		*p += **p == '\\' && (*p)[1] ? 2 : 1;
		if (is_group) {
			repeats = take_repeats(p);
			if (**p == ')')
				(*p)++;
		}
	}
	while (**p && strchr("*+?{", **p)) {
		unsigned long least = **p == '+';

		if (**p == '{') {
			copy(&repeats, take_braces(p, &least));
		} else {
			/* x+ is compiled as xx*. */
			if (**p == '+')
				repeats.groups *= 2;
			if (**p != '?') {
				*(is_group ? &repeats.groups : &repeats.atoms) += 1;
				repeats.repeats_empty |= repeats.may_be_empty;
			}
			copy(&repeats, 1);
			(*p)++;
		}
		repeats.may_be_empty |= least == 0;
		is_group = true; /* what is repeated twice is one as well */
	}
	return repeats;
}

/* Up to the end of this group. regcomp() follows all ways through what may be empty and is repeated, and copies what + and
 * {m,n} repeat: ((x?{1,9}){1,9})* and ((x+)+)+... take time and memory by powers of two. */
static struct repeats take_repeats(const char **p)
{
	struct repeats repeats = { 0 };
	bool may_be_empty = true; /* this alternative */

	while (**p && **p != ')') {
		struct repeats more = { 0 };

		if (**p == '|') {
			repeats.may_be_empty |= may_be_empty;
			may_be_empty = true;
			(*p)++;
			continue;
		}
		more = take_repeats_of_atom(p);
		repeats.groups += more.groups;
		repeats.atoms += more.atoms;
		repeats.repeats_empty |= more.repeats_empty;
		may_be_empty &= more.may_be_empty;
	}
	repeats.may_be_empty |= may_be_empty;
	return repeats;
}

static const char *refusal(const char *text)
{
	size_t length = strlen(text);
	struct repeats repeats;

	if (length > TOPIC_PATTERN_LENGTH_MAX)
		return "is longer than 255 characters; use several shorter ones";
	if (length == 1)
		return "matches no name; write ^.* for all topics";
	for (size_t i = 0; i < length; i++)
		if (!isprint((unsigned char)text[i]))
			return "holds characters that no topic has; remove them";
	if (has_lone_close(text))
		return "has a \")\" without its \"(\"; add or remove one";
	if (has_back_reference(text))
		return "refers back to a group, which can take for ever to match; write it without";
	if (repeats_too_much(text))
		return "repeats too much, which takes too much memory; use + or * in place of large numbers";
	text++; /* its "^" */
	repeats = take_repeats(&text);
	if (repeats.repeats_empty)
		return "repeats what may be empty, which can take for ever to compile; write it so that what *, + or {...} "
		       "repeats is one character at least";
	if (repeats.groups > REPEATED_GROUPS_MAX)
		return "repeats too many groups, which can take for ever to compile; write it with fewer (...)* and "
		       "(...)+, and none within another";
	return NULL;
}

/* ---- compiling and matching ---- */

static int compile(regex_t *compiled, const char *text, char *why, size_t size)
{
	int code = regcomp(compiled, text, REG_EXTENDED | REG_NOSUB);
	char words[128];

	if (code == 0)
		return 0;
	regerror(code, compiled, words, sizeof words);
	snprintf(why, size, "is no regular expression (POSIX extended): %s; correct it", words);
	return code;
}

struct topic_pattern *topic_pattern_new(const char *entry, char *why, size_t size)
{
	_cleanup_free_ char *whole = NULL;
	struct topic_pattern *pattern;
	const char *refused = refusal(entry);

	if (refused) {
		snprintf(why, size, "%s", refused);
		return NULL;
	}
	pattern = xcalloc(1, sizeof *pattern);
	whole = xasprintf("^(%s)$", entry + 1);
	if (compile(&pattern->whole, whole, why, size)) {
		free(pattern);
		return NULL;
	}
	pattern->text = xstrdup(entry + 1);
	return pattern;
}

void topic_pattern_free(struct topic_pattern *pattern)
{
	if (!pattern)
		return;
	regfree(&pattern->whole);
	free(pattern->text);
	free(pattern);
}

bool topic_pattern_matches(const struct topic_pattern *pattern, const char *topic)
{
	return strncmp(topic, "__", 2) != 0 && regexec(&pattern->whole, topic, 0, NULL, 0) == 0;
}

/* ---- examples ---- */

/* Reads the pattern from left to right and writes a name that should match: whoever asks looks whether it does. What
 * can be chosen is chosen by the bits of the variant. */
struct example {
	const char *next;
	unsigned variant;
	char name[TOPIC_LENGTH_MAX + 1];
	size_t length;
};

static unsigned choose(struct example *example, unsigned among)
{
	unsigned choice = example->variant % among;

	example->variant /= among;
	return choice;
}

static void put(struct example *example, char c)
{
	if (example->length < TOPIC_LENGTH_MAX)
		example->name[example->length++] = c;
}

static void put_of_bracket(struct example *example)
{
	static const char candidates[] = "xXab0123456789-_.cdefghijklmnopqrstuvwyzABCDEFGHIJKLMNOPQRSTUVWYZ";
	const char *end = bracket_end(example->next);
	_cleanup_free_ char *text = xasprintf("^%.*s$", (int)(end - example->next), example->next);
	regex_t bracket;

	example->next = end;
	if (regcomp(&bracket, text, REG_EXTENDED | REG_NOSUB))
		return;
	for (const char *c = candidates; *c; c++) {
		const char one[] = { *c, '\0' };

		if (regexec(&bracket, one, 0, NULL, 0) == 0) {
			put(example, *c);
			break;
		}
	}
	regfree(&bracket);
}

/* How many alternatives there are from here to the end of the group. */
static unsigned count_alternatives(const char *p)
{
	unsigned count = 1;
	int depth = 0;

	while (*p && depth >= 0) {
		if (*p == '[') {
			p = bracket_end(p);
			continue;
		}
		if (*p == '\\' && p[1])
			p++;
		else if (*p == '(')
			depth++;
		else if (*p == ')')
			depth--;
		else if (*p == '|' && depth == 0)
			count++;
		p++;
	}
	return count;
}

static void put_group(struct example *example);

static void put_atom(struct example *example)
{
	char c = *example->next;

	if (c == '[') {
		put_of_bracket(example);
		return;
	}
	example->next++;
	if (c == '(') {
		put_group(example);
		if (*example->next == ')')
			example->next++;
	} else if (c == '.') {
		put(example, 'x');
	} else if (c == '\\' && *example->next) {
		c = *example->next++;
		put(example, c == 'w' ? 'x' : c);
	} else if (c != '^' && c != '$') {
		put(example, c);
	}
}

/* The quantifier at hand, if there is one: how often the atom before it stands in the example. */
static unsigned take_quantifier(struct example *example)
{
	unsigned least;

	switch (*example->next) {
	case '*':
	case '?':
		example->next++;
		return 1 - choose(example, 2);
	case '+':
		example->next++;
		return 1;
	case '{':
		least = (unsigned)strtoul(example->next + 1, NULL, 10);
		example->next += strcspn(example->next, "}");
		if (*example->next)
			example->next++;
		return least > 0 ? least : 1 - choose(example, 2);
	default:
		return 1;
	}
}

static void put_sequence(struct example *example)
{
	while (*example->next && *example->next != '|' && *example->next != ')') {
		size_t start = example->length;
		size_t length;
		unsigned times;

		put_atom(example);
		length = example->length - start;
		times = take_quantifier(example);
		if (times == 0)
			example->length = start;
		for (; times > 1 && length > 0 && example->length + length <= TOPIC_LENGTH_MAX; times--) {
			memcpy(example->name + example->length, example->name + start, length);
			example->length += length;
		}
	}
}

static void put_group(struct example *example)
{
	unsigned chosen = choose(example, count_alternatives(example->next));

	for (unsigned i = 0;; i++) {
		size_t before = example->length;

		put_sequence(example);
		if (i != chosen)
			example->length = before;
		if (*example->next != '|')
			return;
		example->next++;
	}
}

char *topic_pattern_example(const struct topic_pattern *pattern, unsigned variant)
{
	struct example example = { .next = pattern->text, .variant = variant };

	put_group(&example);
	example.name[example.length] = '\0';
	if (!topic_name_is_valid(example.name) || !topic_pattern_matches(pattern, example.name))
		return NULL;
	return xstrdup(example.name);
}
