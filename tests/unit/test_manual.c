/* The manuals know every key of the configuration with its default, every choice, every metric and every
 * state, and nothing that is gone. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "config/keys.h"
#include "daemon/metrics.h"
#include "daemon/options.h"

#define TEXT_SIZE (128 * 1024)

static const char *const sections[PLACE_COUNT] = {
	[PLACE_ALOQD] = ".Ss aloqd\n",
	[PLACE_CLUSTER] = ".Ss clusters. Ns Ar NAME\n",
	[PLACE_TLS] = ".Ss clusters.NAME.tls\n",
	[PLACE_SASL] = ".Ss clusters.NAME.sasl\n",
	[PLACE_PIPELINE] = ".Ss pipelines. Ns Ar NAME\n",
	[PLACE_FROM] = ".Ss pipelines.NAME.from\n",
	[PLACE_TO] = ".Ss pipelines.NAME.to\n",
	[PLACE_COMMIT] = ".Ss pipelines.NAME.commit\n",
	[PLACE_RATE] = ".Ss pipelines.NAME.rate\n",
	[PLACE_CREATE] = ".Ss pipelines.NAME.to.create\n",
};

static char *read_manual(const char *path)
{
	char *text = calloc(TEXT_SIZE, 1);
	FILE *file = fopen(path, "re");

	assert_non_null(text);
	if (!file)
		fail_msg("cannot open %s", path);
	assert_true(fread(text, 1, TEXT_SIZE - 1, file) < TEXT_SIZE - 1);
	fclose(file);
	return text;
}

/* The part of text from begin up to the next line that begins with one of the two macros. The caller frees.
 */
static char *part_of(const char *text, const char *begin, const char *end, const char *other_end)
{
	const char *from = strstr(text, begin);
	const char *to, *other;

	if (!from)
		return NULL;
	from += strlen(begin);
	to = strstr(from, end);
	other = strstr(from, other_end);
	if (!to || (other && other < to))
		to = other;
	return to ? strndup(from, (size_t)(to - from)) : strdup(from);
}

static bool has_quoted(const char *entry, const char *word)
{
	char quoted[128];

	/* a dash stands for itself only when it is escaped */
	snprintf(quoted, sizeof quoted, ".Ql %s%s", word[0] == '-' ? "\\" : "", word);
	return strstr(entry, quoted);
}

static void assert_key_is_described(const char *manual, const struct key *key)
{
	char *section = part_of(manual, sections[key->place], "\n.Ss ", "\n.Sh ");
	char *entry;
	char item[128];

	assert_non_null(section);
	snprintf(item, sizeof item, ".It Ic %s\n", key->name);
	entry = part_of(section, item, "\n.It ", "\n.El");
	if (!entry)
		fail_msg("no '%s' below '%s'", key->name, sections[key->place]);
	if (key->default_text && !has_quoted(entry, key->default_text))
		fail_msg("'%s' below '%s' does not name the default '%s'", key->name, sections[key->place],
		    key->default_text);
	if (key->required && !strstr(entry, "Must be set."))
		fail_msg("'%s' below '%s' must be set, and does not say so", key->name, sections[key->place]);
	free(entry);
	free(section);
}

static void test_the_manual_describes_every_key_with_its_default(void **state)
{
	char *manual = read_manual(MANUAL_DIR "/aloqd.conf.5");
	size_t count;
	const struct key *keys = keys_all(&count);

	for (size_t i = 0; i < count; i++) {
		if (keys[i].type != KEY_LATER)
			assert_key_is_described(manual, &keys[i]);
	}
	free(manual);
}

static void test_the_manual_describes_no_key_that_there_is_not(void **state)
{
	char *manual = read_manual(MANUAL_DIR "/aloqd.conf.5");

	for (int place = 0; place < PLACE_COUNT; place++) {
		char *section = part_of(manual, sections[place], "\n.Ss ", "\n.Sh ");
		const char *item = section;

		assert_non_null(section);
		while ((item = strstr(item, ".It Ic "))) {
			char name[64];
			const struct key *key;

			assert_int_equal(sscanf(item, ".It Ic %63s", name), 1);
			key = keys_find((enum key_place)place, name);
			if (!key || key->type == KEY_LATER)
				fail_msg("'%s' below '%s' is no key", name, sections[place]);
			item++;
		}
		free(section);
	}
	free(manual);
}

static void test_the_manual_lists_every_metric(void **state)
{
	static const struct identity identity = { "1", "2", "3" };
	char *manual = read_manual(MANUAL_DIR "/aloqd.8");
	char *page = NULL;
	size_t length;
	FILE *out = open_memstream(&page, &length);

	assert_non_null(out);
	metrics_write(out, &identity, 0, NULL, 0);
	assert_int_equal(fclose(out), 0);
	for (const char *line = page; (line = strstr(line, "# TYPE ")); line++) {
		char name[128];

		assert_int_equal(sscanf(line, "# TYPE %127s", name), 1);
		if (!strstr(manual, name))
			fail_msg("aloqd.8 does not list %s", name);
	}
	free(page);
	free(manual);
}

static void test_the_manual_explains_every_state(void **state)
{
	char *manual = read_manual(MANUAL_DIR "/aloqd.8");

	for (int i = 0; i < PIPELINE_STATE_COUNT; i++) {
		char item[64];

		snprintf(item, sizeof item, "\n.It %s\n", pipeline_state_name((enum pipeline_state)i));
		if (!strstr(manual, item))
			fail_msg("aloqd.8 does not explain the state %s",
			    pipeline_state_name((enum pipeline_state)i));
	}
	free(manual);
}

static void test_the_manual_describes_every_option(void **state)
{
	char *manual = read_manual(MANUAL_DIR "/aloqd.8");
	char *help = NULL;
	size_t length;
	FILE *out = open_memstream(&help, &length);
	size_t count = 0;

	assert_non_null(out);
	options_print_help(out);
	assert_int_equal(fclose(out), 0);
	/* Those of the usage line are there again below, at the beginning of a line or behind the short one. */
	for (const char *option = strchr(help, '\n'); (option = strstr(option, " --")); option++) {
		char name[64];
		char item[80];

		assert_int_equal(sscanf(option, " --%60[a-z-]", name), 1);
		snprintf(item, sizeof item, "Fl -%s", name);
		if (!strstr(manual, item)) /* behind the short one */
			snprintf(item, sizeof item, " , -%s", name);
		if (!strstr(manual, item))
			fail_msg("aloqd.8 does not describe --%s", name);
		count++;
	}
	assert_true(count >= 7);
	free(help);
	free(manual);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_the_manual_describes_every_key_with_its_default),
		cmocka_unit_test(test_the_manual_describes_no_key_that_there_is_not),
		cmocka_unit_test(test_the_manual_lists_every_metric),
		cmocka_unit_test(test_the_manual_explains_every_state),
		cmocka_unit_test(test_the_manual_describes_every_option),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
