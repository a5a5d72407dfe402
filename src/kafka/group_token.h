/* group_token.h: what a transaction that commits offsets must know of the consumer's membership (KIP-447), so that the
 * broker refuses them when the group has moved on. Made by the source, used by the sink, the engine's in between. */
#pragma once
#include <librdkafka/rdkafka.h>
#include <stdbool.h>
#include <stddef.h>

struct source;

struct group_token {
	rd_kafka_consumer_group_metadata_t *metadata;
	const struct source *source; /* knows the partitions of the marks */
};

/* The membership as it is now; NULL while this client is no member. Destroy with group_token_free(). */
struct group_token *group_token_new(rd_kafka_t *consumer, const struct source *source);

/* Accepts NULL. */
void group_token_free(struct group_token *token);

/* Does the serialised form (rd_kafka_consumer_group_metadata_write()) name a member of a generation? A broker takes
 * offsets unchecked where it does not. Pure. */
bool group_metadata_is_member(const void *data, size_t size);
