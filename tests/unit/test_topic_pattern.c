/* The promises of core/topic_pattern.h. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "core/topic_pattern.h"

static struct topic_pattern *made(const char *text)
{
	char why[256] = "";
	struct topic_pattern *pattern = topic_pattern_new(text, why, sizeof why);

	if (!pattern)
		fail_msg("%s: %s", text, why);
	return pattern;
}

static void assert_matches(const char *text, const char *topic, bool expected)
{
	struct topic_pattern *pattern = made(text);

	if (topic_pattern_matches(pattern, topic) != expected)
		fail_msg("%s %s %s", text, expected ? "does not match" : "matches", topic);
	topic_pattern_free(pattern);
}

static void test_the_whole_name_is_matched(void **state)
{
	assert_matches("^orders", "orders", true);
	assert_matches("^orders", "orders-eu", false);
	assert_matches("^orders", "my-orders", false);
	assert_matches("^orders.*", "orders-eu", true);
	assert_matches("^orders-(eu|us)$", "orders-us", true);
	assert_matches("^a|b", "b", true);
	assert_matches("^a|b", "bc", false);
	assert_matches("^a|b", "ab", false);
	assert_matches("^[a-c]{2}", "ab", true);
	assert_matches("^[a-c]{2}", "abc", false);
}

static void test_inner_topics_are_never_matched(void **state)
{
	assert_matches("^.*", "__consumer_offsets", false);
	assert_matches("^__consumer_offsets", "__consumer_offsets", false);
	assert_matches("^.*", "_schemas", true);
}

static void test_what_is_wrong_or_takes_too_much_is_refused(void **state)
{
	static const char *const wrong[] = { "^", "^(", "^a)(b", "^[a", "^a{2,1}", "^(a)\\1", "^\\\\\\(a\\)(b)\\2",
		"^a{1001}", "^(a{40}){40}", "^a{1,99999999999999999999}", "^a\x01", "^\xc3\xa4" };
	char why[256];
	char text[300] = "^";

	for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
		why[0] = '\0';
		assert_null(topic_pattern_new(wrong[i], why, sizeof why));
		assert_true(strlen(why) > 10);
	}
	memset(text + 1, 'a', 254);
	topic_pattern_free(made(text));
	text[255] = 'a';
	assert_null(topic_pattern_new(text, why, sizeof why));
	assert_non_null(strstr(why, "255"));
}

/* regcomp() takes time or memory by powers of two for each of these; more than a machine has, for the longest. */
static void test_what_takes_for_ever_to_compile_is_refused(void **state)
{
	static const char *const repeated[] = { "(.*)*", "(a*b*)*", "(.*.*)*", "((a*b*)*c*)*", "(a|b|)*", "(a+)+" };
	static const char *const whole[] = { "^((((((((((((((((((((((((a+)+)+)+)+)+)+)+)+)+)+)+)+)+)+)+)+)+)+)+)+)+)+)+)+",
		"^a+++++++++++++++++++++++++++++++++++++++", "^a*+*+*+*+*+*+*+*+*+*+*+*+*+*+*+*+*+*+", "^((.*)*){40}x",
		"^(([a)]*\\(*)*){40}x", "^(a+)+(.*)*((x*{1,9}){1,9}*)*", "^((x*){1,9}){1,9}y",
		"^((x?{1,9}){1,9}*)*", "^(y?{2,}{4}+){0,5}", "^(x{,3}){1,3}{1,9}+x{1,3}", "^((|x){1,9}){1,9}",
		"^(($){1,9}){1,9}", "^y?((.??{0,5}){2,}){0,5}|[a-z]" };
	char why[256];

	for (size_t i = 0; i < sizeof repeated / sizeof repeated[0]; i++) {
		char text[TOPIC_PATTERN_LENGTH_MAX + 1] = "^";

		while (strlen(text) + strlen(repeated[i]) < sizeof text - 1)
			memcpy(text + strlen(text), repeated[i], strlen(repeated[i]) + 1);
		assert_null(topic_pattern_new(text, why, sizeof why));
		assert_non_null(strstr(why, "which can take for ever to compile"));
	}
	for (size_t i = 0; i < sizeof whole / sizeof whole[0]; i++) {
		assert_null(topic_pattern_new(whole[i], why, sizeof why));
		assert_non_null(strstr(why, "which can take for ever to compile"));
	}
	/* What is no expression is told as that. */
	assert_null(topic_pattern_new("^*orders", why, sizeof why));
	assert_non_null(strstr(why, "no regular expression"));
	/* What people write. */
	assert_matches("^([a-z]+-)*[0-9]{4}-[0-9]{2}-[0-9]{2}", "a-b-2026-01-31", true);
	assert_matches("^(eu|us)\\.([a-z0-9]+\\.)+v[0-9]+(-(dead|retry))*", "eu.a.b.v1-dead", true);
	assert_matches("^([a-z]+[.-]?){1,8}", "orders-eu.retry", true);
	assert_matches("^(orders|)(-[a-z]*)?(\\.v[0-9]{1,3})*", "orders-eu.v1.v22", true);
	assert_matches("^[a-z]+-[a-z]+-[a-z]+-[a-z]+-[a-z]+-[a-z]+-[a-z]+-[a-z]+-[a-z]+-[a-z]+-[a-z]+",
	    "a-b-c-d-e-f-g-h-i-j-k", true);
}

static void test_an_example_is_found_and_matches(void **state)
{
	static const char *const patterns[] = { "^.*", "^orders-.*", "^(a|b|cc)+[0-9]{3}", "^[^a-z]+", "^[[:digit:]]+\\.x",
		"^a?b*c", "^(backup\\.)?orders", "^[]a]+$", "^a|b|c", "^((((a))))", "^x{0,3}y{2}", "^[.]z" };

	for (size_t i = 0; i < sizeof patterns / sizeof patterns[0]; i++) {
		struct topic_pattern *pattern = made(patterns[i]);
		unsigned found = 0;

		for (unsigned variant = 0; variant < TOPIC_PATTERN_EXAMPLES; variant++) {
			char *example = topic_pattern_example(pattern, variant);

			if (!example)
				continue;
			found++;
			assert_true(topic_pattern_matches(pattern, example));
			assert_true(topic_name_is_valid(example));
			free(example);
		}
		if (found == 0)
			fail_msg("no example of %s", patterns[i]);
		topic_pattern_free(pattern);
	}
}

static bool has_example(const char *text, const char *wanted)
{
	struct topic_pattern *pattern = made(text);
	bool found = false;

	for (unsigned variant = 0; variant < TOPIC_PATTERN_EXAMPLES; variant++) {
		char *example = topic_pattern_example(pattern, variant);

		found = found || (example && strcmp(example, wanted) == 0);
		free(example);
	}
	topic_pattern_free(pattern);
	return found;
}

static void test_the_variants_take_every_alternative_and_leave_out_what_may_be_left_out(void **state)
{
	assert_true(has_example("^(a|b|c)", "a"));
	assert_true(has_example("^(a|b|c)", "b"));
	assert_true(has_example("^(a|b|c)", "c"));
	assert_true(has_example("^(backup\\.)?orders", "orders"));
	assert_true(has_example("^(backup\\.)?orders", "backup.orders"));
	assert_true(has_example("^orders.*", "orders"));
}

/* Random text, as hostile as the alphabet allows: it is refused, or gives examples that match. */
static void test_no_text_does_harm(void **state)
{
	static const char alphabet[] = "ab()[]{}|*+?.\\^$-,12:=";
	uint64_t random = 88172645463325252u;

	for (int i = 0; i < 20000; i++) {
		char text[24] = "^";
		char why[256];
		size_t length = 2 + (size_t)(random % 20);
		struct topic_pattern *pattern;

		for (size_t k = 1; k < length; k++) {
			random ^= random << 13;
			random ^= random >> 7;
			random ^= random << 17;
			text[k] = alphabet[random % (sizeof alphabet - 1)];
		}
		text[length] = '\0';
		pattern = topic_pattern_new(text, why, sizeof why);
		for (unsigned variant = 0; pattern && variant < TOPIC_PATTERN_EXAMPLES; variant++)
			free(topic_pattern_example(pattern, variant));
		topic_pattern_free(pattern);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_the_whole_name_is_matched),
		cmocka_unit_test(test_inner_topics_are_never_matched),
		cmocka_unit_test(test_what_is_wrong_or_takes_too_much_is_refused),
		cmocka_unit_test(test_what_takes_for_ever_to_compile_is_refused),
		cmocka_unit_test(test_an_example_is_found_and_matches),
		cmocka_unit_test(test_the_variants_take_every_alternative_and_leave_out_what_may_be_left_out),
		cmocka_unit_test(test_no_text_does_harm),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
