/* partition_answer.h: one partition of a pipeline in aloqd's JSON. Pure. */
#pragma once
#include <stdint.h>
#include "base/error.h"

struct partition_answer {
	char state[32];
	int64_t committed;
	int64_t blocked_at; /* -1: it is not */
	char blocked_by[32];
	char *error; /* escaped; NULL: none */
	int64_t order; /* of a decision that is being carried out; 0 none */
	int64_t order_done, order_failed; /* the last one that is done, and that came to nothing */
};

/* Finds it in a pipeline of /api/v1/pipelines/. 0; -ENOENT: the pipeline has none of it; -EBADMSG: json is not what aloqd
 * says. partition_answer_clear() afterwards in any case. */
int partition_answer_parse(
    const char *json, const char *topic, int64_t number, struct partition_answer *answer, struct error *err);
void partition_answer_clear(struct partition_answer *answer);

enum order_end {
	ORDER_OPEN,
	ORDER_DONE,
	ORDER_FAILED, /* it came to nothing */
};

/* What has become of an order for the partition. Others may have been given before and behind it. */
enum order_end partition_answer_order_end(const struct partition_answer *answer, int64_t order);

/* Reads the number of the order out of the answer to it. 0 or -EBADMSG. */
int partition_answer_order(const char *json, int64_t *order, struct error *err);
