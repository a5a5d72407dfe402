/* Fuzzes what reads single values: every key of the table from a text, durations, sizes, points in time,
 * regular expressions for topics. What is read is within its bounds, and written again reads the same. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "base/memory.h"
#include "base/units.h"
#include "config/config.h"
#include "config/keys.h"
#include "config/timestamp.h"
#include "config/value_text.h"
#include "config/values.h"
#include "core/topic_pattern.h"
#include "fuzz/mutate.h"
#include "fuzz/target.h"

static void try_units(const char *text)
{
	char spelled[UNITS_TEXT_SIZE];
	int64_t duration = -1, duration_again = -1;
	uint64_t size = 0, size_again = 1;

	if (units_parse_duration_ms(text, &duration) == 0) {
		REQUIRE(duration >= 0);
		REQUIRE(units_parse_duration_ms(
			    units_format_duration(spelled, sizeof spelled, duration), &duration_again) == 0);
		REQUIRE(duration == duration_again);
	}
	if (units_parse_duration_us(text, &duration) == 0) {
		REQUIRE(duration >= 0);
		REQUIRE(units_parse_duration_us(units_format_duration_us(spelled, sizeof spelled, duration),
			    &duration_again) == 0);
		REQUIRE(duration == duration_again);
	}
	if (units_parse_size_bytes(text, &size) == 0) {
		REQUIRE(units_parse_size_bytes(
			    units_format_size(spelled, sizeof spelled, size), &size_again) == 0);
		REQUIRE(size == size_again);
	}
}

static void try_timestamp(const char *text)
{
	int64_t timestamp_ms = -1;
	int r = timestamp_parse_ms(text, &timestamp_ms);

	REQUIRE(r == 0 || r == -EINVAL);
	REQUIRE(r < 0 || timestamp_ms >= 0);
}

static void try_pattern(const char *text)
{
	char *entry = xasprintf("^%s", text);
	char why[256] = "";
	struct topic_pattern *pattern = topic_pattern_new(entry, why, sizeof why);

	REQUIRE(pattern || strlen(why) > 0);
	for (unsigned variant = 0; pattern && variant < TOPIC_PATTERN_EXAMPLES; variant++) {
		char *example = topic_pattern_example(pattern, variant);

		REQUIRE(
		    !example || (topic_name_is_valid(example) && topic_pattern_matches(pattern, example)));
		free(example);
	}
	if (pattern)
		topic_pattern_matches(
		    pattern, "orders.eu-west.2026-01-31.aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa!");
	topic_pattern_free(pattern);
	free(entry);
}

/* The struct of any place. */
union object {
	struct config config;
	struct config_cluster cluster;
	struct config_tls tls;
	struct config_sasl sasl;
	struct config_pipeline pipeline;
	struct config_from from;
	struct config_to to;
	struct config_commit commit;
	struct config_create create;
};

static void try_keys(const char *text)
{
	struct config_cluster cluster = { .name = (char *)"main" };
	struct config config = { .clusters = &cluster, .cluster_count = 1 };
	size_t count;
	const struct key *keys = keys_all(&count);

	for (size_t i = 0; i < count; i++) {
		union object object;
		struct value_problem problem = { "" };

		memset(&object, 0, sizeof object);
		if (value_from_text(&keys[i], text, &config, &object, &problem) == -EINVAL) {
			bool has_text = keys[i].type != KEY_TOPICS && keys[i].type != KEY_PROPERTIES &&
			                keys[i].type != KEY_GROUP && keys[i].type != KEY_LATER;

			REQUIRE(!has_text || strlen(problem.text) > 0);
		}
		values_clear(keys[i].place, &object);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
	char *text = xcalloc(length + 1, 1);

	memcpy(text, bytes, length);
	try_units(text);
	try_timestamp(text);
	try_pattern(text);
	try_keys(text);
	free(text);
	return 0;
}

size_t LLVMFuzzerCustomMutator(uint8_t *bytes, size_t length, size_t size, unsigned seed)
{
	struct random random = { seed };

	return mutate_text(&random, (char *)bytes, length, size);
}

char *fuzz_generate(uint64_t seed)
{
	static const char *const texts[] = { "250ms", "1500us", "7d", "18446744073709551615", "64KiB",
		"100GB", "2026-01-31T00:00:00.250Z", "timestamp:1769817600250", "orders-(eu|us)[.]v[0-9]+",
		"([a-z]+[.-]?){1,8}", "((x?y{1,9}){1,9}z)*", "[[:digit:]]+\\.x|(a|b|cc)*", "kafka-1:9092,[::1]:9092",
		"127.0.0.1:9797", "exactly_once", "main" };

	return xstrdup(texts[seed % (sizeof texts / sizeof texts[0])]);
}
