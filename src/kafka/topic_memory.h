/* topic_memory.h: what this process has seen of the source's partitions, and nobody tells again. Outlives the clients; used
 * in the jobs of one worker alone.
 *
 * On which of them the group has had committed offsets: Kafka deletes a group's offsets together with their topic, and
 * when they are gone, only this tells a topic that was made again from one that is new to the group. And whose logs were
 * cut: once a log has grown past a committed offset again, nothing may tell any more that what is there is not what was. */
#pragma once
#include <stdbool.h>
#include <stdint.h>

struct topic_memory;

struct topic_memory *topic_memory_new(void);
/* Accepts NULL. */
void topic_memory_free(struct topic_memory *memory);

void topic_memory_note_commit(struct topic_memory *memory, const char *topic, int32_t partition);
bool topic_memory_has_commit(const struct topic_memory *memory, const char *topic, int32_t partition);
/* On any of its partitions? */
bool topic_memory_has_commits(const struct topic_memory *memory, const char *topic);

/* The log was cut, to end at this offset (-1 unknown), and nobody has decided yet what becomes of it. What this process
 * has read of it before, up to read_to, may still be on its way, and be committed. */
void topic_memory_note_cut(struct topic_memory *memory, const char *topic, int32_t partition, int64_t committed,
    int64_t read_to, int64_t cut_at);
void topic_memory_forget_cut(struct topic_memory *memory, const char *topic, int32_t partition);
/* Was it, and may the group have come to this offset with what was read before? One that lies elsewhere is of somebody who
 * has decided. */
bool topic_memory_has_cut(const struct topic_memory *memory, const char *topic, int32_t partition, int64_t committed,
    int64_t *cut_at);
