#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include "base/cleanup.h"
#include "base/memory.h"
#include "sandbox/id_set.h"
#include "ctl/order.h"

static void test_what_is_encoded_is_decoded(void **state)
{
	for (int64_t id = 1; id <= 1000; id++) {
		struct order made, read = { 0 };
		char json[256];
		int length;

		order_make(&made, id);
		length = order_encode(&made, json, sizeof json);
		assert_true(length > 0);
		assert_int_equal(order_decode(&read, json, (size_t)length), 0);
		assert_int_equal(read.id, id);
		assert_string_equal(read.user, made.user);
		assert_string_equal(read.item, made.item);
		assert_int_equal(read.quantity, made.quantity);
	}
}

static void test_an_order_that_does_not_fit_is_refused(void **state)
{
	struct order order;
	char json[10];

	order_make(&order, 1);
	assert_int_equal(order_encode(&order, json, sizeof json), -ENOBUFS);
}

/* Anybody may write a record. */
static void test_a_million_brackets_are_no_order_and_do_no_harm(void **state)
{
	static const char *const begins[] = { "{\"id\":1,\"x\":", "{/*\"*/\"id\":1,\"x\":", "{\"\\\"\":1,\"x\":" };
	enum { DEPTH = 1000 * 1000 };

	for (size_t i = 0; i < sizeof begins / sizeof begins[0]; i++) {
		_cleanup_free_ char *text = xcalloc(2 * DEPTH + 64, 1);
		size_t length = strlen(begins[i]);
		struct order order;

		memcpy(text, begins[i], length);
		memset(text + length, '[', DEPTH);
		memset(text + length + DEPTH, ']', DEPTH);
		text[length + 2 * DEPTH] = '}';
		assert_int_equal(order_decode(&order, text, strlen(text)), -EINVAL);
	}
}

static void test_what_is_no_order_is_refused(void **state)
{
	static const char *const texts[] = {
		"",
		"{",
		"[]",
		"null",
		"{\"id\":1}",
		"{\"id\":0,\"user\":\"a\",\"item\":\"b\",\"quantity\":1}",
		"{\"id\":100000001,\"user\":\"a\",\"item\":\"b\",\"quantity\":1}",
		"{\"id\":1e3,\"user\":\"a\",\"item\":\"b\",\"quantity\":1}",
		"{\"id\":\"1\",\"user\":\"a\",\"item\":\"b\",\"quantity\":1}",
		"{\"id\":1,\"user\":\"\",\"item\":\"b\",\"quantity\":1}",
		"{\"id\":1,\"user\":\"\\u001b[2J\",\"item\":\"b\",\"quantity\":1}",
		"{\"id\":1,\"user\":\"0123456789012345678901234567890x\",\"item\":\"b\",\"quantity\":1}",
		"{\"id\":1,\"user\":\"a\",\"item\":7,\"quantity\":1}",
	};
	struct order order;

	for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
		assert_int_equal(order_decode(&order, texts[i], strlen(texts[i])), -EINVAL);
	assert_int_equal(order_decode(&order, NULL, 0), -EINVAL);
	assert_int_equal(order_decode(&order, "{}\0{}", 5), -EINVAL);
}

static void test_a_number_is_new_once(void **state)
{
	struct id_set set = { 0 };

	for (int64_t id = 0; id < 1000; id += 7)
		assert_true(id_set_add(&set, id));
	for (int64_t id = 0; id < 1000; id++)
		assert_int_equal(id_set_add(&set, id), id % 7 != 0);
	assert_int_equal(set.members, 1000);
	id_set_clear(&set);
	assert_true(id_set_add(&set, 7));
	id_set_clear(&set);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_what_is_encoded_is_decoded),
		cmocka_unit_test(test_an_order_that_does_not_fit_is_refused),
		cmocka_unit_test(test_what_is_no_order_is_refused),
		cmocka_unit_test(test_a_million_brackets_are_no_order_and_do_no_harm),
		cmocka_unit_test(test_a_number_is_new_once),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
