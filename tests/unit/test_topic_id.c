/* The topic's id in the metadata of a commit, and what the process remembers of the group's commits. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "kafka/topic_id.h"
#include "kafka/topic_memory.h"

#define ID "vPeOCWypqUOSepEvx0cbog"

static const char *read_id(const char *metadata, size_t size)
{
	static char id[TOPIC_ID_SIZE];
	/* No byte behind it may be looked at: a sanitizer would tell. */
	char *exact = malloc(size > 0 ? size : 1);

	assert_non_null(exact);
	memcpy(exact, metadata, size);
	topic_id_read(exact, size, id);
	free(exact);
	return id;
}

static void test_an_id_is_printed_as_kafka_prints_it(void **state)
{
	char id[TOPIC_ID_SIZE];

	topic_id_format(0, 0, id);
	assert_string_equal(id, "AAAAAAAAAAAAAAAAAAAAAA");
	topic_id_format(0, 1, id);
	assert_string_equal(id, "AAAAAAAAAAAAAAAAAAAAAQ");
	topic_id_format(UINT64_MAX, UINT64_MAX, id);
	assert_string_equal(id, "_____________________w");
	/* bc f7 8e 09 6c a9 a9 43 92 7a 91 2f c7 47 1b a2, as base64 -w0 | tr +/ -_ prints it. */
	topic_id_format(UINT64_C(0xbcf78e096ca9a943), UINT64_C(0x927a912fc7471ba2), id);
	assert_string_equal(id, ID);
}

static void test_what_is_stored_is_read_again(void **state)
{
	rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(2);
	rd_kafka_topic_partition_t *known = rd_kafka_topic_partition_list_add(list, "orders", 0);
	rd_kafka_topic_partition_t *unknown;

	topic_id_store(known, ID);
	assert_string_equal(read_id(known->metadata, known->metadata_size), ID);
	unknown = rd_kafka_topic_partition_list_add(list, "orders", 1);
	topic_id_store(unknown, "");
	assert_null(unknown->metadata);
	rd_kafka_topic_partition_list_destroy(list);
}

static void test_metadata_of_others_is_no_id(void **state)
{
	static const char *const foreign[] = { "", " ", "aloqd", "aloqd1", "aloqd1 ", "aloqd1  ", "aloqd1topic=" ID,
		"aloqd2 topic=" ID, "aloqd1 topic=", "aloqd1 topic=" ID "x", "aloqd1 topic=vPeOCWypqUOSepEvx0cbo",
		"aloqd1 topic=vPeOCWypqUOSepEvx0cb%s", "aloqd1 topic=vPeOCWypqUOSepEvx0cb\n\n", "aloqd1 TOPIC=" ID,
		"topic=" ID, "aloqd1 x topic=", "{\"offset\":3}" };
	char *large = calloc(1, 100000);
	char topic_id[TOPIC_ID_SIZE];

	for (size_t i = 0; i < sizeof foreign / sizeof foreign[0]; i++)
		assert_string_equal(read_id(foreign[i], strlen(foreign[i])), "");
	assert_string_equal(read_id("aloqd1 topic=vPeOCWypqUOSepEvx0cb\0\0", 35), "");
	assert_non_null(large);
	memset(large, ' ', 100000);
	memcpy(large, "aloqd1", 6);
	assert_string_equal(read_id(large, 100000), "");
	free(large);
	topic_id_read(NULL, 0, topic_id);
	assert_string_equal(topic_id, "");
}

static void test_words_of_later_versions_are_passed_over(void **state)
{
	static const char later[] = "aloqd1 host=a  topic=" ID " lane=batch";

	assert_string_equal(read_id(later, sizeof later - 1), ID);
}

static void test_every_cut_of_it_is_read_safely(void **state)
{
	static const char whole[] = "aloqd1 topic=" ID;

	for (size_t size = 0; size < sizeof whole - 1; size++)
		assert_string_equal(read_id(whole, size), "");
}

static void test_commits_are_remembered_by_partition(void **state)
{
	struct topic_memory *memory = topic_memory_new();

	assert_false(topic_memory_has_commit(memory, "orders", 0));
	topic_memory_note_commit(memory, "orders", 3);
	topic_memory_note_commit(memory, "other", 0);
	topic_memory_note_commit(memory, "orders", -1);
	assert_true(topic_memory_has_commit(memory, "orders", 3));
	assert_false(topic_memory_has_commit(memory, "orders", 0));
	assert_false(topic_memory_has_commit(memory, "orders", 4));
	assert_false(topic_memory_has_commit(memory, "orders", -1));
	assert_true(topic_memory_has_commit(memory, "other", 0));
	topic_memory_free(memory);
	topic_memory_free(NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_an_id_is_printed_as_kafka_prints_it),
		cmocka_unit_test(test_what_is_stored_is_read_again),
		cmocka_unit_test(test_metadata_of_others_is_no_id),
		cmocka_unit_test(test_words_of_later_versions_are_passed_over),
		cmocka_unit_test(test_every_cut_of_it_is_read_safely),
		cmocka_unit_test(test_commits_are_remembered_by_partition),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
