/* What a broker would not validate is no membership. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "kafka/group_token.h"

/* As librdkafka writes it, so that a version with another form is noticed here. */
static bool is_member(int32_t generation, const char *member_id)
{
	rd_kafka_consumer_group_metadata_t *metadata =
	    rd_kafka_consumer_group_metadata_new_with_genid("orders", generation, member_id, NULL);
	void *data;
	size_t size;
	bool result;

	assert_null(rd_kafka_consumer_group_metadata_write(metadata, &data, &size));
	result = group_metadata_is_member(data, size);
	rd_kafka_mem_free(NULL, data);
	rd_kafka_consumer_group_metadata_destroy(metadata);
	return result;
}

static void test_a_member_of_a_generation_is_one(void **state)
{
	assert_true(is_member(0, "rdkafka-1"));
	assert_true(is_member(7, "r"));
}

static void test_without_generation_or_member_id_it_is_none(void **state)
{
	assert_false(is_member(-1, "rdkafka-1"));
	assert_false(is_member(7, ""));
	assert_false(is_member(-1, ""));
}

static void test_what_looks_different_is_none(void **state)
{
	static const char whole[] = "CGMDv2:\7\0\0\0orders\0member";
	static const char other[] = "CGMDv3:\7\0\0\0orders\0member";

	assert_true(group_metadata_is_member(whole, sizeof whole));
	assert_false(group_metadata_is_member(other, sizeof other));
	/* Cut off before the member id has begun, at every length. */
	for (size_t size = 0; size <= sizeof "CGMDv2:" - 1 + 4 + sizeof "orders"; size++)
		assert_false(group_metadata_is_member(whole, size));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_member_of_a_generation_is_one),
		cmocka_unit_test(test_without_generation_or_member_id_it_is_none),
		cmocka_unit_test(test_what_looks_different_is_none),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
