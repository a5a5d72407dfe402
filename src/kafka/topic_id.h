/* topic_id.h: which topic of a name it is. A topic that is deleted and created again has another id (KIP-516), and
 * nothing else tells it from the old one once it has grown. So the id is stored with every offset that is committed,
 * in the metadata of the commit: "aloqd1 topic=ID". Known with librdkafka 2.3 and brokers 2.8, or later. */
#pragma once
#include <librdkafka/rdkafka.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* As Kafka's tools print it: 22 characters of base64, and the NUL. "" where it is not known. */
enum { TOPIC_ID_SIZE = 23 };

void topic_id_format(uint64_t most, uint64_t least, char id[TOPIC_ID_SIZE]);

/* The ids of these topics; "" for one that has none, or of which nothing is told. Blocks for some seconds at most: for
 * a worker's job. False: of some of them nothing was told this time, and asking again may help. */
bool topic_ids_ask(rd_kafka_t *client, const char *const *topics, size_t count, char (*ids)[TOPIC_ID_SIZE]);

/* Makes an offset carry the id, unless that is "". */
void topic_id_store(rd_kafka_topic_partition_t *offset, const char *id);

/* The id in a commit's metadata. Anyone may have written that: "" unless it has the form above; words that a later
 * version adds are passed over. */
void topic_id_read(const void *metadata, size_t size, char id[TOPIC_ID_SIZE]);
