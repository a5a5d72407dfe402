#include "core/sent_memory.h"
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include "base/memory.h"

struct sent_topic {
	char *name;
	int64_t *until; /* by partition */
	size_t count;
};

struct sent_memory {
	struct sent_topic *topics;
	size_t count;
};

struct sent_memory *sent_memory_new(void)
{
	return xcalloc(1, sizeof(struct sent_memory));
}

void sent_memory_free(struct sent_memory *memory)
{
	if (!memory)
		return;
	for (size_t i = 0; i < memory->count; i++) {
		free(memory->topics[i].name);
		free(memory->topics[i].until);
	}
	free(memory->topics);
	free(memory);
}

static struct sent_topic *find(const struct sent_memory *memory, const char *name)
{
	for (size_t i = 0; i < memory->count; i++)
		if (!strcmp(memory->topics[i].name, name))
			return &memory->topics[i];
	return NULL;
}

static struct sent_topic *add(struct sent_memory *memory, const char *name)
{
	struct sent_topic *topic;

	memory->topics = xreallocarray(memory->topics, memory->count + 1, sizeof *memory->topics);
	topic = &memory->topics[memory->count++];
	*topic = (struct sent_topic){ .name = xstrdup(name) };
	return topic;
}

void sent_memory_note(struct sent_memory *memory, const char *name, int32_t partition, int64_t until)
{
	struct sent_topic *topic = find(memory, name);

	if (partition < 0 || (until <= 0 && (!topic || (size_t)partition >= topic->count)))
		return;
	if (!topic)
		topic = add(memory, name);
	if ((size_t)partition >= topic->count) {
		topic->until = xreallocarray(topic->until, (size_t)partition + 1, sizeof *topic->until);
		while (topic->count <= (size_t)partition)
			topic->until[topic->count++] = 0;
	}
	topic->until[partition] = until;
}

int64_t sent_memory_until(const struct sent_memory *memory, const char *name, int32_t partition)
{
	const struct sent_topic *topic = find(memory, name);

	return topic && partition >= 0 && (size_t)partition < topic->count ? topic->until[partition] : 0;
}
