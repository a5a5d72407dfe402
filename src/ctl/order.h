/* order.h: the record of demos and tests: an order as JSON, {"id":1042,"user":"mia","item":"tea","quantity":3}. */
#pragma once
#include <stddef.h>
#include <stdint.h>

enum { ORDER_TEXT_MAX = 31 };
#define ORDER_ID_MAX INT64_C(100000000)

struct order {
	int64_t id; /* 1 to ORDER_ID_MAX */
	char user[ORDER_TEXT_MAX + 1];
	char item[ORDER_TEXT_MAX + 1];
	int64_t quantity;
};

/* The order that has this id, the same on every run. */
void order_make(struct order *order, int64_t id);

/* Writes the JSON, without a final NUL, and returns its length; -ENOBUFS: it does not fit. */
int order_encode(const struct order *order, char *buffer, size_t size);

/* Reads it from untrusted bytes. -EINVAL: not such an order, or a text in it is empty, too long or not plain
 * ASCII, so that what is in *order afterwards can be printed as it is. */
int order_decode(struct order *order, const void *bytes, size_t size);
