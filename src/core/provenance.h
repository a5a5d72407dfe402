/* provenance.h: the header that says where a relayed record comes from (provenance = true). Pure.
 *
 * Its name is aloqd.source, its value CLUSTER/TOPIC/PARTITION/OFFSET, as text: the id that the cluster has given itself
 * (may be empty), which no configuration can confuse, and the coordinates there. A record that is relayed twice has two of
 * them, the last one is of the last relay. It is a part of what users see. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PROVENANCE_HEADER "aloqd.source"

struct provenance {
	const char *cluster; /* in the value; not terminated */
	size_t cluster_length;
	const char *topic;
	size_t topic_length;
	int32_t partition;
	int64_t offset;
};

/* What stands before the offset, "CLUSTER/TOPIC/PARTITION/": the same for all of a partition. cluster may be NULL. The
 * caller frees. */
char *provenance_prefix(const char *cluster, const char *topic, int32_t partition);

enum { PROVENANCE_OFFSET_SIZE = 20 }; /* digits at most, and a NUL */

/* Writes the offset's digits and a NUL. Returns how many digits. */
size_t provenance_offset(char text[PROVENANCE_OFFSET_SIZE], int64_t offset);

/* Reads a value, which may hold anything. False: it is no such thing. */
bool provenance_parse(const void *value, size_t size, struct provenance *provenance);

/* Does it name this topic, of this cluster? cluster NULL, or one that the value does not name: any. */
bool provenance_is_of(const struct provenance *provenance, const char *cluster, const char *topic);
