#include "ctl/order.h"
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <yajl/yajl_gen.h>
#include "base/cleanup.h"
#include "base/memory.h"
#include "ctl/json_tree.h"

DEFINE_CLEANUP(yajl_gen, yajl_gen_free)

/* Spreads consecutive ids, so that users and items do not come in turn (the finalizer of splitmix64). */
static uint64_t scatter(uint64_t x)
{
	x += UINT64_C(0x9e3779b97f4a7c15);
	x = (x ^ (x >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
	x = (x ^ (x >> 27)) * UINT64_C(0x94d049bb133111eb);
	return x ^ (x >> 31);
}

void order_make(struct order *order, int64_t id)
{
	static const char *const users[] = { "ada", "ben", "cleo", "dan", "eva", "finn", "gwen", "hugo",
		"ida", "jon", "kim", "lea", "mia", "nils", "olga", "paul", "quinn", "rosa", "sam", "tess",
		"uma", "vera", "will", "zoe" };
	static const char *const items[] = { "tea", "coffee", "bread", "butter", "honey", "apples", "pears",
		"cheese", "olives", "rice", "pasta", "salt" };
	uint64_t bits = scatter((uint64_t)id);

	*order = (struct order){ .id = id, .quantity = (int64_t)(bits >> 32) % 5 + 1 };
	snprintf(order->user, sizeof order->user, "%s", users[bits % (sizeof users / sizeof *users)]);
	snprintf(order->item, sizeof order->item, "%s", items[(bits >> 16) % (sizeof items / sizeof *items)]);
}

static void generate_text(yajl_gen generator, const char *text)
{
	yajl_gen_string(generator, (const unsigned char *)text, strlen(text));
}

int order_encode(const struct order *order, char *buffer, size_t size)
{
	_cleanup_(yajl_gen_freep) yajl_gen generator = yajl_gen_alloc(NULL);
	const unsigned char *json;
	size_t length;

	if (!generator)
		return -ENOMEM;
	yajl_gen_map_open(generator);
	generate_text(generator, "id");
	yajl_gen_integer(generator, order->id);
	generate_text(generator, "user");
	generate_text(generator, order->user);
	generate_text(generator, "item");
	generate_text(generator, order->item);
	generate_text(generator, "quantity");
	yajl_gen_integer(generator, order->quantity);
	yajl_gen_map_close(generator);
	if (yajl_gen_get_buf(generator, &json, &length) != yajl_gen_status_ok || length > size)
		return -ENOBUFS;
	memcpy(buffer, json, length);
	return (int)length;
}

static int decode_integer(yajl_val object, const char *name, int64_t min, int64_t max, int64_t *number)
{
	yajl_val value = json_tree_member(object, name);

	if (!YAJL_IS_INTEGER(value) || YAJL_GET_INTEGER(value) < min || YAJL_GET_INTEGER(value) > max)
		return -EINVAL;
	*number = YAJL_GET_INTEGER(value);
	return 0;
}

static int decode_text(yajl_val object, const char *name, char text[static ORDER_TEXT_MAX + 1])
{
	const char *string = json_tree_text(object, name);
	size_t length = string ? strlen(string) : 0;

	if (length < 1 || length > ORDER_TEXT_MAX)
		return -EINVAL;
	for (size_t i = 0; i < length; i++) {
		if (string[i] < ' ' || string[i] > '~')
			return -EINVAL;
	}
	memcpy(text, string, length + 1);
	return 0;
}

int order_decode(struct order *order, const void *bytes, size_t size)
{
	/* The parser wants a string. An embedded NUL would hide what follows it. */
	_cleanup_free_ char *text = NULL;
	_cleanup_(yajl_tree_freep) yajl_val tree = NULL;

	if (!bytes || memchr(bytes, '\0', size))
		return -EINVAL;
	text = xstrndup(bytes, size);
	tree = json_tree_parse(text);
	if (!YAJL_IS_OBJECT(tree))
		return -EINVAL;
	if (decode_integer(tree, "id", 1, ORDER_ID_MAX, &order->id) < 0 ||
	    decode_integer(tree, "quantity", INT64_MIN, INT64_MAX, &order->quantity) < 0 ||
	    decode_text(tree, "user", order->user) < 0 || decode_text(tree, "item", order->item) < 0)
		return -EINVAL;
	return 0;
}
