/* Records as lines: what is printed as JSON is read back byte for byte, and nothing of a hostile record reaches a terminal
 * as it is. ALOQD_SEED=N repeats one run of the random part. */
#include <errno.h>
#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include <cmocka.h>
#include <librdkafka/rdkafka.h>
#include "base/base64.h"
#include "base/cleanup.h"
#include "base/memory.h"
#include "base/utf8.h"
#include "ctl/line_reader.h"
#include "ctl/record_line.h"

static uint64_t random_state;

static uint64_t draw(uint64_t below)
{
	random_state ^= random_state << 13;
	random_state ^= random_state >> 7;
	random_state ^= random_state << 17;
	return random_state % below;
}

/* What a printer writes, as text; the caller frees. */
static char *printed_json(const struct read_record *record)
{
	char *text = NULL;
	size_t size = 0;
	FILE *out = open_memstream(&text, &size);

	assert_int_equal(record_print_json(out, "t", 3, record, NULL), 0);
	fclose(out);
	return text;
}

static char *printed_plain(const struct read_record *record)
{
	char *text = NULL;
	size_t size = 0;
	FILE *out = open_memstream(&text, &size);

	record_print_plain(out, "t", 3, record);
	fclose(out);
	return text;
}

static void test_base64_is_that_of_the_rfc(void **state)
{
	static const char *const rows[][2] = { { "", "" }, { "f", "Zg==" }, { "fo", "Zm8=" }, { "foo", "Zm9v" },
		{ "foob", "Zm9vYg==" }, { "fooba", "Zm9vYmE=" }, { "foobar", "Zm9vYmFy" } };
	static const char *const wrong[] = { "Z", "Zg", "Zg=", "Zh==", "Zm9=", "Zg==Zg==", "Z===", "====", "Zm 9v", "Zm9v\n",
		"Zm-_" };
	char text[16], bytes[16];

	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		base64_encode(rows[i][0], strlen(rows[i][0]), text);
		assert_string_equal(text, rows[i][1]);
		assert_int_equal(base64_decode(text, strlen(text), bytes), strlen(rows[i][0]));
		assert_memory_equal(bytes, rows[i][0], strlen(rows[i][0]));
	}
	for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++)
		assert_int_equal(base64_decode(wrong[i], strlen(wrong[i]), bytes), -EINVAL);
}

static void test_a_line_tells_null_from_empty_and_keeps_what_is_not_text(void **state)
{
	struct read_record record = { .offset = 17, .timestamp_ms = 1700000000000, .key = "", .value = "\xff\0x",
		.value_bytes = 3 };
	_cleanup_free_ char *json = NULL;

	record.headers = rd_kafka_headers_new(4);
	rd_kafka_header_add(record.headers, "a", -1, "1", 1);
	rd_kafka_header_add(record.headers, "a", -1, NULL, 0);
	rd_kafka_header_add(record.headers, "b\"", -1, "", 0);
	json = printed_json(&record);
	assert_string_equal(json,
	    "{\"topic\":\"t\",\"partition\":3,\"offset\":17,\"timestamp\":1700000000000,\"timestamp_type\":\"create\","
	    "\"key\":\"\",\"value\":{\"base64\":\"/wB4\"},\"headers\":[[\"a\",\"1\"],[\"a\",null],[\"b\\\"\",\"\"]]}\n");
	rd_kafka_headers_destroy(record.headers);
	record = (struct read_record){ .timestamp_ms = -1 };
	free(json);
	json = printed_json(&record);
	assert_string_equal(json, "{\"topic\":\"t\",\"partition\":3,\"offset\":0,\"key\":null,\"value\":null}\n");
}

/* Bytes of all sorts: text, control characters, text that is nearly UTF-8, anything. NULL now and then. */
static char *draw_bytes(size_t *size, bool without_nul)
{
	static const char *const pieces[] = { "plain", "\"", "\\", "\n", "\x1b[2J", "\xc2\x9b", "\xe2\x80\xae", "\xc3\xbc",
		"\xf0\x9f\x8d\xb5", "\xff", "\xc3", "\xed\xa0\x80", "\x7f", "/", "{\"base64\":\"" };
	char *bytes;
	size_t count = draw(6);

	*size = 0;
	if (!without_nul && draw(8) == 0)
		return NULL;
	bytes = xcalloc(count * 16 + 1, 1);
	for (size_t i = 0; i < count; i++) {
		const char *piece = pieces[draw(sizeof pieces / sizeof pieces[0])];

		if (!without_nul && draw(6) == 0) {
			bytes[(*size)++] = (char)draw(256);
		} else {
			memcpy(bytes + *size, piece, strlen(piece));
			*size += strlen(piece);
		}
	}
	return bytes;
}

static void assert_same_bytes(const void *one, size_t one_size, const void *other, size_t other_size)
{
	assert_int_equal(one == NULL, other == NULL);
	assert_int_equal(one_size, other_size);
	if (one_size > 0)
		assert_memory_equal(one, other, one_size);
}

static void assert_harmless(const char *text)
{
	const unsigned char *bytes = (const unsigned char *)text;
	size_t length = strlen(text);

	assert_true(length > 0 && text[length - 1] == '\n');
	for (size_t at = 0; at < length - 1;) {
		uint32_t character;
		size_t size = utf8_decode(bytes + at, length - at, &character);

		assert_true(size > 0 && !utf8_is_unsafe(character));
		at += size;
	}
}

static void one_round_trip(struct parsed_record *parsed)
{
	struct read_record record = { .offset = (int64_t)draw(1000), .timestamp_ms = (int64_t)draw(INT64_MAX) };
	_cleanup_free_ char *key = draw_bytes(&record.key_bytes, false);
	_cleanup_free_ char *value = draw_bytes(&record.value_bytes, false);
	_cleanup_free_ char *json = NULL;
	_cleanup_free_ char *plain = NULL;
	size_t header_count = draw(4);
	struct error err = { 0 };

	record.key = key;
	record.value = value;
	if (header_count > 0)
		record.headers = rd_kafka_headers_new(header_count);
	for (size_t i = 0; i < header_count; i++) {
		size_t name_size, header_size;
		_cleanup_free_ char *name = draw_bytes(&name_size, true);
		_cleanup_free_ char *header = draw_bytes(&header_size, false);

		rd_kafka_header_add(record.headers, name, (ssize_t)name_size, header, (ssize_t)header_size);
	}
	json = printed_json(&record);
	plain = printed_plain(&record);
	assert_harmless(json);
	assert_harmless(plain);
	assert_int_equal(record_parse_json(parsed, json, strlen(json), &err), 0);
	assert_same_bytes(parsed->record.key, parsed->record.key_bytes, key, record.key_bytes);
	assert_same_bytes(parsed->record.value, parsed->record.value_bytes, value, record.value_bytes);
	assert_true(parsed->record.timestamp_ms == record.timestamp_ms);
	assert_int_equal(parsed->record.partition, 3);
	assert_int_equal(parsed->record.header_count, header_count);
	for (size_t i = 0; i < header_count; i++) {
		const struct written_header *header = &parsed->record.headers[i];
		const char *name;
		const void *bytes;
		size_t size;

		assert_true(read_header(&record, i, &name, &bytes, &size));
		assert_same_bytes(header->name, header->name_bytes, name, strlen(name));
		assert_same_bytes(header->value, header->value_bytes, bytes, size);
	}
	if (record.headers)
		rd_kafka_headers_destroy(record.headers);
}

static void test_whatever_is_printed_is_read_back_and_harmless(void **state)
{
	const char *text = getenv("ALOQD_SEED");
	uint64_t seed = text ? strtoull(text, NULL, 10) : (uint64_t)time(NULL) * 2654435761u;
	struct parsed_record parsed = { .texts = NULL };

	print_message("ALOQD_SEED=%" PRIu64 "\n", seed);
	random_state = seed | 1;
	for (int i = 0; i < 20000; i++)
		one_round_trip(&parsed);
	parsed_record_clear(&parsed);
}

static void test_a_wrong_line_says_what_is_wrong(void **state)
{
	static const char *const rows[][2] = {
		{ "", "not JSON" },
		{ "x", "not JSON" },
		{ "{", "not JSON" },
		{ "{} {}", "not JSON" },
		{ "[]", "not one object" },
		{ "\"a\"", "not one object" },
		{ "{\"key\":1}", "key is neither null, nor a string" },
		{ "{\"value\":[]}", "value is neither null" },
		{ "{\"value\":{\"base64\":\"/w=\"}}", "value is not base64" },
		{ "{\"value\":{}}", "one member, \"base64\"" },
		{ "{\"value\":{\"base64\":null}}", "base64 is not a string" },
		{ "{\"value\":{\"base64\":\"\",\"base64\":\"\"}}", "one member" },
		{ "{\"value\":{\"other\":\"\"}}", "one member" },
		{ "{\"vlaue\":\"\"}", "unknown member \"vlaue\"" },
		{ "{\"key\":\"a\",\"key\":\"b\"}", "key is there twice" },
		{ "{\"timestamp\":\"now\"}", "timestamp is not a whole number" },
		{ "{\"timestamp\":1.5}", "timestamp is not a whole number" },
		{ "{\"timestamp\":-1}", "timestamp is negative" },
		{ "{\"partition\":2147483648}", "not a partition's number" },
		{ "{\"headers\":{}}", "headers are not written as" },
		{ "{\"headers\":[\"a\"]}", "headers are not written as" },
		{ "{\"headers\":[[\"a\"]]}", "headers are not written as" },
		{ "{\"headers\":[[\"a\",\"b\",\"c\"]]}", "headers are not written as" },
		{ "{\"headers\":[[null,\"b\"]]}", "the name of a header is null" },
		{ "{\"value\":\"\xff\"}", "not JSON" },
		{ "{\"value\":\"\\ud83d\"}", "half of a surrogate pair" },
		{ "{\"value\":\"\\ud83dx\\ude00\"}", "half of a surrogate pair" },
		{ "{\"value\":\"\\ude00\"}", "half of a surrogate pair" },
		{ "{\"value\":\"\\uD83D\\uD83D\\uDE00\"}", "half of a surrogate pair" },
	};
	struct parsed_record parsed = { .texts = NULL };

	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct error err = { 0 };

		assert_int_equal(record_parse_json(&parsed, rows[i][0], strlen(rows[i][0]), &err), -EBADMSG);
		if (!strstr(err.message, rows[i][1]))
			fail_msg("%s: %s", rows[i][0], err.message);
	}
	parsed_record_clear(&parsed);
}

static void test_members_may_be_absent_and_a_nul_is_kept(void **state)
{
	static const char line[] = "{\"value\":\"a\\u0000b\",\"offset\":5,\"topic\":\"x\"}";
	static const char surrogates[] = "{\"value\":\"\\ud83d\\ude00\\\\ud83d\"}";
	struct parsed_record parsed = { .texts = NULL };

	assert_int_equal(record_parse_json(&parsed, line, strlen(line), NULL), 0);
	assert_null(parsed.record.key);
	assert_int_equal(parsed.record.value_bytes, 3);
	assert_memory_equal(parsed.record.value, "a\0b", 3);
	assert_int_equal(parsed.record.partition, -1);
	assert_int_equal(parsed.record.timestamp_ms, 0);
	assert_int_equal(record_parse_json(&parsed, surrogates, strlen(surrogates), NULL), 0);
	assert_int_equal(parsed.record.value_bytes, 10);
	assert_memory_equal(parsed.record.value, "\xf0\x9f\x98\x80\\ud83d", 10); /* the backslash is a character there */
	assert_int_equal(record_parse_json(&parsed, "{}", 2, NULL), 0);
	assert_null(parsed.record.value);
	parsed_record_clear(&parsed);
}

static void test_lines_come_whole_however_they_are_cut(void **state)
{
	static const char text[] = "one\n\ntwo two\nno end";
	static const char *const lines[] = { "one", "", "two two", "no end" };
	struct line_reader reader;
	const char *line;
	size_t length, next = 0;
	int pipes[2];
	int result;

	assert_int_equal(pipe(pipes), 0);
	line_reader_init(&reader, pipes[0]);
	for (size_t at = 0; at < sizeof text - 1; at++) {
		assert_int_equal(write(pipes[1], text + at, 1), 1);
		while ((result = line_reader_next(&reader, 0, &line, &length, NULL)) > 0) {
			assert_int_equal(length, strlen(lines[next]));
			assert_memory_equal(line, lines[next], length);
			next++;
		}
		assert_int_equal(result, 0);
	}
	assert_int_equal(next, 3);
	close(pipes[1]);
	assert_int_equal(line_reader_next(&reader, 1000, &line, &length, NULL), 1);
	assert_int_equal(length, strlen(lines[3]));
	assert_int_equal(line_reader_next(&reader, 1000, &line, &length, NULL), -ENODATA);
	line_reader_clear(&reader);
	close(pipes[0]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_base64_is_that_of_the_rfc),
		cmocka_unit_test(test_a_line_tells_null_from_empty_and_keeps_what_is_not_text),
		cmocka_unit_test(test_whatever_is_printed_is_read_back_and_harmless),
		cmocka_unit_test(test_a_wrong_line_says_what_is_wrong),
		cmocka_unit_test(test_members_may_be_absent_and_a_nul_is_kept),
		cmocka_unit_test(test_lines_come_whole_however_they_are_cut),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
