#include "group.h"
#include "base/clock.h"
#include "world.h"

void group_init(struct world *world)
{
	for (uint32_t part = 0; part < MAX_PARTS; part++)
		world->group.parts[part] = (struct group_part){ .owner = -1, .next_owner = -1 };
}

bool group_is_valid(const struct world *world, int member)
{
	return member >= 0 && world->group.members[member].in_group;
}

bool group_accepts(const struct world *world, int member, int generation)
{
	return group_is_valid(world, member) && generation == world->group.generation;
}

static struct source *source_of(struct world *world, int member)
{
	struct instance *instance = &world->instances[world->group.members[member].instance];

	return instance->member == member ? &instance->source : NULL;
}

/* ---- the rebalance ---- */

/* The n-th member that is in the group, round and round. -1: nobody is. */
static int pick_member(const struct group *group, uint32_t n)
{
	int present = 0;

	for (int i = 0; i < group->member_count; i++)
		present += group->members[i].in_group;
	if (present == 0)
		return -1;
	n %= (uint32_t)present;
	for (int i = 0; i < group->member_count; i++)
		if (group->members[i].in_group && n-- == 0)
			return i;
	return -1;
}

static void decide_owners(struct world *world)
{
	uint32_t turn = random_below(&world->random, 1000);

	for (uint32_t part = 0; part < world->plan.parts; part++)
		world->group.parts[part].next_owner = pick_member(&world->group, turn + part);
}

void group_rebalance(struct world *world)
{
	struct group *group = &world->group;

	if (group->rebalancing) {
		group->again = true;
		return;
	}
	group->rebalancing = true;
	group->again = false;
	group->deadline_us = world->now_us + world->plan.rebalance_timeout_us;
	decide_owners(world);
	trace(world, "rebalance begins");
	for (int member = 0; member < group->member_count; member++) {
		struct source *source = source_of(world, member);
		uint32_t revoked = 0;

		if (!group->members[member].in_group)
			continue;
		group->members[member].rejoined = false;
		for (uint32_t part = 0; part < world->plan.parts; part++)
			if (group->parts[part].owner == member &&
			    (!world->plan.cooperative || group->parts[part].next_owner != member))
				revoked |= 1U << part;
		if (source)
			source_asked_to_revoke(source, revoked);
	}
}

static void finish_rebalance(struct world *world)
{
	struct group *group = &world->group;

	group->rebalancing = false;
	group->generation++;
	trace(world, "rebalance ends: generation %d", group->generation);
	for (int member = 0; member < group->member_count; member++)
		if (group->members[member].in_group && source_of(world, member))
			source_new_generation(source_of(world, member), group->generation);
	/* Who was to get a partition may have gone meanwhile. */
	if (!world->plan.cooperative)
		decide_owners(world);
	for (uint32_t part = 0; part < world->plan.parts; part++) {
		struct group_part *owned = &group->parts[part];
		struct source *source;

		if (!group_is_valid(world, owned->next_owner))
			owned->next_owner = -1;
		if (world->plan.cooperative && owned->owner >= 0 && owned->owner == owned->next_owner)
			continue;
		owned->owner = owned->next_owner;
		owned->claim++;
		if (owned->owner < 0 && pick_member(group, 0) >= 0)
			group->again = true;
		source = owned->owner >= 0 ? source_of(world, owned->owner) : NULL;
		if (source)
			source_assigned(source, part, owned->claim);
	}
	if (group->again)
		group_rebalance(world);
}

void group_rejoin(struct world *world, int member)
{
	if (group_is_valid(world, member))
		world->group.members[member].rejoined = true;
}

/* ---- members ---- */

int group_join(struct world *world, int instance)
{
	struct group *group = &world->group;

	if (group->member_count == MAX_MEMBERS)
		return -1;
	group->members[group->member_count] = (struct member){ .instance = instance, .in_group = true,
		.rejoined = true, .expires_us = CLOCK_NEVER };
	trace(world, "member %d joins: instance %d", group->member_count, instance);
	group->member_count++;
	return group->member_count - 1;
}

static void remove_member(struct world *world, int member)
{
	struct group *group = &world->group;

	group->members[member].in_group = false;
	group->members[member].expires_us = CLOCK_NEVER;
	for (uint32_t part = 0; part < world->plan.parts; part++)
		if (group->parts[part].owner == member) {
			group->parts[part].owner = -1;
			group->parts[part].claim++;
		}
	group_rebalance(world);
}

void group_leave(struct world *world, int member)
{
	if (!group_is_valid(world, member))
		return;
	trace(world, "member %d leaves", member);
	remove_member(world, member);
}

void group_expel(struct world *world, int member)
{
	struct source *source;

	if (!group_is_valid(world, member))
		return;
	trace(world, "member %d is expelled", member);
	source = source_of(world, member);
	remove_member(world, member);
	if (source)
		source_expelled(source);
}

void group_silence(struct world *world, int member)
{
	if (group_is_valid(world, member))
		world->group.members[member].expires_us = world->now_us + world->plan.session_timeout_us;
}

void group_hear(struct world *world, int member)
{
	if (group_is_valid(world, member))
		world->group.members[member].expires_us = CLOCK_NEVER;
}

/* ---- time ---- */

static bool all_rejoined(const struct group *group)
{
	for (int i = 0; i < group->member_count; i++)
		if (group->members[i].in_group && !group->members[i].rejoined)
			return false;
	return true;
}

int64_t group_next_us(const struct world *world)
{
	const struct group *group = &world->group;
	int64_t next_us = CLOCK_NEVER;

	if (group->rebalancing)
		next_us = all_rejoined(group) ? world->now_us : group->deadline_us;
	for (int i = 0; i < group->member_count; i++)
		if (group->members[i].expires_us < next_us)
			next_us = group->members[i].expires_us;
	return next_us;
}

void group_run(struct world *world)
{
	struct group *group = &world->group;

	for (int i = 0; i < group->member_count; i++)
		if (group->members[i].expires_us <= world->now_us)
			group_expel(world, i);
	if (!group->rebalancing)
		return;
	if (world->now_us >= group->deadline_us)
		for (int i = 0; i < group->member_count; i++)
			if (group->members[i].in_group && !group->members[i].rejoined)
				group_expel(world, i);
	if (all_rejoined(group))
		finish_rebalance(world);
}
