/* topic_memory.h: on which partitions the group has had committed offsets, as this process has seen. Kafka deletes a
 * group's offsets together with their topic: when they are gone, only this tells a topic that was made again from one
 * that is new to the group. Outlives the clients; used in the jobs of one worker alone. */
#pragma once
#include <stdbool.h>
#include <stdint.h>

struct topic_memory;

struct topic_memory *topic_memory_new(void);
/* Accepts NULL. */
void topic_memory_free(struct topic_memory *memory);

void topic_memory_note_commit(struct topic_memory *memory, const char *topic, int32_t partition);
bool topic_memory_has_commit(const struct topic_memory *memory, const char *topic, int32_t partition);
