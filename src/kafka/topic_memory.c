#include "kafka/topic_memory.h"
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include "base/memory.h"

struct remembered_topic {
	char *name;
	bool *committed; /* by partition */
	size_t count;
};

struct topic_memory {
	struct remembered_topic *topics;
	size_t count;
};

struct topic_memory *topic_memory_new(void)
{
	return xcalloc(1, sizeof(struct topic_memory));
}

void topic_memory_free(struct topic_memory *memory)
{
	if (!memory)
		return;
	for (size_t i = 0; i < memory->count; i++) {
		free(memory->topics[i].name);
		free(memory->topics[i].committed);
	}
	free(memory->topics);
	free(memory);
}

static struct remembered_topic *find(const struct topic_memory *memory, const char *name)
{
	for (size_t i = 0; i < memory->count; i++)
		if (!strcmp(memory->topics[i].name, name))
			return &memory->topics[i];
	return NULL;
}

void topic_memory_note_commit(struct topic_memory *memory, const char *name, int32_t partition)
{
	struct remembered_topic *topic = find(memory, name);

	if (partition < 0)
		return;
	if (!topic) {
		memory->topics = xreallocarray(memory->topics, memory->count + 1, sizeof *memory->topics);
		topic = &memory->topics[memory->count++];
		*topic = (struct remembered_topic){ .name = xstrdup(name) };
	}
	if ((size_t)partition >= topic->count) {
		topic->committed = xreallocarray(topic->committed, (size_t)partition + 1, sizeof *topic->committed);
		while (topic->count <= (size_t)partition)
			topic->committed[topic->count++] = false;
	}
	topic->committed[partition] = true;
}

bool topic_memory_has_commit(const struct topic_memory *memory, const char *name, int32_t partition)
{
	const struct remembered_topic *topic = find(memory, name);

	return topic && partition >= 0 && (size_t)partition < topic->count && topic->committed[partition];
}
