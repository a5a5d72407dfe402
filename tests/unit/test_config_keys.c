/* The key table is sound, and the sample speaks of every key with its true default. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "base/memory.h"
#include "config/config.h"
#include "config/keys.h"

static char *read_sample(void)
{
	FILE *file = fopen(SAMPLE_FILE, "r");
	char *text = xcalloc(65536, 1);

	assert_non_null(file);
	assert_true(fread(text, 1, 65535, file) > 0);
	fclose(file);
	return text;
}

/* Does a line of the sample, commented out or not, set the key? */
static bool sets(const char *sample, const char *setting)
{
	size_t length = strlen(setting);

	for (const char *line = sample; line; line = strchr(line, '\n')) {
		line += strspn(line, "\n\t #");
		if (strncmp(line, setting, length) == 0)
			return true;
	}
	return false;
}

static void test_no_key_stands_twice_and_each_has_help(void **state)
{
	size_t count;
	const struct key *keys = keys_all(&count);

	for (size_t i = 0; i < count; i++) {
		assert_ptr_equal(
		    keys_find(keys[i].place, keys[i].name), &keys[i]); /* the first of its name */
		assert_true(strlen(keys[i].help) > 0);
		assert_true(keys[i].min <= keys[i].max);
	}
}

/* diff_keep_running() reads and replaces them as texts, whatever they are. */
static void test_what_a_start_alone_applies_is_a_text_of_the_daemon(void **state)
{
	size_t count;
	const struct key *keys = keys_all(&count);
	size_t found = 0;

	for (size_t i = 0; i < count; i++) {
		if (!keys[i].restart)
			continue;
		if (keys[i].place != PLACE_ALOQD ||
		    (keys[i].type != KEY_TEXT && keys[i].type != KEY_LISTENER &&
			keys[i].type != KEY_INSTANCE))
			fail_msg("%s", keys[i].name);
		found++;
	}
	assert_true(found > 0);
}

static void test_each_key_is_required_or_says_its_default(void **state)
{
	size_t count;
	const struct key *keys = keys_all(&count);

	for (size_t i = 0; i < count; i++) {
		bool may_be_empty =
		    keys[i].type == KEY_PROPERTIES || keys[i].type == KEY_GROUP || keys[i].type == KEY_LATER;
		int ways = keys[i].required + (keys[i].default_text != NULL) + (keys[i].default_note != NULL);

		if (ways != 1 && !(may_be_empty && ways <= 1))
			fail_msg("%s", keys[i].name);
	}
}

static void test_the_sample_shows_every_key_with_its_default(void **state)
{
	/* What an operator rarely needs is for the manual alone. */
	static const char *const left_out[] = { "control", "instance" };
	char *sample = read_sample();
	size_t count;
	const struct key *keys = keys_all(&count);

	for (size_t i = 0; i < count; i++) {
		bool is_left_out = keys[i].type == KEY_LATER;
		bool is_number =
		    keys[i].type == KEY_INT32 || keys[i].type == KEY_INT64 || keys[i].type == KEY_BOOL;
		char setting[128];

		for (size_t j = 0; j < sizeof left_out / sizeof left_out[0]; j++)
			is_left_out = is_left_out || strcmp(keys[i].name, left_out[j]) == 0;
		if (is_left_out)
			continue;
		if (!keys[i].default_text ||
		    strcmp(keys[i].name, "enabled") == 0) /* the sample's own is off */
			snprintf(setting, sizeof setting, "%s = ", keys[i].name);
		else
			snprintf(setting, sizeof setting, is_number ? "%s = %s;" : "%s = \"%s\";",
			    keys[i].name, keys[i].default_text);
		if (!sets(sample, setting))
			fail_msg("the sample lacks: %s", setting);
	}
	free(sample);
}

static void test_the_nearest_key_is_found_for_usual_slips(void **state)
{
	static const struct {
		enum key_place place;
		const char *slip;
		const char *meant;
	} rows[] = { { PLACE_FROM, "topcs", "topics" }, { PLACE_FROM, "topic", "topics" },
		{ PLACE_TO, "topics", "topic" }, { PLACE_TO, "ack", "acks" },
		{ PLACE_TO, "compresion", "compression" }, { PLACE_ALOQD, "log-level", "log_level" },
		{ PLACE_COMMIT, "intreval", "interval" }, { PLACE_FROM, "zzz", NULL },
		{ PLACE_FROM, "x", NULL }, { PLACE_FROM, "", NULL } };

	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		const struct key *key = keys_nearest(rows[i].place, rows[i].slip);

		if (!rows[i].meant)
			assert_null(key);
		else
			assert_string_equal(key ? key->name : "(none)", rows[i].meant);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_no_key_stands_twice_and_each_has_help),
		cmocka_unit_test(test_what_a_start_alone_applies_is_a_text_of_the_daemon),
		cmocka_unit_test(test_each_key_is_required_or_says_its_default),
		cmocka_unit_test(test_the_sample_shows_every_key_with_its_default),
		cmocka_unit_test(test_the_nearest_key_is_found_for_usual_slips),
	};

	return cmocka_run_group_tests_name("config keys", tests, NULL, NULL);
}
