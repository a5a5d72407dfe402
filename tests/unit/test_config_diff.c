/* The promises of config/diff.h: every key of a pipeline makes a difference, and nothing else does. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <cmocka.h>
#include "base/cleanup.h"
#include "base/memory.h"
#include "config/diff.h"
#include "config/keys.h"
#include "config/property_list.h"
#include "config_files.h"

/* Every list has an entry, and every key that may be absent is there. */
#define WHOLE                                                                                                \
	"aloqd = { control = \"/run/here.sock\"; instance = \"one\"; };\n"                                   \
	"clusters = { main = { brokers = \"a:1\"; properties = [ \"client.rack=x\" ]; };\n"                  \
	"             far = { brokers = \"b:1\"; properties = [ \"client.rack=x\" ]; }; };\n"                \
	"pipelines = { orders = {\n"                                                                         \
	"  from = { cluster = \"main\"; topics = [ \"orders\", \"returns\" ];\n"                             \
	"    properties = [ \"fetch.wait.max.ms=5\" ]; };\n"                                                 \
	"  to = { cluster = \"far\"; topic = \"copy.{topic}\"; partition = { fixed = 3; };\n"                \
	"    create = { properties = [ \"retention.ms=5\" ]; };\n"                                           \
	"    properties = [ \"topic.metadata.refresh.interval.ms=5000\" ]; };\n"                             \
	"  on_error = \"dead_letter\"; dead_letter = \"dead\"; }; };\n"

static struct config *load(const char *text)
{
	struct config_findings findings = { 0 };
	int exit_code;
	struct config *config = config_files_load(text, &findings, &exit_code);

	if (!config) {
		_cleanup_free_ char *problems = config_files_describe(&findings);

		fail_msg("%s", problems);
	}
	config_findings_clear(&findings);
	return config;
}

/* Replaces a text by one that differs. */
static void change_text(char **text)
{
	char *other = xasprintf("%s-other", *text ? *text : "");

	free(*text);
	*text = other;
}

static void change_property(struct config_properties *list)
{
	assert_true(list->count > 0);
	change_text(&list->items[0].value);
}

/* Gives the key in object (the struct of its place) another value. */
static void change_value(const struct key *key, void *object)
{
	void *field = (char *)object + key->offset;

	switch (key->type) {
	case KEY_BOOL:
		*(bool *)field = !*(bool *)field;
		break;
	case KEY_INT32:
		*(int32_t *)field += 1;
		break;
	case KEY_INT64:
	case KEY_DURATION_MS:
	case KEY_DURATION_US:
		*(int64_t *)field += 1;
		break;
	case KEY_SIZE:
		*(uint64_t *)field += 1;
		break;
	case KEY_CHOICE:
		*(unsigned char *)field ^= 1;
		break;
	case KEY_TEXT:
	case KEY_BROKERS:
	case KEY_WORD:
	case KEY_LISTENER:
	case KEY_INSTANCE:
		change_text(field);
		break;
	case KEY_TOPICS:
		change_text(&((struct config_from *)object)->topics[1]);
		break;
	case KEY_START:
		((struct config_from *)object)->start_timestamp_ms++;
		break;
	case KEY_PARTITION:
		((struct config_to *)object)->fixed_partition++;
		break;
	case KEY_PROPERTIES:
		change_property(field);
		break;
	case KEY_SECRET: /* named as before, and another one */
		change_text(&((struct config_secret *)field)->value);
		break;
	case KEY_FILE:
		((struct config_file *)field)->contents_hash++;
		break;
	case KEY_CLUSTER:
		change_text(&(*(struct config_cluster **)field)->name);
		break;
	case KEY_GROUP:
	case KEY_LATER:
		break;
	}
}

/* Changes each key of the place in turn, in the struct that found() finds in a config, and asks what differs. */
static void assert_each_key_differs(
    enum key_place place, void *(*found)(struct config *config), const char *before)
{
	size_t count;
	const struct key *key = keys_all(&count);
	size_t asked = 0;

	for (; count > 0; key++, count--) {
		struct config *one, *other;
		_cleanup_free_ char *key_path = NULL;
		_cleanup_free_ char *differs = NULL;

		if (key->place != place || key->type == KEY_LATER)
			continue;
		if (key->type == KEY_GROUP) { /* the test asks for each key of it, if it knows the place */
			asked++;
			continue;
		}
		one = load(WHOLE);
		other = load(WHOLE);
		change_value(key, found(other));
		key_path = xasprintf("%s%s", before, key->name);
		differs = diff_pipeline(&one->pipelines[0], &other->pipelines[0]);
		if (!differs || strcmp(differs, key_path) != 0)
			fail_msg("%s was changed, and it is said to be %s", key_path,
			    differs ? differs : "the same");
		config_free(one);
		config_free(other);
		asked++;
	}
	assert_true(asked > 0);
}

static void *find_pipeline(struct config *config)
{
	return &config->pipelines[0];
}

static void *find_from(struct config *config)
{
	return &config->pipelines[0].from;
}

static void *find_to(struct config *config)
{
	return &config->pipelines[0].to;
}

static void *find_commit(struct config *config)
{
	return &config->pipelines[0].commit;
}

static void *find_create(struct config *config)
{
	return &config->pipelines[0].to.create;
}

static void *find_main(struct config *config)
{
	return &config->clusters[0];
}

static void *find_tls(struct config *config)
{
	return &config->clusters[0].tls;
}

static void *find_sasl(struct config *config)
{
	return &config->clusters[0].sasl;
}

static void *find_far(struct config *config)
{
	return &config->clusters[1];
}

static void test_every_key_of_a_pipeline_makes_a_difference(void **state)
{
	int places = 0;

	for (int place = 0; place < PLACE_COUNT; place++) {
		switch ((enum key_place)place) { /* a place that is new must be thought of: no default */
		case PLACE_ALOQD:                /* no pipeline's */
		case PLACE_COUNT:
			continue;
		case PLACE_PIPELINE:
			assert_each_key_differs(PLACE_PIPELINE, find_pipeline, "");
			break;
		case PLACE_RATE:
			assert_each_key_differs(PLACE_RATE, find_pipeline, "rate.");
			break;
		case PLACE_FROM:
			assert_each_key_differs(PLACE_FROM, find_from, "from.");
			break;
		case PLACE_TO:
			assert_each_key_differs(PLACE_TO, find_to, "to.");
			break;
		case PLACE_COMMIT:
			assert_each_key_differs(PLACE_COMMIT, find_commit, "commit.");
			break;
		case PLACE_CREATE:
			assert_each_key_differs(PLACE_CREATE, find_create, "to.create.");
			break;
		case PLACE_TLS:
			assert_each_key_differs(PLACE_TLS, find_tls, "clusters.main.tls.");
			break;
		case PLACE_SASL:
			assert_each_key_differs(PLACE_SASL, find_sasl, "clusters.main.sasl.");
			break;
		case PLACE_CLUSTER:
			assert_each_key_differs(PLACE_CLUSTER, find_main, "clusters.main.");
			assert_each_key_differs(PLACE_CLUSTER, find_far, "clusters.far.");
			break;
		}
		places++;
	}
	assert_int_equal(places, PLACE_COUNT - 1);
}

static char *difference(const char *one_text, const char *other_text)
{
	struct config *one = load(one_text);
	struct config *other = load(other_text);
	char *key = diff_pipeline(&one->pipelines[0], &other->pipelines[0]);

	config_free(one);
	config_free(other);
	return key;
}

static void test_what_is_no_key_makes_none(void **state)
{
	/* other lines, clusters, pipelines and settings of the daemon, and a default that is written out */
	static const char other[] =
	    "aloqd = { memory = \"512MiB\"; instance = \"other\"; };\n\n"
	    "clusters = { first = { brokers = \"elsewhere:1\"; };\n"
	    "  main = { brokers = \"kafka-1:9092\"; }; };\n"
	    "pipelines = {\n"
	    "  orders = { from = { cluster = \"main\"; topics = [ \"orders\" ]; on_gap = \"block\"; };\n"
	    "    to = { topic = \"relayed\"; }; };\n"
	    "  more = { from = { cluster = \"first\"; topics = [ \"x\" ]; }; to = { topic = \"y\"; }; };\n"
	    "};\n";

	assert_null(difference(WHOLE, WHOLE));
	assert_null(difference(GOOD_CONFIG("", "", ""), other));
}

static void assert_differs(const char *one, const char *other, const char *key)
{
	_cleanup_free_ char *found = difference(one, other);

	assert_non_null(found);
	assert_string_equal(found, key);
}

static void test_what_is_there_or_not_makes_one(void **state)
{
	assert_differs(GOOD_CONFIG("", "", ""), GOOD_CONFIG("", "create = {};", ""), "to.create");
	assert_differs(GOOD_CONFIG("", "", ""),
	    "clusters = { main = { brokers = \"kafka-1:9092\"; tls = {}; }; };\n" GOOD_PIPELINE("", "", ""),
	    "clusters.main.tls");
	assert_differs(GOOD_CONFIG("", "", ""), GOOD_CONFIG("start = \"latest\";", "", ""), "from.start");
	assert_differs(GOOD_CONFIG("", "", ""), GOOD_CONFIG("", "partition = \"key\";", ""), "to.partition");
	assert_differs(GOOD_CONFIG("", "", ""),
	    GOOD_CONFIG("properties = [ \"fetch.wait.max.ms=5\" ];", "", ""), "from.properties");
	assert_differs(
	    GOOD_CONFIG("", "", ""), GOOD_CONFIG("", "", "rate = { records = 5; };"), "rate.records");
}

static void count_sentence(void *context, const char *sentence)
{
	unsigned *told = context;

	assert_non_null(strstr(sentence, "a reload does not change it"));
	*told += 1;
}

static void test_what_needs_a_restart_stays_and_is_told(void **state)
{
	struct config *running = load(GOOD_CONFIG("", "", ""));
	struct config *fresh = load("aloqd = { http = \"127.0.0.1:1\"; control = \"/elsewhere\";\n"
				    "  instance = \"new\"; memory = \"64MiB\"; };\n" GOOD_CONFIG("", "", ""));
	unsigned told = 0;

	diff_keep_running(running, fresh, count_sentence, &told);
	assert_int_equal(told, 3);
	assert_null(fresh->http);
	assert_string_equal(fresh->control, running->control);
	assert_string_equal(fresh->instance, running->instance);
	assert_int_equal(fresh->memory_bytes, 64 << 20);
	told = 0;
	diff_keep_running(running, fresh, count_sentence, &told);
	assert_int_equal(told, 0);
	config_free(running);
	config_free(fresh);
}

static void test_only_texts_of_the_daemon_need_a_restart(void **state)
{
	size_t count;
	const struct key *key = keys_all(&count);

	for (; count > 0; key++, count--) {
		if (!key->restart)
			continue;
		assert_int_equal(key->place, PLACE_ALOQD);
		assert_true(key->type == KEY_TEXT || key->type == KEY_LISTENER || key->type == KEY_INSTANCE);
	}
}

static void test_a_config_lives_as_long_as_its_last_holder(void **state)
{
	struct config *config = load(GOOD_CONFIG("", "", ""));
	struct config *held = config_hold(config);

	assert_ptr_equal(held, config);
	config_free(config);
	assert_string_equal(held->pipelines[0].from.cluster->name, "main");
	config_free(held);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_key_of_a_pipeline_makes_a_difference),
		cmocka_unit_test(test_what_is_no_key_makes_none),
		cmocka_unit_test(test_what_is_there_or_not_makes_one),
		cmocka_unit_test(test_what_needs_a_restart_stays_and_is_told),
		cmocka_unit_test(test_only_texts_of_the_daemon_need_a_restart),
		cmocka_unit_test(test_a_config_lives_as_long_as_its_last_holder),
	};
	int failed;

	config_files_begin();
	failed = cmocka_run_group_tests(tests, NULL, NULL);
	config_files_end();
	return failed;
}
