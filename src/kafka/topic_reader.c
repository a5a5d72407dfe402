#include "kafka/topic_reader.h"
#include <errno.h>
#include <inttypes.h>
#include <librdkafka/rdkafka.h>
#include <stdlib.h>
#include <string.h>
#include "base/memory.h"
#include "kafka/error_class.h"
#include "kafka/fetch_waker.h"
#include "kafka/tool_client.h"

/* What a record costs beside its bytes, and what a fetch is at least and at most. */
enum { RECORD_OVERHEAD_BYTES = 512, FETCH_BYTES_MIN = 1 << 20, FETCH_BYTES_MAX = 50 << 20 };

static uint64_t clamp(uint64_t value, uint64_t low, uint64_t high)
{
	return value < low ? low : value > high ? high : value;
}

static uint64_t prefetch_records(const struct topic_reader_options *options)
{
	return clamp(options->prefetch_bytes / RECORD_OVERHEAD_BYTES, 1000, 100000);
}

/* In place of headers that cannot be read. */
static char damaged;

struct reader_topic {
	char *name;
	size_t first_part;
	int32_t partitions;
};

struct topic_reader {
	const struct config_cluster *cluster;
	int timeout_ms;
	rd_kafka_t *client;
	rd_kafka_queue_t *queue; /* the consumer's */
	struct fetch_waker waker;
	struct reader_topic *topics;
	size_t topic_count;
	struct reader_part *parts;
	size_t part_count;
	size_t done_count;
	rd_kafka_event_t *current; /* owns what the caller's record points to */
};

DEFINE_CLEANUP(rd_kafka_topic_partition_list_t *, rd_kafka_topic_partition_list_destroy)

/* ---- life ---- */

static rd_kafka_t *client_of(const struct topic_reader_options *options, struct error *err)
{
	static const char tool[] = "it reads for aloqctl, and leaves nothing behind";
	_cleanup_free_ char *kbytes = xasprintf("%" PRIu64, options->prefetch_bytes / 1024);
	_cleanup_free_ char *records = xasprintf("%" PRIu64, prefetch_records(options));
	_cleanup_free_ char *fetch_bytes =
	    xasprintf("%" PRIu64, clamp(options->prefetch_bytes / 2, FETCH_BYTES_MIN, FETCH_BYTES_MAX));
	struct settings settings = { .items = NULL };

	settings_of_tool(&settings, options->cluster, false, "aloqctl");
	/* librdkafka wants a group even of who joins none. */
	settings_add(&settings, "group.id", "aloqctl", tool);
	settings_add(&settings, "enable.auto.commit", "false", tool);
	settings_add(&settings, "enable.auto.offset.store", "false", tool);
	settings_add(&settings, "enable.partition.eof", "true", tool);
	settings_add(&settings, "auto.offset.reset", "error", tool);
	settings_add(&settings, "isolation.level", isolation_name(options->isolation), tool);
	settings_add(&settings, "check.crcs", "true", tool);
	settings_add(&settings, "queued.min.messages", records, tool);
	settings_add(&settings, "queued.max.messages.kbytes", kbytes, tool);
	settings_add(&settings, "fetch.max.bytes", fetch_bytes, tool);
	settings_add(&settings, "fetch.wait.max.ms", "100", tool);
	settings_add_prompt_fetch(&settings);
	return tool_client_new(RD_KAFKA_CONSUMER, &settings, 0, err);
}

struct topic_reader *topic_reader_new(const struct topic_reader_options *options, struct error *err)
{
	_cleanup_(topic_reader_freep) struct topic_reader *reader = xcalloc(1, sizeof *reader);

	reader->cluster = options->cluster;
	reader->timeout_ms = options->timeout_ms;
	reader->client = client_of(options, err);
	if (!reader->client)
		return NULL;
	rd_kafka_poll_set_consumer(reader->client); /* its errors come there, too */
	reader->queue = rd_kafka_queue_get_consumer(reader->client);
	fetch_waker_prepare(&reader->waker, reader->client, prefetch_records(options), options->prefetch_bytes);
	return TAKE_PTR(reader);
}

static void drop_current(struct topic_reader *reader)
{
	if (reader->current)
		rd_kafka_event_destroy(reader->current);
	reader->current = NULL;
}

void topic_reader_free(struct topic_reader *reader)
{
	if (!reader)
		return;
	drop_current(reader);
	fetch_waker_clear(&reader->waker);
	if (reader->queue)
		rd_kafka_queue_destroy(reader->queue);
	if (reader->client)
		rd_kafka_destroy(reader->client);
	for (size_t i = 0; i < reader->topic_count; i++)
		free(reader->topics[i].name);
	free(reader->topics);
	free(reader->parts);
	free(reader);
}

/* ---- what is there ---- */

static int ask_bounds(
    struct topic_reader *reader, const struct reader_part *part, int64_t *start, int64_t *end, struct error *err)
{
	rd_kafka_resp_err_t code = rd_kafka_query_watermark_offsets(
	    reader->client, part->topic, part->partition, start, end, reader->timeout_ms);

	if (!code)
		return 0;
	return tool_client_error(err, code, "asking where %s [%" PRId32 "] begins and ends", part->topic, part->partition);
}

int topic_reader_add(struct topic_reader *reader, const char *topic, struct error *err)
{
	size_t first = reader->part_count;
	char *name;
	int32_t partitions;
	int result;

	for (size_t i = 0; i < reader->topic_count; i++)
		if (!strcmp(reader->topics[i].name, topic))
			return 0;
	result = tool_client_partitions(
	    reader->client, reader->cluster, topic, reader->timeout_ms, &partitions, err);
	if (result < 0)
		return result;
	name = xstrdup(topic);
	reader->topics = xreallocarray(reader->topics, reader->topic_count + 1, sizeof *reader->topics);
	reader->topics[reader->topic_count++] = (struct reader_topic){ name, first, partitions };
	reader->parts = xreallocarray(reader->parts, first + (size_t)partitions, sizeof *reader->parts);
	for (int32_t i = 0; i < partitions; i++) {
		struct reader_part *part = &reader->parts[reader->part_count++];

		*part = (struct reader_part){ .topic = name, .partition = i, .end = INT64_MAX };
		result = ask_bounds(reader, part, &part->log_start, &part->log_end, err);
		if (result < 0)
			return result;
		part->start = part->log_start;
	}
	return 0;
}

struct reader_part *topic_reader_parts(struct topic_reader *reader, size_t *count)
{
	*count = reader->part_count;
	return reader->parts;
}

int topic_reader_ask_ends(struct topic_reader *reader, int64_t *ends, struct error *err)
{
	int result = 0;

	for (size_t i = 0; i < reader->part_count && result == 0; i++) {
		int64_t start;

		result = ask_bounds(reader, &reader->parts[i], &start, &ends[i], err);
	}
	return result;
}

char *topic_reader_cluster_id(struct topic_reader *reader)
{
	char *id = rd_kafka_clusterid(reader->client, reader->timeout_ms);
	char *copy = id && *id ? xstrdup(id) : NULL;

	if (id)
		rd_kafka_mem_free(reader->client, id);
	return copy;
}

int topic_reader_start_at(struct topic_reader *reader, int64_t timestamp_ms, struct error *err)
{
	_cleanup_(rd_kafka_topic_partition_list_destroyp) rd_kafka_topic_partition_list_t *list =
	    rd_kafka_topic_partition_list_new((int)reader->part_count);
	rd_kafka_resp_err_t code;

	for (size_t i = 0; i < reader->part_count; i++)
		rd_kafka_topic_partition_list_add(list, reader->parts[i].topic, reader->parts[i].partition)->offset =
		    timestamp_ms;
	code = rd_kafka_offsets_for_times(reader->client, list, reader->timeout_ms);
	for (int i = 0; i < list->cnt && !code; i++)
		code = list->elems[i].err;
	if (code)
		return tool_client_error(err, code, "asking for the offsets of a time");
	for (size_t i = 0; i < reader->part_count; i++) {
		struct reader_part *part = &reader->parts[i];
		/* in the list's order, which may be another */
		const rd_kafka_topic_partition_t *found =
		    rd_kafka_topic_partition_list_find(list, part->topic, part->partition);

		part->start = found && found->offset >= 0 ? found->offset : part->log_end;
	}
	return 0;
}

/* ---- reading ---- */

static void note_next(struct topic_reader *reader, struct reader_part *part, int64_t next)
{
	if (next > part->next)
		part->next = next;
	if (part->done || part->next < part->end)
		return;
	part->done = true;
	reader->done_count++;
}

int topic_reader_start(struct topic_reader *reader, struct error *err)
{
	_cleanup_(rd_kafka_topic_partition_list_destroyp) rd_kafka_topic_partition_list_t *list =
	    rd_kafka_topic_partition_list_new((int)reader->part_count);
	rd_kafka_resp_err_t code;

	for (size_t i = 0; i < reader->part_count; i++) {
		struct reader_part *part = &reader->parts[i];

		note_next(reader, part, part->start);
		if (!part->done)
			rd_kafka_topic_partition_list_add(list, part->topic, part->partition)->offset = part->start;
	}
	if (list->cnt == 0)
		return 0;
	code = rd_kafka_assign(reader->client, list);
	return code ? tool_client_error(err, code, "beginning to read") : 0;
}

/* A partition that has been read as far as wanted is not fetched any more. */
static void stop_fetching(struct topic_reader *reader, const struct reader_part *part)
{
	_cleanup_(rd_kafka_topic_partition_list_destroyp) rd_kafka_topic_partition_list_t *list =
	    rd_kafka_topic_partition_list_new(1);

	rd_kafka_topic_partition_list_add(list, part->topic, part->partition);
	rd_kafka_pause_partitions(reader->client, list);
	fetch_waker_hurry(&reader->waker);
}

static struct reader_part *part_of(struct topic_reader *reader, const char *topic, int32_t partition)
{
	for (size_t i = 0; i < reader->topic_count; i++) {
		const struct reader_topic *known = &reader->topics[i];

		if (partition >= 0 && partition < known->partitions &&
		    (reader->topic_count == 1 || !strcmp(known->name, topic)))
			return &reader->parts[known->first_part + (size_t)partition];
	}
	return NULL;
}

static void fill_record(struct read_record *record, size_t part, const rd_kafka_message_t *message)
{
	rd_kafka_timestamp_type_t type;
	int64_t timestamp_ms = rd_kafka_message_timestamp(message, &type);
	rd_kafka_headers_t *headers = NULL;
	rd_kafka_resp_err_t code = rd_kafka_message_headers(message, &headers);

	*record = (struct read_record){
		.part = part,
		.offset = message->offset,
		.timestamp_ms = type == RD_KAFKA_TIMESTAMP_NOT_AVAILABLE ? -1 : timestamp_ms,
		.stamped_by_broker = type == RD_KAFKA_TIMESTAMP_LOG_APPEND_TIME,
		.key = message->key,
		.key_bytes = message->key_len,
		.value = message->payload,
		.value_bytes = message->len,
		.headers = headers,
	};
	if (code && code != RD_KAFKA_RESP_ERR__NOENT)
		record->headers = &damaged;
}

/* The event's message, unless it is behind the end or was read before. */
static int take_message(struct topic_reader *reader, struct read_record *record)
{
	const rd_kafka_message_t *message = rd_kafka_event_message_next(reader->current);
	struct reader_part *part = part_of(reader, rd_kafka_topic_name(message->rkt), message->partition);

	fetch_waker_count(&reader->waker, 1, message->len + message->key_len);
	if (!part || part->done || message->offset < part->next)
		return 0;
	if (message->offset < part->end)
		fill_record(record, (size_t)(part - reader->parts), message);
	else
		message = NULL;
	note_next(reader, part, message ? message->offset + 1 : part->end);
	if (part->done && part->end != INT64_MAX)
		stop_fetching(reader, part);
	return message ? 1 : 0;
}

/* End of a partition, or a fault. */
static int take_error(struct topic_reader *reader, rd_kafka_event_t *event, struct error *err)
{
	rd_kafka_resp_err_t code = rd_kafka_event_error(event);
	rd_kafka_topic_partition_t *where = rd_kafka_event_topic_partition(event);
	struct reader_part *part = where ? part_of(reader, where->topic, where->partition) : NULL;
	int result = 0;

	if (code == RD_KAFKA_RESP_ERR__PARTITION_EOF) {
		if (part)
			note_next(reader, part, where->offset);
	} else if (code == RD_KAFKA_RESP_ERR__AUTO_OFFSET_RESET || code == RD_KAFKA_RESP_ERR_OFFSET_OUT_OF_RANGE) {
		result = error_set(err, -ESTALE, REMEDY_PERSON,
		    "%s [%" PRId32 "] has no offset %" PRId64 " any more: retention has deleted it while it was read, or "
		    "the topic was made again",
		    part ? part->topic : "a topic", part ? part->partition : -1, part ? part->next : -1);
	} else if (tool_client_judge(reader->client, reader->cluster, event, err)) {
		result = err->code;
	} else if (error_class_remedy(code) == REMEDY_PERSON || code == RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART ||
		   code == RD_KAFKA_RESP_ERR__BAD_MSG) {
		result = tool_client_error(err, code, "%s [%" PRId32 "] at offset %" PRId64, part ? part->topic : "reading",
		    part ? part->partition : -1, part ? part->next : -1);
	}
	if (where)
		rd_kafka_topic_partition_destroy(where);
	return result;
}

int topic_reader_poll(struct topic_reader *reader, int timeout_ms, struct read_record *record, struct error *err)
{
	drop_current(reader);
	fetch_waker_wake(&reader->waker);
	reader->current = rd_kafka_queue_poll(reader->queue, timeout_ms);
	if (!reader->current)
		return 0;
	switch (rd_kafka_event_type(reader->current)) {
	case RD_KAFKA_EVENT_FETCH:
		return take_message(reader, record);
	case RD_KAFKA_EVENT_ERROR:
		return take_error(reader, reader->current, err);
	default:
		return 0;
	}
}

bool topic_reader_done(const struct topic_reader *reader)
{
	return reader->done_count == reader->part_count;
}

bool read_header(const struct read_record *record, size_t index, const char **name, const void **value,
    size_t *value_bytes)
{
	return record->headers && record->headers != &damaged &&
	       !rd_kafka_header_get_all(record->headers, index, name, value, value_bytes);
}

bool read_headers_damaged(const struct read_record *record)
{
	return record->headers == &damaged;
}
