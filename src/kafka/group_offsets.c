#include "kafka/group_offsets.h"
#include <errno.h>
#include <inttypes.h>
#include <librdkafka/rdkafka.h>
#include <stdlib.h>
#include <string.h>
#include "base/memory.h"
#include "kafka/group_members.h"
#include "kafka/tool_client.h"
#include "kafka/topic_id.h"

struct group_client {
	const struct config_cluster *cluster;
	rd_kafka_t *client;
	char *group;
	int timeout_ms;
};

DEFINE_CLEANUP(rd_kafka_topic_partition_list_t *, rd_kafka_topic_partition_list_destroy)

/* ---- life ---- */

struct group_client *group_client_new(
    const struct config_cluster *cluster, const char *group, int timeout_ms, struct error *err)
{
	static const char tool[] = "it looks at the group from outside";
	_cleanup_(group_client_freep) struct group_client *client = xcalloc(1, sizeof *client);
	struct settings settings = { .items = NULL };

	client->cluster = cluster;
	client->group = xstrdup(group);
	client->timeout_ms = timeout_ms;
	settings_of_tool(&settings, cluster, false, "aloqctl-offsets");
	settings_add(&settings, "group.id", group, tool);
	settings_add(&settings, "enable.auto.commit", "false", tool);
	settings_add(&settings, "isolation.level", "read_uncommitted", "the true end of a log is asked for");
	client->client = tool_client_new(RD_KAFKA_CONSUMER, &settings, 0, err);
	return client->client ? TAKE_PTR(client) : NULL;
}

void group_client_free(struct group_client *client)
{
	if (!client)
		return;
	if (client->client)
		rd_kafka_destroy(client->client);
	free(client->group);
	free(client);
}

void group_offsets_clear(struct group_offsets *offsets)
{
	for (size_t i = 0; i < offsets->count; i++) {
		free(offsets->items[i].topic);
		free(offsets->items[i].committed_id);
		free(offsets->items[i].topic_id);
	}
	free(offsets->items);
	*offsets = (struct group_offsets){ .items = NULL };
}

void group_members_clear(struct group_members *members)
{
	for (size_t i = 0; i < members->count; i++)
		free(members->names[i]);
	free(members->names);
	*members = (struct group_members){ .names = NULL };
}

/* ---- requests ---- */

struct request {
	rd_kafka_AdminOptions_t *options;
	rd_kafka_queue_t *queue;
};

static struct request begin(const struct group_client *client, rd_kafka_admin_op_t operation)
{
	struct request request = { rd_kafka_AdminOptions_new(client->client, operation),
		rd_kafka_queue_new(client->client) };
	char why[256];

	rd_kafka_AdminOptions_set_request_timeout(request.options, client->timeout_ms, why, sizeof why);
	return request;
}

/* The answer, which the caller destroys; NULL with err set: none, or an error. */
static rd_kafka_event_t *end(
    const struct group_client *client, struct request *request, const char *what, struct error *err)
{
	rd_kafka_event_t *event = rd_kafka_queue_poll(request->queue, client->timeout_ms + 1000);
	rd_kafka_resp_err_t code = event ? rd_kafka_event_error(event) : RD_KAFKA_RESP_ERR__TIMED_OUT;

	rd_kafka_queue_destroy(request->queue);
	rd_kafka_AdminOptions_destroy(request->options);
	if (!code)
		return event;
	if (code == RD_KAFKA_RESP_ERR__TIMED_OUT || code == RD_KAFKA_RESP_ERR__TRANSPORT)
		tool_client_no_answer(client->client, client->cluster, code, err);
	else
		tool_client_error(err, code, "%s of the group \"%s\"", what, client->group);
	if (event)
		rd_kafka_event_destroy(event);
	return NULL;
}

/* ---- reading ---- */

static struct group_offset *find(const struct group_offsets *offsets, const char *topic, int32_t partition)
{
	for (size_t i = 0; i < offsets->count; i++)
		if (offsets->items[i].partition == partition && !strcmp(offsets->items[i].topic, topic))
			return &offsets->items[i];
	return NULL;
}

static void add(struct group_offsets *offsets, const char *topic, int32_t partition, int64_t committed, const char *id)
{
	offsets->items = xreallocarray(offsets->items, offsets->count + 1, sizeof *offsets->items);
	offsets->items[offsets->count++] = (struct group_offset){
		.topic = xstrdup(topic),
		.partition = partition,
		.committed = committed >= 0 ? committed : -1,
		.committed_id = xstrdup(id),
		.topic_id = xstrdup(""),
		.log_start = -1,
		.log_end = -1,
		.to = -1,
	};
}

/* All that it has committed. */
static int read_committed(struct group_client *client, struct group_offsets *offsets, struct error *err)
{
	rd_kafka_ListConsumerGroupOffsets_t *asked = rd_kafka_ListConsumerGroupOffsets_new(client->group, NULL);
	struct request request = begin(client, RD_KAFKA_ADMIN_OP_LISTCONSUMERGROUPOFFSETS);
	const rd_kafka_group_result_t **groups;
	const rd_kafka_topic_partition_list_t *list;
	rd_kafka_event_t *event;
	size_t count = 0;
	int result = 0;

	rd_kafka_ListConsumerGroupOffsets(client->client, &asked, 1, request.options, request.queue);
	event = end(client, &request, "committed offsets", err);
	rd_kafka_ListConsumerGroupOffsets_destroy(asked);
	if (!event)
		return err->code;
	groups = rd_kafka_ListConsumerGroupOffsets_result_groups(
	    rd_kafka_event_ListConsumerGroupOffsets_result(event), &count);
	if (count == 1 && rd_kafka_group_result_error(groups[0]))
		result = tool_client_error(err, rd_kafka_error_code(rd_kafka_group_result_error(groups[0])),
		    "committed offsets of the group \"%s\"", client->group);
	list = count == 1 && result == 0 ? rd_kafka_group_result_partitions(groups[0]) : NULL;
	for (int i = 0; list && i < list->cnt; i++) {
		char id[TOPIC_ID_SIZE];

		topic_id_read(list->elems[i].metadata, list->elems[i].metadata_size, id);
		if (list->elems[i].offset >= 0)
			add(offsets, list->elems[i].topic, list->elems[i].partition, list->elems[i].offset, id);
	}
	rd_kafka_event_destroy(event);
	return result;
}

/* Where its log begins and ends; of a partition that is gone nothing. */
static int read_bounds(struct group_client *client, struct group_offset *offset, struct error *err)
{
	rd_kafka_resp_err_t code = rd_kafka_query_watermark_offsets(client->client, offset->topic, offset->partition,
	    &offset->log_start, &offset->log_end, client->timeout_ms);

	switch (code) {
	case RD_KAFKA_RESP_ERR_NO_ERROR:
		return 0;
	case RD_KAFKA_RESP_ERR__UNKNOWN_PARTITION:
	case RD_KAFKA_RESP_ERR__UNKNOWN_TOPIC:
	case RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART:
		offset->log_start = offset->log_end = -1;
		return 0;
	default:
		return tool_client_error(
		    err, code, "asking where %s [%" PRId32 "] begins and ends", offset->topic, offset->partition);
	}
}

static int compare(const void *a, const void *b)
{
	const struct group_offset *one = a, *other = b;
	int result = strcmp(one->topic, other->topic);

	return result ? result : (one->partition > other->partition) - (one->partition < other->partition);
}

static void read_ids(struct group_client *client, struct group_offsets *offsets)
{
	for (size_t i = 0; i < offsets->count; i++) {
		struct group_offset *offset = &offsets->items[i];
		const char *topic = offset->topic;
		char id[1][TOPIC_ID_SIZE] = { "" };

		if (i > 0 && !strcmp(offset[-1].topic, topic)) {
			memcpy(id[0], offset[-1].topic_id, strlen(offset[-1].topic_id) + 1);
		} else if (offset->log_end >= 0) {
			topic_ids_ask(client->client, &topic, 1, id);
		}
		free(offset->topic_id);
		offset->topic_id = xstrdup(id[0]);
	}
}

int group_offsets_read(struct group_client *client, char *const *topics, size_t topic_count,
    struct group_offsets *offsets, struct error *err)
{
	int result = read_committed(client, offsets, err);

	for (size_t i = 0; i < topic_count && result == 0; i++) {
		int32_t partitions = 0;

		result = tool_client_partitions(
		    client->client, client->cluster, topics[i], client->timeout_ms, &partitions, err);
		for (int32_t p = 0; p < partitions; p++)
			if (!find(offsets, topics[i], p))
				add(offsets, topics[i], p, -1, "");
	}
	for (size_t i = 0; i < offsets->count && result == 0; i++)
		result = read_bounds(client, &offsets->items[i], err);
	if (result < 0)
		return result;
	if (offsets->count > 0)
		qsort(offsets->items, offsets->count, sizeof *offsets->items, compare);
	read_ids(client, offsets);
	return 0;
}

int group_offsets_at_time(
    struct group_client *client, struct group_offsets *offsets, int64_t timestamp_ms, struct error *err)
{
	_cleanup_(rd_kafka_topic_partition_list_destroyp) rd_kafka_topic_partition_list_t *list =
	    rd_kafka_topic_partition_list_new((int)offsets->count);
	rd_kafka_resp_err_t code = RD_KAFKA_RESP_ERR_NO_ERROR;

	for (size_t i = 0; i < offsets->count; i++)
		if (offsets->items[i].log_end >= 0)
			rd_kafka_topic_partition_list_add(list, offsets->items[i].topic, offsets->items[i].partition)
			    ->offset = timestamp_ms;
	if (list->cnt > 0)
		code = rd_kafka_offsets_for_times(client->client, list, client->timeout_ms);
	for (int i = 0; i < list->cnt && !code; i++)
		code = list->elems[i].err;
	if (code)
		return tool_client_error(err, code, "asking for the offsets of a time");
	for (int i = 0; i < list->cnt; i++) {
		struct group_offset *offset = find(offsets, list->elems[i].topic, list->elems[i].partition);

		if (offset)
			offset->to = list->elems[i].offset >= 0 ? list->elems[i].offset : offset->log_end;
	}
	return 0;
}

/* ---- members ---- */

static void add_member(void *context, const char *client_id, const char *host)
{
	struct group_members *members = context;

	members->names = xreallocarray(members->names, members->count + 1, sizeof *members->names);
	members->names[members->count++] = xasprintf("%s at %s", client_id, host);
}

int group_members_read(struct group_client *client, struct group_members *members, struct error *err)
{
	rd_kafka_resp_err_t code =
	    group_members_ask(client->client, client->group, client->timeout_ms, add_member, members);

	return code ? tool_client_error(err, code, "who is in the group \"%s\" cannot be seen", client->group) : 0;
}

/* ---- committing ---- */

int group_offsets_commit(struct group_client *client, const struct group_offsets *offsets, struct error *err)
{
	_cleanup_(rd_kafka_topic_partition_list_destroyp) rd_kafka_topic_partition_list_t *list =
	    rd_kafka_topic_partition_list_new((int)offsets->count);
	rd_kafka_resp_err_t code;

	for (size_t i = 0; i < offsets->count; i++) {
		rd_kafka_topic_partition_t *item;

		if (offsets->items[i].to < 0)
			continue;
		item = rd_kafka_topic_partition_list_add(list, offsets->items[i].topic, offsets->items[i].partition);
		item->offset = offsets->items[i].to;
		topic_id_store(item, offsets->items[i].topic_id);
	}
	if (list->cnt == 0)
		return 0;
	code = rd_kafka_commit(client->client, list, 0);
	if (code == RD_KAFKA_RESP_ERR_UNKNOWN_MEMBER_ID)
		return error_set(err, -EBUSY, REMEDY_PERSON,
		    "the brokers refuse to set offsets of the group \"%s\": it has members", client->group);
	for (int i = 0; i < list->cnt && !code; i++) {
		code = list->elems[i].err;
		if (code)
			return tool_client_error(err, code, "the offset of %s [%" PRId32 "] is not set", list->elems[i].topic,
			    list->elems[i].partition);
	}
	return code ? tool_client_error(err, code, "setting offsets of the group \"%s\"", client->group) : 0;
}
