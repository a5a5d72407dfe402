/* sent_memory.h: up to which offset of each partition records have been sent: what is read below it once more, and sent, is a
 * repeat. Outlives the clients, whose numbers of partitions change. Holds one number for each partition that was ever
 * sent of. */
#pragma once
#include <stdint.h>

struct sent_memory;

struct sent_memory *sent_memory_new(void);
/* Accepts NULL. */
void sent_memory_free(struct sent_memory *memory);

/* Takes the place of what was noted of it before; 0: forget it. */
void sent_memory_note(struct sent_memory *memory, const char *topic, int32_t partition, int64_t until);

/* 0: nothing is noted. */
int64_t sent_memory_until(const struct sent_memory *memory, const char *topic, int32_t partition);
