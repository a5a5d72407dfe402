/* Promises that hold for every configuration, on many that are made by chance: what is right loads, and its
 * dump, read again, has the same values and dumps the same. ALOQD_SEED replays a run; it counts up, one
 * configuration a seed. */
#include <ctype.h>
#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <cmocka.h>
#include "config/keys.h"
#include "config/property_list.h"
#include "config_files.h"
#include "fuzz/config_generator.h"

enum { CONFIGURATIONS = 500 };

/* What is at hand, for the message. */
static uint64_t seed;
static const char *text;

#define FAIL(...)                                                                                            \
	do {                                                                                                 \
		print_error("seed %" PRIu64 "\n%s\n", seed, text);                                           \
		fail_msg(__VA_ARGS__);                                                                       \
	} while (0)

static struct config *load(const char *what, const char *bytes)
{
	struct config_findings findings = { 0 };
	int exit_code = -1;
	struct config *config = config_files_load(bytes, &findings, &exit_code);
	char *said = config_files_describe(&findings);

	if (!config)
		FAIL("%s is refused: %s", what, said);
	free(said);
	config_findings_clear(&findings);
	return config;
}

static bool same_text(const char *a, const char *b)
{
	return a && b ? strcmp(a, b) == 0 : a == b;
}

static bool same_topics(const struct config_from *a, const struct config_from *b)
{
	bool same = a->topic_count == b->topic_count;

	for (size_t i = 0; same && i < a->topic_count; i++)
		same = same_text(a->topics[i], b->topics[i]);
	return same;
}

/* Those that stand in the file itself are not shown. */
static bool same_secret(const struct config_secret *a, const struct config_secret *b)
{
	return same_text(a->text, b->text) || (a->text && b->text && strcmp(b->text, "***") == 0);
}

static bool same_properties(const struct config_properties *a, const struct config_properties *b)
{
	bool same = a->count == b->count;

	for (size_t i = 0; same && i < a->count; i++)
		same =
		    same_text(a->items[i].name, b->items[i].name) &&
		    (property_is_secret(a->items[i].name) ? strcmp(b->items[i].value, "***") == 0
							  : same_text(a->items[i].value, b->items[i].value));
	return same;
}

static void assert_same_place(enum key_place place, const void *a, const void *b);

static bool is_same(const struct key *key, const void *a, const void *b)
{
	const void *x = (const char *)a + key->offset;
	const void *y = (const char *)b + key->offset;
	const struct config_from *from = a, *other_from = b;
	const struct config_to *to = a, *other_to = b;

	switch (key->type) {
	case KEY_BOOL:
		return *(const bool *)x == *(const bool *)y;
	case KEY_INT32:
		return *(const int32_t *)x == *(const int32_t *)y;
	case KEY_INT64:
	case KEY_DURATION_MS:
	case KEY_DURATION_US:
	case KEY_SIZE:
		return memcmp(x, y, sizeof(int64_t)) == 0;
	case KEY_CHOICE:
		return memcmp(x, y, sizeof(int)) == 0;
	case KEY_TEXT:
	case KEY_BROKERS:
	case KEY_WORD:
	case KEY_LISTENER:
	case KEY_INSTANCE:
		return same_text(*(char *const *)x, *(char *const *)y);
	case KEY_CLUSTER:
		return same_text((*(const struct config_cluster *const *)x)->name,
		    (*(const struct config_cluster *const *)y)->name);
	case KEY_TOPICS:
		return same_topics(a, b);
	case KEY_START:
		return from->start == other_from->start &&
		       from->start_timestamp_ms == other_from->start_timestamp_ms;
	case KEY_PARTITION:
		return to->partition == other_to->partition &&
		       to->fixed_partition == other_to->fixed_partition;
	case KEY_PROPERTIES:
		return same_properties(x, y);
	case KEY_GROUP:
		assert_same_place(key->group, x, y);
		return !key->optional || *(const bool *)x == *(const bool *)y;
	case KEY_SECRET:
		return same_secret(x, y);
	case KEY_FILE:
		return same_text(
		    ((const struct config_file *)x)->text, ((const struct config_file *)y)->text);
	case KEY_LATER:
		break;
	}
	return true;
}

static void assert_same_place(enum key_place place, const void *a, const void *b)
{
	size_t count;
	const struct key *keys = keys_all(&count);

	for (size_t i = 0; i < count; i++)
		if (keys[i].place == place && !is_same(&keys[i], a, b))
			FAIL("the dump has another %s", keys[i].name);
}

static void assert_same_values(const struct config *a, const struct config *b)
{
	assert_same_place(PLACE_ALOQD, a, b);
	assert_int_equal(a->cluster_count, b->cluster_count);
	assert_int_equal(a->pipeline_count, b->pipeline_count);
	for (size_t i = 0; i < a->cluster_count; i++) {
		assert_string_equal(a->clusters[i].name, b->clusters[i].name);
		assert_same_place(PLACE_CLUSTER, &a->clusters[i], &b->clusters[i]);
	}
	for (size_t i = 0; i < a->pipeline_count; i++) {
		assert_string_equal(a->pipelines[i].name, b->pipelines[i].name);
		assert_same_place(PLACE_PIPELINE, &a->pipelines[i], &b->pipelines[i]);
	}
}

static void test_what_is_right_loads_and_its_dump_is_the_same(void **state)
{
	for (int i = 0; i < CONFIGURATIONS; i++, seed++) {
		char *generated = config_generate(seed);
		struct config *config, *again;
		char *dump, *dump_again;

		text = generated;
		config = load("a right configuration", generated);
		dump = config_dump(config);
		again = load("the dump", dump);
		dump_again = config_dump(again);
		assert_same_values(config, again);
		if (strcmp(dump, dump_again) != 0)
			FAIL("its dump, read again, dumps another one");
		config_free(config);
		config_free(again);
		free(dump);
		free(dump_again);
		free(generated);
	}
}

static bool is_of_word(char c)
{
	return isalnum((unsigned char)c) || c == '_';
}

/* Is there a setting of that name, not only one whose name or value has it in it? */
static bool sets(const char *file, const char *name)
{
	size_t length = strlen(name);

	for (const char *at = file; (at = strstr(at, name)); at += length)
		if ((at == file || !is_of_word(at[-1])) && at[length + strspn(at + length, " ")] == '=')
			return true;
	return false;
}

/* The one before is meaningless when the generator leaves out what it should try. */
static void test_every_key_that_may_stand_in_a_file_is_tried(void **state)
{
	size_t count;
	const struct key *keys = keys_all(&count);
	size_t found = 0;
	char *all = NULL;
	size_t size = 0;
	FILE *out = open_memstream(&all, &size);

	for (uint64_t i = 0; i < 100; i++) {
		char *generated = config_generate(i);

		fputs(generated, out);
		free(generated);
	}
	fclose(out);
	for (size_t i = 0; i < count; i++) {
		if (keys[i].type == KEY_LATER)
			continue;
		if (!sets(all, keys[i].name))
			fail_msg("no configuration has %s", keys[i].name);
		found++;
	}
	assert_true(found > 30);
	free(all);
}

static int set_up(void **state)
{
	config_files_begin();
	config_files_make_credentials();
	return 0;
}

static int tear_down(void **state)
{
	config_files_end();
	return 0;
}

int main(void)
{
	const char *given = getenv("ALOQD_SEED");
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_what_is_right_loads_and_its_dump_is_the_same),
		cmocka_unit_test(test_every_key_that_may_stand_in_a_file_is_tried),
	};

	seed = given ? strtoull(given, NULL, 10) : (uint64_t)time(NULL) * 1000;
	print_message("seed %" PRIu64 " (ALOQD_SEED replays it)\n", seed);
	return cmocka_run_group_tests_name("generated config", tests, set_up, tear_down);
}
