/* The manuals know every key of the configuration with its type, its default and an example that is right,
 * every choice, every metric and every state, and nothing that is gone. What they say of options is in
 * scripts/test_manual_options.sh. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "base/memory.h"
#include "config/keys.h"
#include "config_files.h"
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

/* With what the entry of a key begins, by its type. */
static const char *type_words(const struct key *key)
{
	switch (key->type) {
	case KEY_BOOL:
		return "Boolean";
	case KEY_INT32:
	case KEY_INT64:
		return "Number";
	case KEY_DURATION_MS:
	case KEY_DURATION_US:
		return "Duration";
	case KEY_SIZE:
		return "Size";
	case KEY_TOPICS:
	case KEY_PROPERTIES:
		return "List of texts";
	case KEY_GROUP:
		return "Group";
	case KEY_TEXT:
	case KEY_BROKERS:
	case KEY_CHOICE:
	case KEY_WORD:
	case KEY_LISTENER:
	case KEY_INSTANCE:
	case KEY_CLUSTER:
	case KEY_START:
	case KEY_PARTITION:
	case KEY_SECRET:
	case KEY_FILE:
	case KEY_LATER:
		break;
	}
	return "Text";
}

/* The example of an entry, a line of its own, as it would stand in a file; NULL: there is none. The caller
 * frees. */
static char *example_of(const char *entry)
{
	static const char begin[] = "\n.Dl \"";
	const char *from = strstr(entry, begin);
	char *example;
	size_t length = 0;

	if (!from)
		return NULL;
	from += sizeof begin - 1;
	example = xcalloc(strlen(from) + 1, 1);
	for (; *from && *from != '"'; from++) {
		if (strncmp(from, "\\(dq", 4) == 0) {
			example[length++] = '"';
			from += 3;
		} else if (strncmp(from, "\\-", 2) == 0) {
			example[length++] = '-';
			from++;
		} else if (strncmp(from, "\\e", 2) == 0) {
			example[length++] = '\\';
			from++;
		} else {
			example[length++] = *from;
		}
	}
	return example;
}

static void write_example(FILE *out, const struct key *key, const char *example, enum key_place place)
{
	if (key->place == place)
		fprintf(out, " %s", example);
}

/* A setting that a configuration needs, unless it is the key's own. */
static void write_setting(
    FILE *out, const struct key *key, enum key_place place, const char *name, const char *text)
{
	if (key->place != place || strcmp(key->name, name) != 0)
		fprintf(out, " %s = %s;", name, text);
}

/* A certificate needs its key, and a password of the key both. */
static void write_tls(FILE *out, const struct key *key, const char *example)
{
	fprintf(out, " tls = { %s", example);
	if (strcmp(key->name, "ca") != 0 && strcmp(key->name, "verify") != 0) {
		write_setting(out, key, PLACE_TLS, "certificate", "\"credential:relay-certificate\"");
		write_setting(out, key, PLACE_TLS, "key", "\"credential:relay-key\"");
	}
	fputs(" };", out);
}

static void write_sasl(FILE *out, const struct key *key, const char *example)
{
	bool has_tokens = strcmp(key->name, "token_endpoint") == 0;

	fprintf(out, " sasl = { %s", example);
	write_setting(
	    out, key, PLACE_SASL, "mechanism", has_tokens ? "\"OAUTHBEARER\"" : "\"SCRAM-SHA-512\"");
	write_setting(out, key, PLACE_SASL, "username", "\"relay\"");
	write_setting(out, key, PLACE_SASL, "password", "\"credential:relay-password\"");
	fputs(" };", out);
}

/* The least configuration with the example in its place. The caller frees. */
static char *configuration_with(const struct key *key, const char *example)
{
	bool is_from = key->place == PLACE_PIPELINE && strcmp(key->name, "from") == 0;
	bool is_to = key->place == PLACE_PIPELINE && strcmp(key->name, "to") == 0;
	char *text = NULL;
	size_t size = 0;
	FILE *out = open_memstream(&text, &size);

	fputs("aloqd = {", out);
	write_example(out, key, example, PLACE_ALOQD);
	fputs(" };\nclusters = { main = {", out);
	write_example(out, key, example, PLACE_CLUSTER);
	write_setting(out, key, PLACE_CLUSTER, "brokers", "\"kafka-1:9092\"");
	if (key->place == PLACE_TLS)
		write_tls(out, key, example);
	if (key->place == PLACE_SASL)
		write_sasl(out, key, example);
	fputs(" }; };\npipelines = { orders = {", out);
	write_example(out, key, example, PLACE_PIPELINE);
	if (strcmp(key->name, "dead_letter") == 0)
		fputs(" on_error = \"dead_letter\";", out);
	if (!is_from) {
		fputs(" from = {", out);
		write_example(out, key, example, PLACE_FROM);
		write_setting(out, key, PLACE_FROM, "cluster", "\"main\"");
		write_setting(out, key, PLACE_FROM, "topics", "[ \"orders\" ]");
		fputs(" };", out);
	}
	if (!is_to) {
		fputs(" to = {", out);
		write_example(out, key, example, PLACE_TO);
		write_setting(out, key, PLACE_TO, "topic", "\"relayed\"");
		if (key->place == PLACE_CREATE)
			fprintf(out, " create = { %s };", example);
		fputs(" };", out);
	}
	if (key->place == PLACE_COMMIT)
		fprintf(out, " commit = { %s };", example);
	if (key->place == PLACE_RATE)
		fprintf(out, " rate = { %s };", example);
	fputs(" }; };\n", out);
	fclose(out);
	return text;
}

static void assert_example_is_right(const struct key *key, const char *entry)
{
	struct config_findings findings = { 0 };
	char *example = example_of(entry);
	char *text;
	char *said;
	int exit_code;

	if (!example || strncmp(example, key->name, strlen(key->name)) != 0)
		fail_msg("'%s' below '%s' has no example", key->name, sections[key->place]);
	text = configuration_with(key, example);
	config_free(config_files_load(text, &findings, &exit_code));
	said = config_files_describe(&findings);
	if (findings.error_count > 0)
		fail_msg(
		    "the example of '%s' below '%s' is wrong: %s", key->name, sections[key->place], said);
	config_findings_clear(&findings);
	free(said);
	free(text);
	free(example);
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
	if (strncmp(entry, type_words(key), strlen(type_words(key))) != 0)
		fail_msg("'%s' below '%s' does not begin with its type, '%s'", key->name,
		    sections[key->place], type_words(key));
	assert_example_is_right(key, entry);
	if (key->default_text && !has_quoted(entry, key->default_text))
		fail_msg("'%s' below '%s' does not name the default '%s'", key->name, sections[key->place],
		    key->default_text);
	if (key->required && !strstr(entry, "Must be set."))
		fail_msg("'%s' below '%s' must be set, and does not say so", key->name, sections[key->place]);
	if (key->restart && !strstr(entry, "A reload does not change it."))
		fail_msg(
		    "'%s' below '%s' needs a restart, and does not say so", key->name, sections[key->place]);
	free(entry);
	free(section);
}

static void test_the_manual_describes_every_key_with_type_default_and_example(void **state)
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

/* All that is ever told: of a pipeline with several members, too. The caller frees. */
static char *metrics_page(void)
{
	static const struct identity identity = { "1", "2", "3" };
	const struct pipeline_snapshot members[2] = { { .name = (char *)"a", .member = 1 },
		{ .name = (char *)"a", .member = 2 } };
	const struct pipeline_snapshot whole = { .name = (char *)"a", .members = members, .member_count = 2 };
	char *page = NULL;
	size_t length;
	FILE *out = open_memstream(&page, &length);

	assert_non_null(out);
	metrics_write(out, &identity, 0, &(struct reload_status){ 0 }, &whole, 1);
	assert_int_equal(fclose(out), 0);
	return page;
}

/* Does a line ".It Va one , other" list the name? */
static bool lists(const char *section, const char *name)
{
	size_t length = strlen(name);

	for (const char *item = section; (item = strstr(item, ".It Va ")); item++) {
		const char *end = strchr(item, '\n');

		for (const char *found = item; (found = strstr(found, name)) && found < end; found++)
			if (found[-1] == ' ' && (found[length] == ' ' || found[length] == '\n'))
				return true;
	}
	return false;
}

static void test_the_manual_lists_every_metric(void **state)
{
	char *manual = read_manual(MANUAL_DIR "/aloqd.8");
	char *section = part_of(manual, ".Sh METRICS\n", "\n.Sh ", "\n.Sh ");
	char *page = metrics_page();
	size_t count = 0;

	assert_non_null(section);
	for (const char *line = page; (line = strstr(line, "# TYPE ")); line++) {
		char name[128];

		assert_int_equal(sscanf(line, "# TYPE %127s", name), 1);
		if (!lists(section, name))
			fail_msg("aloqd.8 does not list %s", name);
		count++;
	}
	assert_true(count > 40);
	free(page);
	free(section);
	free(manual);
}

static void test_the_manual_lists_no_metric_that_there_is_not(void **state)
{
	char *manual = read_manual(MANUAL_DIR "/aloqd.8");
	char *page = metrics_page();
	size_t count = 0;

	for (const char *name = manual; (name = strstr(name, "aloqd_")); name++) {
		char head[160];
		size_t length = strspn(name, "abcdefghijklmnopqrstuvwxyz_");

		if (name[length] == '\\') /* part of something else */
			continue;
		snprintf(head, sizeof head, "# TYPE %.*s ", (int)length, name);
		if (!strstr(page, head))
			fail_msg("aloqd.8 lists %.*s, which is told nowhere", (int)length, name);
		count++;
	}
	assert_true(count > 40);
	free(page);
	free(manual);
}

static void test_the_manual_explains_what_a_partition_may_wait_for(void **state)
{
	char *manual = read_manual(MANUAL_DIR "/aloqd.8");
	char *section = part_of(manual, ".Ss What a partition waits for\n", "\n.Sh ", "\n.Ss ");

	assert_non_null(section);
	for (int i = 0; i < WAIT_COUNT; i++) {
		char item[64];

		snprintf(item, sizeof item, "\n.It %s\n", partition_wait_name((enum partition_wait)i));
		if (!strstr(section, item))
			fail_msg("aloqd.8 does not explain the wait %s", partition_wait_name((enum partition_wait)i));
	}
	free(section);
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
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_the_manual_describes_every_key_with_type_default_and_example),
		cmocka_unit_test(test_the_manual_describes_no_key_that_there_is_not),
		cmocka_unit_test(test_the_manual_lists_every_metric),
		cmocka_unit_test(test_the_manual_lists_no_metric_that_there_is_not),
		cmocka_unit_test(test_the_manual_explains_what_a_partition_may_wait_for),
		cmocka_unit_test(test_the_manual_explains_every_state),
		cmocka_unit_test(test_the_manual_describes_every_option),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
