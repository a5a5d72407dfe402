/* Leader epochs are as good as what the librdkafka that is loaded has for them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include "kafka/leader_epoch.h"
#include "kafka/library.h"

static const struct leader_epochs none;

static void test_what_is_found_is_used_from_the_version_on_that_it_is_good_in(void **state)
{
	const struct leader_epochs found = leader_epochs_find();

	(void)state;
	assert_int_equal(leader_epochs_can_validate(&found), library_number() >= LIBRARY_VERSION(2, 4));
	assert_false(leader_epochs_are_hidden(&found));
}

static void test_nothing_is_validated_with_what_is_not_found(void **state)
{
	struct leader_epochs some = leader_epochs_find();

	(void)state;
	some.store = NULL;
	assert_false(leader_epochs_can_validate(&none));
	assert_false(leader_epochs_can_validate(&some));
	assert_int_equal(leader_epochs_are_hidden(&none), library_number() >= LIBRARY_VERSION(2, 4));
	assert_int_equal(leader_epochs_are_hidden(&some), library_number() >= LIBRARY_VERSION(2, 4));
}

static void test_what_is_not_told_is_unknown(void **state)
{
	rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(1);
	rd_kafka_topic_partition_t *offset = rd_kafka_topic_partition_list_add(list, "orders", 0);
	const rd_kafka_message_t record = { 0 };

	(void)state;
	leader_epoch_store(&none, offset, 7);
	assert_int_equal(leader_epoch_of_offset(&none, offset), -1);
	assert_int_equal(leader_epoch_of_record(&none, &record), -1);
	rd_kafka_topic_partition_list_destroy(list);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_what_is_found_is_used_from_the_version_on_that_it_is_good_in),
		cmocka_unit_test(test_nothing_is_validated_with_what_is_not_found),
		cmocka_unit_test(test_what_is_not_told_is_unknown),
	};

	return cmocka_run_group_tests_name("leader_epoch", tests, NULL, NULL);
}
