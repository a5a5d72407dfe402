#include "kafka/group_token.h"
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include "base/memory.h"

/* "CGMDv2:", the generation (int32 in the machine's order), group, member id, each ended by a zero byte: so in all
 * versions of librdkafka until now, which have no other way to ask for both at once. What looks different is no member:
 * nothing is committed then, and the state says so. */
static const char magic[] = { 'C', 'G', 'M', 'D', 'v', '2', ':' };

bool group_metadata_is_member(const void *data, size_t size)
{
	const char *at = data;
	const char *end = at + size;
	const char *group_end;
	int32_t generation;

	if (size < sizeof magic + sizeof generation || memcmp(at, magic, sizeof magic) != 0)
		return false;
	at += sizeof magic;
	memcpy(&generation, at, sizeof generation);
	at += sizeof generation;
	group_end = memchr(at, '\0', (size_t)(end - at));
	return generation >= 0 && group_end && group_end + 1 < end && group_end[1] != '\0';
}

struct group_token *group_token_new(rd_kafka_t *consumer, const struct source *source)
{
	rd_kafka_consumer_group_metadata_t *metadata = rd_kafka_consumer_group_metadata(consumer);
	struct group_token *token;
	rd_kafka_error_t *error;
	void *data = NULL;
	size_t size = 0;
	bool member;

	if (!metadata)
		return NULL;
	error = rd_kafka_consumer_group_metadata_write(metadata, &data, &size);
	member = !error && group_metadata_is_member(data, size);
	if (error)
		rd_kafka_error_destroy(error);
	else
		rd_kafka_mem_free(consumer, data);
	if (!member) {
		rd_kafka_consumer_group_metadata_destroy(metadata);
		return NULL;
	}
	token = xcalloc(1, sizeof *token);
	token->metadata = metadata;
	token->source = source;
	return token;
}

void group_token_free(struct group_token *token)
{
	if (!token)
		return;
	rd_kafka_consumer_group_metadata_destroy(token->metadata);
	free(token);
}
