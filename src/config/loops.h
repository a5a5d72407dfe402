/* loops.h: where records would go round for ever: the targets of pipelines, followed to the pipelines that read them.
 *
 * A source entry is passed twice on one way: that is a loop. With names alone this is exact. What a regular expression
 * matches is endless: searched are names that it is known to match (topic_pattern_example()) and all that come of
 * them; at run time every topic that it does match is asked for, too. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include "config/config.h"

struct loops;

/* cluster_of[i]: which of config->clusters the i-th is, itself or an earlier one. Entries that are wrong are left out.
 * config outlives it. */
struct loops *loops_new(const struct config *config, const size_t *cluster_of);
/* Accepts NULL. */
void loops_free(struct loops *loops);

struct loop {
	size_t pipeline;   /* that closes it */
	bool dead_letter;  /* with its dead letters, not with its target */
	const char *topic; /* what it closes it with */
	const char *entry; /* its own source entry that reads this; NULL: others are in between */
	const char *way;   /* a -> b (pipeline), b -> a (another) */
};

/* Tells each loop, those of one regular expression once. */
void loops_search(struct loops *loops, void (*found)(void *context, const struct loop *loop), void *context);

/* Would what this pipeline reads of this topic come back to the entry that matches it? way says how. */
bool loops_close_with(struct loops *loops, size_t pipeline, const char *topic, char *way, size_t size);
