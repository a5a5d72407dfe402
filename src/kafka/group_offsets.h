/* group_offsets.h: the committed offsets of a consumer group, looked at and set from outside it, for aloqctl. Blocks.
 * Thread: the one that made the client. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "base/cleanup.h"
#include "base/error.h"
#include "config/config.h"

struct group_client;

struct group_offset {
	char *topic;
	int32_t partition;
	int64_t committed;	    /* -1: none */
	char *committed_id;	    /* of the topic in which it was reached, as aloqd has stored it; "" unknown */
	char *topic_id;		    /* of the topic as it is now; "" unknown */
	int64_t log_start, log_end; /* -1: the partition is gone */
	int64_t to;		    /* what is to be committed; -1: nothing */
};

/* In the order of topics and partitions. */
struct group_offsets {
	struct group_offset *items;
	size_t count;
};

void group_offsets_clear(struct group_offsets *offsets);

/* Who is in the group. */
struct group_members {
	char **names; /* CLIENT-ID at HOST */
	size_t count;
};

void group_members_clear(struct group_members *members);

/* cluster outlives it. NULL with err set: librdkafka refuses the settings. */
struct group_client *group_client_new(
    const struct config_cluster *cluster, const char *group, int timeout_ms, struct error *err);
/* Accepts NULL. */
void group_client_free(struct group_client *client);
DEFINE_CLEANUP(struct group_client *, group_client_free)

/* All that the group has committed, and all partitions of these topics besides. */
int group_offsets_read(struct group_client *client, char *const *topics, size_t topic_count,
    struct group_offsets *offsets, struct error *err);

/* Sets `to` of each that has a log to the offset of the first record of this time or later, or to the log's end. */
int group_offsets_at_time(
    struct group_client *client, struct group_offsets *offsets, int64_t timestamp_ms, struct error *err);

/* An error: who is in it cannot be seen. That no name came is no proof that it is empty: see group_offsets_commit(). */
int group_members_read(struct group_client *client, struct group_members *members, struct error *err);

/* Commits `to` where there is one, with the id of the topic as it is now: aloqd takes it for an offset of that topic. The
 * brokers refuse (-EBUSY) while the group has members. All or, with err telling which, not all. */
int group_offsets_commit(struct group_client *client, const struct group_offsets *offsets, struct error *err);
