/* preflight.h: what must be true of the clusters before records are read (semantics: Targets).
 *
 * Looks up the source topics, checks, creates or widens their targets, looks for loops, and learns what the clients
 * are sized by. Blocks: for a worker's job. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "base/error.h"
#include "base/worker.h"
#include "config/config.h"
#include "kafka/cluster_ids.h"
#include "kafka/probe.h"

/* A source topic. */
struct read_topic {
	char *name;
	int32_t partitions;
	int32_t target_partitions; /* a source partition from this number on has none to go to; INT32_MAX: each has */
	bool by_pattern;	   /* a regular expression matches it; its name is not listed */
	bool later;		   /* newer than the group's first start: read from its beginning, whatever from.start says */
	struct error held;	   /* code != 0: it is not read, because its target is not ready; the others are */
};

struct preflight_result {
	struct read_topic *topics;
	size_t topic_count;
	uint32_t source_partitions;   /* of all source topics together */
	uint32_t target_least_max_bytes; /* the smallest max.message.bytes or segment.bytes among the targets; 0 unknown */
	uint32_t target_most_max_bytes;	 /* the greatest max.message.bytes */
	uint32_t dead_letter_partitions; /* 0: there is no topic for dead letters */
	uint32_t dead_letter_max_bytes; /* its max.message.bytes, or segment.bytes if that is smaller; 0 unknown */
	uint32_t source_max_bytes;    /* the greatest among the sources; 0 unknown */
	char source_cluster_id[64];   /* "": not known */
	struct error err;	      /* code != 0: it cannot start; the remedy says whether trying again helps */
};

struct preflight_context {
	const struct config_pipeline *pipeline;
	struct cluster_ids *cluster_ids;
	/* What the last one has found, once the pipeline has run on it; else NULL. Then a target that has become too
	 * narrow stops those partitions alone that it has no room for. */
	const struct preflight_result *before;
	bool group_has_started; /* this process has seen the group's start positions committed */
};

/* One try. -ECANCELED in err when the worker is being freed. */
void preflight_run(const struct preflight_context *context, struct worker *worker, struct preflight_result *result);

/* Zeros it. One of zeros is fine. */
void preflight_clear(struct preflight_result *result);

/* Is it worth another one? Topics have come, gone or grown, or the target of one was not ready. Asks through the
 * probe's client, the source's. No answer is no news. */
bool preflight_is_outdated(const struct preflight_result *result, const struct config_pipeline *pipeline,
    const struct probe *source, struct worker *worker);

/* NULL: it is not among them. */
const struct read_topic *preflight_topic(const struct preflight_result *result, const char *name);

/* How many partitions a target must have at least, by to.partition. */
int preflight_partitions_needed(const struct config_to *to, int source_partitions);
