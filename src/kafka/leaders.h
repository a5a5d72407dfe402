/* leaders.h: which broker leads a partition: asked of the cluster when somebody waits for it, not known always. */
#pragma once
#include <stdint.h>

struct leaders;

/* A question to client (a rd_kafka_t). */
struct leaders *leaders_new(void *client);

/* ... about this topic (a rd_kafka_topic_t of the client). Both must live until it has been asked. */
void leaders_add(struct leaders *leaders, void *topic);

/* Asks. Blocks for a second and a half at most, for all topics together: for a worker's job. What is not answered in
 * time stays unknown. */
void leaders_ask(struct leaders *leaders);

/* Afterwards: the broker's id, or -1. */
int32_t leaders_of(const struct leaders *leaders, const char *topic, int32_t partition);

/* Accepts NULL. */
void leaders_free(struct leaders *leaders);
