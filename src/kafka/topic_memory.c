#include "kafka/topic_memory.h"
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include "base/memory.h"

struct remembered_partition {
	bool has_commit;
	bool is_cut;
	int64_t cut_committed; /* what the group had committed then */
	int64_t cut_read_to;   /* and may have, of what was read before */
	int64_t cut_at;
};

struct remembered_topic {
	char *name;
	struct remembered_partition *partitions;
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
		free(memory->topics[i].partitions);
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

static const struct remembered_partition *find_partition(
    const struct topic_memory *memory, const char *name, int32_t partition)
{
	const struct remembered_topic *topic = find(memory, name);

	return topic && partition >= 0 && (size_t)partition < topic->count ? &topic->partitions[partition] : NULL;
}

/* partition >= 0 */
static struct remembered_partition *partition_of(struct topic_memory *memory, const char *name, int32_t partition)
{
	struct remembered_topic *topic = find(memory, name);

	if (!topic) {
		memory->topics = xreallocarray(memory->topics, memory->count + 1, sizeof *memory->topics);
		topic = &memory->topics[memory->count++];
		*topic = (struct remembered_topic){ .name = xstrdup(name) };
	}
	if ((size_t)partition >= topic->count) {
		topic->partitions = xreallocarray(topic->partitions, (size_t)partition + 1, sizeof *topic->partitions);
		while (topic->count <= (size_t)partition)
			topic->partitions[topic->count++] = (struct remembered_partition){ .has_commit = false };
	}
	return &topic->partitions[partition];
}

void topic_memory_note_commit(struct topic_memory *memory, const char *name, int32_t partition)
{
	if (partition >= 0)
		partition_of(memory, name, partition)->has_commit = true;
}

bool topic_memory_has_commit(const struct topic_memory *memory, const char *name, int32_t partition)
{
	const struct remembered_partition *found = find_partition(memory, name, partition);

	return found && found->has_commit;
}

bool topic_memory_has_commits(const struct topic_memory *memory, const char *name)
{
	const struct remembered_topic *topic = find(memory, name);

	for (size_t i = 0; topic && i < topic->count; i++)
		if (topic->partitions[i].has_commit)
			return true;
	return false;
}

void topic_memory_note_cut(struct topic_memory *memory, const char *name, int32_t partition, int64_t committed,
    int64_t read_to, int64_t cut_at)
{
	struct remembered_partition *found;

	if (partition < 0)
		return;
	found = partition_of(memory, name, partition);
	found->is_cut = true;
	found->cut_committed = committed;
	found->cut_read_to = read_to;
	found->cut_at = cut_at;
}

void topic_memory_forget_cut(struct topic_memory *memory, const char *name, int32_t partition)
{
	if (find_partition(memory, name, partition))
		partition_of(memory, name, partition)->is_cut = false;
}

bool topic_memory_has_cut(const struct topic_memory *memory, const char *name, int32_t partition, int64_t committed,
    int64_t *cut_at)
{
	const struct remembered_partition *found = find_partition(memory, name, partition);

	if (!found || !found->is_cut || committed < found->cut_committed || committed > found->cut_read_to)
		return false;
	*cut_at = found->cut_at;
	return true;
}
