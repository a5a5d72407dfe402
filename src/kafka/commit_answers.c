#include "kafka/commit_answers.h"
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include "base/memory.h"

struct commit_answers {
	pthread_mutex_t lock; /* librdkafka's main thread writes */
	/* With what was answered to each, by topic and partition; NULL: none was committed. */
	rd_kafka_topic_partition_list_t *offsets;
	bool answered;
};

static int compare(const void *one, const void *other)
{
	const rd_kafka_topic_partition_t *a = one, *b = other;
	int order = strcmp(a->topic, b->topic);

	return order ? order : (a->partition > b->partition) - (a->partition < b->partition);
}

/* librdkafka's own search goes through the whole list, and a commit may be of thousands. */
static rd_kafka_topic_partition_t *find(
    const rd_kafka_topic_partition_list_t *sorted, const char *topic, int32_t partition)
{
	const rd_kafka_topic_partition_t wanted = { .topic = (char *)topic, .partition = partition };

	return bsearch(&wanted, sorted->elems, (size_t)sorted->cnt, sizeof wanted, compare);
}

/* The other one is in any order. */
static bool is_same_commit(const rd_kafka_topic_partition_list_t *ours, const rd_kafka_topic_partition_list_t *other)
{
	if (!ours || !other || ours->cnt != other->cnt)
		return false;
	for (int i = 0; i < other->cnt; i++) {
		const rd_kafka_topic_partition_t *item = find(ours, other->elems[i].topic, other->elems[i].partition);

		if (!item || item->offset != other->elems[i].offset)
			return false;
	}
	return true;
}

static rd_kafka_resp_err_t on_commit(
    rd_kafka_t *consumer, const rd_kafka_topic_partition_list_t *offsets, rd_kafka_resp_err_t whole, void *context)
{
	struct commit_answers *answers = context;
	bool is_of_partitions = false;

	(void)consumer;
	pthread_mutex_lock(&answers->lock);
	if (is_same_commit(answers->offsets, offsets)) {
		/* Else no broker has answered, and the error is of all. */
		for (int i = 0; i < offsets->cnt; i++)
			is_of_partitions = is_of_partitions || offsets->elems[i].err == whole;
		for (int i = 0; i < offsets->cnt; i++) {
			const rd_kafka_topic_partition_t *item = &offsets->elems[i];

			find(answers->offsets, item->topic, item->partition)->err =
			    item->err || is_of_partitions ? item->err : whole;
		}
		answers->answered = true;
	}
	pthread_mutex_unlock(&answers->lock);
	return RD_KAFKA_RESP_ERR_NO_ERROR;
}

static const char interceptor_name[] = "commit-answers";

static rd_kafka_resp_err_t on_new(
    rd_kafka_t *consumer, const rd_kafka_conf_t *conf, void *context, char *text, size_t size)
{
	(void)conf;
	(void)text;
	(void)size;
	return rd_kafka_interceptor_add_on_commit(consumer, interceptor_name, on_commit, context);
}

struct commit_answers *commit_answers_new(void)
{
	struct commit_answers *answers = xcalloc(1, sizeof *answers);

	pthread_mutex_init(&answers->lock, NULL);
	return answers;
}

void commit_answers_listen(struct commit_answers *answers, rd_kafka_conf_t *conf)
{
	/* Fails only where it is added a second time. */
	rd_kafka_conf_interceptor_add_on_new(conf, interceptor_name, on_new, answers);
}

void commit_answers_free(struct commit_answers *answers)
{
	if (!answers)
		return;
	if (answers->offsets)
		rd_kafka_topic_partition_list_destroy(answers->offsets);
	pthread_mutex_destroy(&answers->lock);
	free(answers);
}

void commit_answers_expect(struct commit_answers *answers, const rd_kafka_topic_partition_list_t *offsets)
{
	rd_kafka_topic_partition_list_t *sorted = NULL;

	if (offsets->cnt > 0) {
		sorted = rd_kafka_topic_partition_list_copy(offsets);
		qsort(sorted->elems, (size_t)sorted->cnt, sizeof *sorted->elems, compare);
	}
	pthread_mutex_lock(&answers->lock);
	if (answers->offsets)
		rd_kafka_topic_partition_list_destroy(answers->offsets);
	answers->offsets = sorted;
	answers->answered = false;
	pthread_mutex_unlock(&answers->lock);
}

void commit_answers_end(struct commit_answers *answers, rd_kafka_resp_err_t whole)
{
	pthread_mutex_lock(&answers->lock);
	for (int i = 0; answers->offsets && i < answers->offsets->cnt && !answers->answered; i++)
		answers->offsets->elems[i].err = whole;
	answers->answered = true;
	pthread_mutex_unlock(&answers->lock);
}

bool commit_answers_find(
    struct commit_answers *answers, const char *topic, int32_t partition, rd_kafka_resp_err_t *code)
{
	const rd_kafka_topic_partition_t *item;

	pthread_mutex_lock(&answers->lock);
	item = answers->offsets ? find(answers->offsets, topic, partition) : NULL;
	*code = item ? item->err : RD_KAFKA_RESP_ERR_NO_ERROR;
	pthread_mutex_unlock(&answers->lock);
	return item != NULL;
}
