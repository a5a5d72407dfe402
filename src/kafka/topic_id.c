#include "kafka/topic_id.h"
#include "config.h"
#include <stdlib.h>
#include <string.h>
#include "base/memory.h"

static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
static const char version_word[] = "aloqd1";
static const char id_word[] = "topic=";

void topic_id_format(uint64_t most, uint64_t least, char id[TOPIC_ID_SIZE])
{
	/* 128 bits in groups of 6, the last one filled up with zeros. */
	for (int i = 0; i < TOPIC_ID_SIZE - 1; i++) {
		int shift = 128 - 6 * (i + 1);
		uint64_t group = shift >= 64 ? most >> (shift - 64)
				 : shift > 58 ? most << (64 - shift) | least >> shift
				 : shift >= 0 ? least >> shift
					      : least << -shift;

		id[i] = alphabet[group & 63];
	}
	id[TOPIC_ID_SIZE - 1] = '\0';
}

/* ---- asking ---- */

#if defined HAVE_RD_KAFKA_DESCRIBETOPICS && defined HAVE_RD_KAFKA_TOPICDESCRIPTION_TOPIC_ID
enum { ASK_TIMEOUT_MS = 5000 };

/* Returns of how many topics was told. */
static size_t take_ids(const rd_kafka_DescribeTopics_result_t *result, const char *const *topics, size_t count,
    char (*ids)[TOPIC_ID_SIZE])
{
	size_t told_count = 0;
	size_t described_count = 0;
	const rd_kafka_TopicDescription_t **described =
	    rd_kafka_DescribeTopics_result_topics(result, &described_count);

	for (size_t i = 0; i < described_count; i++) {
		const rd_kafka_Uuid_t *uuid = rd_kafka_TopicDescription_topic_id(described[i]);
		const char *name = rd_kafka_TopicDescription_name(described[i]);
		uint64_t most;
		uint64_t least;

		if (!uuid || !name || rd_kafka_error_code(rd_kafka_TopicDescription_error(described[i])))
			continue;
		told_count++;
		most = (uint64_t)rd_kafka_Uuid_most_significant_bits(uuid);
		least = (uint64_t)rd_kafka_Uuid_least_significant_bits(uuid);
		for (size_t k = 0; k < count; k++)
			/* A broker that knows no ids says zero. */
			if (!strcmp(topics[k], name) && (most || least))
				topic_id_format(most, least, ids[k]);
	}
	return told_count;
}

bool topic_ids_ask(rd_kafka_t *client, const char *const *topics, size_t count, char (*ids)[TOPIC_ID_SIZE])
{
	char text[128];
	rd_kafka_TopicCollection_t *names = rd_kafka_TopicCollection_of_topic_names((const char **)topics, count);
	rd_kafka_AdminOptions_t *options = rd_kafka_AdminOptions_new(client, RD_KAFKA_ADMIN_OP_DESCRIBETOPICS);
	rd_kafka_queue_t *queue = rd_kafka_queue_new(client);
	rd_kafka_event_t *event;
	size_t told_count = 0;

	for (size_t i = 0; i < count; i++)
		ids[i][0] = '\0';
	rd_kafka_AdminOptions_set_request_timeout(options, ASK_TIMEOUT_MS, text, sizeof text);
	rd_kafka_DescribeTopics(client, names, options, queue);
	event = rd_kafka_queue_poll(queue, ASK_TIMEOUT_MS);
	if (event && !rd_kafka_event_error(event))
		told_count = take_ids(rd_kafka_event_DescribeTopics_result(event), topics, count, ids);
	if (event)
		rd_kafka_event_destroy(event);
	rd_kafka_queue_destroy(queue);
	rd_kafka_AdminOptions_destroy(options);
	rd_kafka_TopicCollection_destroy(names);
	return told_count == count;
}
#else
bool topic_ids_ask(rd_kafka_t *client, const char *const *topics, size_t count, char (*ids)[TOPIC_ID_SIZE])
{
	(void)client;
	(void)topics;
	for (size_t i = 0; i < count; i++)
		ids[i][0] = '\0';
	return true;
}
#endif

/* ---- in the metadata of a commit ---- */

void topic_id_store(rd_kafka_topic_partition_t *offset, const char *id)
{
	char *text;

	if (!*id)
		return;
	text = xasprintf("%s %s%s", version_word, id_word, id);
	/* Freed with the list that the offset is in. */
	offset->metadata = text;
	offset->metadata_size = strlen(text);
}

void topic_id_read(const void *metadata, size_t size, char id[TOPIC_ID_SIZE])
{
	static const size_t version_length = sizeof version_word - 1;
	static const size_t id_word_length = sizeof id_word - 1;
	const char *text = metadata;
	const char *end = text + size;

	id[0] = '\0';
	if (!text || size < version_length || memcmp(text, version_word, version_length))
		return;
	text += version_length;
	while (text < end && *text == ' ') {
		const char *word = text + 1;
		const char *word_end = memchr(word, ' ', (size_t)(end - word));
		const char *value = word + id_word_length;

		text = word_end ? word_end : end;
		if ((size_t)(text - word) != id_word_length + TOPIC_ID_SIZE - 1 ||
		    memcmp(word, id_word, id_word_length))
			continue;
		for (int i = 0; i < TOPIC_ID_SIZE - 1; i++)
			if (!value[i] || !strchr(alphabet, value[i]))
				return;
		memcpy(id, value, TOPIC_ID_SIZE - 1);
		id[TOPIC_ID_SIZE - 1] = '\0';
		return;
	}
}
