/* The promises of config/redact.h. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <stdlib.h>
#include <cmocka.h>
#include "config/redact.h"

static void test_every_secret_is_hidden_wherever_it_stands(void **state)
{
	static struct config_property of_cluster = { .name = (char *)"ssl.key.password", .value = (char *)"hush-property" };
	static struct config_property of_from = { .name = (char *)"sasl.password", .value = (char *)"hush-from" };
	static struct config_property harmless = { .name = (char *)"client.rack", .value = (char *)"rack-one" };
	const struct config_cluster source = { .sasl = { .password = { .value = (char *)"hush-password" } },
		.properties = { .items = &of_cluster, .count = 1 } };
	const struct config_cluster target = { .tls = { .key_password = { .value = (char *)"hush-key" } } };
	const struct config_pipeline pipeline = { .from = { .cluster = &source, .properties = { &of_from, 1 } },
		.to = { .cluster = &target, .properties = { &harmless, 1 } } };
	char *shown = config_redact(&pipeline,
	    "hush-password: hush-passwordhush-password, hush-key, hush-property, hush-from, rack-one, hush");

	assert_string_equal(shown, "***: ******, ***, ***, ***, rack-one, hush");
	free(shown);
	shown = config_redact(&pipeline, "hush-key");
	assert_string_equal(shown, "***");
	free(shown);
	assert_null(config_redact(&pipeline, NULL));
}

static void test_what_is_no_secret_to_speak_of_garbles_nothing(void **state)
{
	const struct config_cluster cluster = { .sasl = { .password = { .value = (char *)"abc" } },
		.tls = { .key_password = { .value = (char *)"" } } };
	const struct config_pipeline pipeline = { .from = { .cluster = &cluster }, .to = { .cluster = &cluster } };
	char *shown = config_redact(&pipeline, "abc, and so on");

	assert_string_equal(shown, "abc, and so on");
	free(shown);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_secret_is_hidden_wherever_it_stands),
		cmocka_unit_test(test_what_is_no_secret_to_speak_of_garbles_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
