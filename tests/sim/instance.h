/* instance.h: one process of the relay: the real engine between a simulated source and a simulated sink. It
 * can be stepped, frozen, drained, and killed between any two operations. */
#pragma once
#include <stdbool.h>
#include <stdint.h>
#include "relay/engine.h"
#include "random.h"
#include "sink.h"
#include "source.h"

struct world;

/* What mutants need to remember (shim.c). */
struct shim_state {
	struct payload *kept;	   /* a chunk that is held back */
	uint64_t kept_handle;
	uint64_t last_handle;	   /* of the last submission */
	uint64_t fake_handle;	   /* to be reported though it was never sent */
	uint32_t fake_records;
	bool done;		   /* the mutant has struck */
	bool keeps_producer;	   /* when a new one is asked for next */
	uint32_t countdown;	   /* until it strikes */
};

struct instance {
	struct world *world;
	int number;
	bool is_running; /* the process is there */
	uint32_t life;	 /* how many processes it has been */
	bool dead;	 /* killed in the middle of a step: nothing it does counts any more */
	uint32_t operations_left; /* until it is killed; 0: it is not to be */
	bool draining, failed;
	bool renews; /* its engine has failed: the next one is in the same process */
	int64_t sent_before[MAX_PARTS]; /* as the engines before have said */
	uint64_t repeated_before;
	int64_t drain_deadline_us;
	int64_t revoke_timeout_us; /* as its engine was told */
	int64_t frozen_until_us;
	bool paused;
	int64_t decide_us; /* when a person decides next what becomes of a blocked partition */
	uint64_t orders;
	struct random decisions;
	int64_t turn_us;  /* when it is paused or resumed next */
	struct random pauses;
	int64_t step_us;  /* when the engine wants to be called */
	int64_t start_us; /* when a process that is down is started again */
	int member;	  /* of the group, -1 none */
	struct engine *engine;
	struct source source;
	struct sink sink;
	struct shim_state shim;
};

void instance_start(struct world *world, int number);
void instance_kill(struct instance *instance);
void instance_drain(struct instance *instance, int64_t deadline_us);
/* Where a gap stops it for ever, it is made to begin anew. */
void instance_calm(struct instance *instance);
void instance_freeze(struct instance *instance, int64_t until_us);

/* Steps the engine if it has a reason, and looks after the process. */
void instance_run(struct instance *instance);
int64_t instance_next_us(const struct instance *instance);

/* What its engines have counted in this process. */
uint64_t instance_repeated_records(const struct instance *instance);

/* Was it killed in the middle of this step? */
static inline bool instance_is_dead(const struct instance *instance)
{
	return instance->dead;
}
