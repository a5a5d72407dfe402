#include "kafka/start_notice.h"
#include <stdlib.h>
#include <string.h>
#include "base/cleanup.h"
#include "base/log.h"
#include "base/memory.h"

enum { ASK_TIMEOUT_MS = 5000 };

/* A topic other than this one in an answer, on which the group has committed. */
static char *other_in(const rd_kafka_ListConsumerGroupOffsets_result_t *result, const char *topic)
{
	size_t count = 0;
	const rd_kafka_group_result_t **groups = rd_kafka_ListConsumerGroupOffsets_result_groups(result, &count);
	const rd_kafka_topic_partition_list_t *list;

	if (count != 1 || rd_kafka_group_result_error(groups[0]))
		return NULL;
	list = rd_kafka_group_result_partitions(groups[0]);
	for (int i = 0; list && i < list->cnt; i++)
		if (list->elems[i].offset >= 0 && strcmp(list->elems[i].topic, topic))
			return xstrdup(list->elems[i].topic);
	return NULL;
}

/* NULL: the group has committed on no other topic, or nobody tells. */
static char *other_topic(rd_kafka_t *consumer, const char *group, const char *topic)
{
	char text[128];
	rd_kafka_ListConsumerGroupOffsets_t *question = rd_kafka_ListConsumerGroupOffsets_new(group, NULL);
	rd_kafka_AdminOptions_t *options =
	    rd_kafka_AdminOptions_new(consumer, RD_KAFKA_ADMIN_OP_LISTCONSUMERGROUPOFFSETS);
	rd_kafka_queue_t *queue = rd_kafka_queue_new(consumer);
	rd_kafka_event_t *event;
	char *other = NULL;

	rd_kafka_AdminOptions_set_request_timeout(options, ASK_TIMEOUT_MS, text, sizeof text);
	rd_kafka_ListConsumerGroupOffsets(consumer, &question, 1, options, queue);
	event = rd_kafka_queue_poll(queue, ASK_TIMEOUT_MS);
	if (event && !rd_kafka_event_error(event))
		other = other_in(rd_kafka_event_ListConsumerGroupOffsets_result(event), topic);
	if (event)
		rd_kafka_event_destroy(event);
	rd_kafka_queue_destroy(queue);
	rd_kafka_AdminOptions_destroy(options);
	rd_kafka_ListConsumerGroupOffsets_destroy(question);
	return other;
}

void start_notice(rd_kafka_t *consumer, const struct config_pipeline *pipeline, const char *topic)
{
	static const char *const starts[] = { [START_EARLIEST] = "earliest", [START_LATEST] = "latest",
		[START_TIMESTAMP] = "timestamp", [START_NONE] = "none" };
	const struct log_place place = { .pipeline = pipeline->name, .topic = topic, .partition = -1, .offset = -1 };
	const char *group = pipeline->from.group;
	const char *start = starts[pipeline->from.start];
	_cleanup_free_ char *other = other_topic(consumer, group, topic);

	if (other)
		log_warning(&place,
		    "the group \"%s\" has no committed offset on source topic %s, so from.start = \"%s\" applies; it "
		    "has some on %s: this topic is new to the group, or it was deleted and created again, or its "
		    "offsets have expired",
		    group, topic, start, other);
	else
		log_at(pipeline->from.start == START_EARLIEST ? LOG_LEVEL_NOTICE : LOG_LEVEL_WARNING, &place,
		    "the group \"%s\" has no committed offset on source topic %s, so from.start = \"%s\" applies: the "
		    "group is new, or the topic was deleted and created again, or the offsets have expired",
		    group, topic, start);
}
