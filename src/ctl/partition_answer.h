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
	int64_t order_done; /* the last one that is done, or was refused */
};

/* Finds it in a pipeline of /api/v1/pipelines/. 0; -ENOENT: the pipeline has none of it; -EBADMSG: json is not what aloqd
 * says. partition_answer_clear() afterwards in any case. */
int partition_answer_parse(
    const char *json, const char *topic, int64_t number, struct partition_answer *answer, struct error *err);
void partition_answer_clear(struct partition_answer *answer);

/* Reads the number of the order out of the answer to it. 0 or -EBADMSG. */
int partition_answer_order(const char *json, int64_t *order, struct error *err);
