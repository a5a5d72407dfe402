#include "ctl/partition_answer.h"
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "base/cleanup.h"
#include "base/escape.h"
#include "ctl/json_tree.h"

static void copy_text(char *buffer, size_t size, yajl_val node, const char *name)
{
	const char *text = json_tree_text(node, name);

	escape_text(buffer, size, text ? text : "", text ? strlen(text) : 0);
}

/* A rebalance may show it twice for a moment: the one that is blocked counts. */
static yajl_val find(yajl_val partitions, const char *topic, int64_t number)
{
	yajl_val found = NULL;

	for (size_t i = 0; i < YAJL_GET_ARRAY(partitions)->len; i++) {
		yajl_val one = YAJL_GET_ARRAY(partitions)->values[i];
		const char *name = json_tree_text(one, "topic");

		if (name && strcmp(name, topic) == 0 && json_tree_number(one, "partition") == number &&
		    (!found || json_tree_number(one, "blocked_at") >= 0))
			found = one;
	}
	return found;
}

int partition_answer_parse(
    const char *json, const char *topic, int64_t number, struct partition_answer *answer, struct error *err)
{
	_cleanup_(yajl_tree_freep) yajl_val root = json_tree_parse_answer(json, err);
	yajl_val partitions = json_tree_member(root, "partitions");
	yajl_val found;
	const char *error;

	*answer = (struct partition_answer){ .blocked_at = -1 };
	if (!root)
		return -EBADMSG;
	if (!YAJL_IS_ARRAY(partitions))
		return error_set(err, -EBADMSG, REMEDY_PERSON,
		    "the answer has no list of partitions: is this an aloqd's socket?");
	found = find(partitions, topic, number);
	if (!found)
		return error_set(err, -ENOENT, REMEDY_PERSON,
		    "the pipeline does not read partition %" PRId64 " of this topic in this instance (aloqctl status "
		    "PIPELINE shows those that it reads)",
		    number);
	copy_text(answer->state, sizeof answer->state, found, "state");
	copy_text(answer->blocked_by, sizeof answer->blocked_by, found, "blocked_by");
	answer->committed = json_tree_number(found, "committed");
	answer->blocked_at = json_tree_number(found, "blocked_at");
	answer->order = json_tree_number(found, "order");
	answer->order_done = json_tree_number(found, "order_done");
	answer->order_failed = json_tree_number(found, "order_failed");
	error = json_tree_text(found, "error");
	answer->error = error ? escape_whole(error) : NULL;
	return 0;
}

void partition_answer_clear(struct partition_answer *answer)
{
	free(answer->error);
	*answer = (struct partition_answer){ .blocked_at = -1 };
}

enum order_end partition_answer_order_end(const struct partition_answer *answer, int64_t order)
{
	/* They are taken in the order of their numbers, so that one behind it tells that it was taken, too. */
	if (answer->order == order)
		return ORDER_OPEN;
	if (answer->order_done >= order && answer->order_failed != order)
		return ORDER_DONE;
	return answer->order_failed >= order ? ORDER_FAILED : ORDER_OPEN;
}

int partition_answer_order(const char *json, int64_t *order, struct error *err)
{
	_cleanup_(yajl_tree_freep) yajl_val root = json_tree_parse_answer(json, err);

	if (!root)
		return -EBADMSG;
	*order = json_tree_number(root, "order");
	if (*order <= 0)
		return error_set(
		    err, -EBADMSG, REMEDY_PERSON, "the answer has no order: is this an aloqd's socket?");
	return 0;
}
