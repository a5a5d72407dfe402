/* group.h: the consumer group's coordinator: members, generations, who owns what.
 *
 * A rebalance asks members to give up what they own (all of it, or with a cooperative plan what moves), waits
 * for them within a bound, expels who did not answer, and hands out the partitions anew. A member that was
 * expelled may go on working for a while before it hears of it. */
#pragma once
#include <stdbool.h>
#include <stdint.h>
#include "plan.h"

struct world;

enum { MAX_MEMBERS = 256 }; /* in the life of a scenario; sessions, not processes */

struct member {
	int instance;	   /* the process; it may be gone already */
	bool in_group;	   /* as the coordinator sees it */
	bool rejoined;	   /* has given up what it had to, in the rebalance under way */
	int64_t expires_us; /* expelled then: its heartbeats stopped; CLOCK_NEVER: healthy */
};

struct group_part {
	int owner;	/* member, -1 none */
	uint32_t claim; /* grows with every hand-over */
	int next_owner; /* cooperative: decided when the rebalance begins */
};

struct group {
	struct member members[MAX_MEMBERS];
	int member_count;
	int generation;
	struct group_part parts[MAX_PARTS];
	bool rebalancing;
	bool again; /* somebody came or went meanwhile */
	int64_t deadline_us;
};

void group_init(struct world *world);

/* A process joins and becomes a member; returns its number, -1 when the scenario has had too many. */
int group_join(struct world *world, int instance);

/* It leaves in good order. */
void group_leave(struct world *world, int member);

/* Its session is over: its partitions go to others, whether it knows or not. */
void group_expel(struct world *world, int member);

/* No heartbeats from now on, or again. */
void group_silence(struct world *world, int member);
void group_hear(struct world *world, int member);

/* It has given up everything that the rebalance under way asked for. */
void group_rejoin(struct world *world, int member);

void group_rebalance(struct world *world);

/* Is it a member, as the coordinator sees it? */
bool group_is_valid(const struct world *world, int member);
/* Does the coordinator take commits that carry these? */
bool group_accepts(const struct world *world, int member, int generation);

void group_run(struct world *world);
int64_t group_next_us(const struct world *world);
