/* delivery.h: the three guarantees, and the client settings that follow from each.
 *
 * The derivation is a pure table: for a pipeline's choices it lists the librdkafka settings that carry
 * the guarantee, each with its reason. src/kafka applies it, the config check refuses `properties` that
 * contradict it, and the operator can be shown it. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum delivery { DELIVERY_AT_MOST_ONCE, DELIVERY_AT_LEAST_ONCE, DELIVERY_EXACTLY_ONCE };
enum acks { ACKS_ALL = -1, ACKS_NONE = 0, ACKS_LEADER = 1 };
enum isolation { ISOLATION_READ_COMMITTED, ISOLATION_READ_UNCOMMITTED };
/* What becomes of a record that the target refuses for ever. */
enum error_policy { ON_ERROR_BLOCK, ON_ERROR_SKIP, ON_ERROR_DEAD_LETTER };

/* Names as the config spells them. */
const char *delivery_name(enum delivery delivery);
const char *acks_name(enum acks acks);
const char *isolation_name(enum isolation isolation);

/* What the guarantee depends on. */
struct delivery_choice {
	enum delivery delivery;
	enum acks acks;
	enum isolation isolation;
};

enum client_side { CLIENT_CONSUMER, CLIENT_PRODUCER };

struct derived_setting {
	enum client_side side;
	const char *property; /* librdkafka's name */
	const char *value;
	const char *reason; /* a clause that completes "because ..." */
};

/* Writes at most capacity settings into settings and returns how many there are. The strings are
 * static. Call with capacity 0 to count. */
size_t delivery_derive(
    const struct delivery_choice *choice, struct derived_setting *settings, size_t capacity);

/* Why the operator may not set this property on this side, as a clause that completes "because ...", or
 * NULL when they may. Covers what the derivation fixes (or what is an alias of it), what aloqd itself
 * decides (group.id, offsets, memory), and what runs code or loads it. value may be NULL: then only the name
 * is judged. Static. Property names are compared without case. */
const char *delivery_property_refusal(const struct delivery_choice *choice, enum client_side side,
    const char *property, const char *value);

/* A property that the operator may not set, whatever the choice; those that the choice derives come on top. */
struct delivery_refusal {
	const char *property; /* a '*' at its end or its beginning stands for any rest */
	const char *reason;   /* a clause that completes "because ..." */
};

/* The same of some values alone. */
struct delivery_value_refusal {
	struct delivery_refusal refusal;
	const char *values; /* in words */
	bool (*refuses)(const char *value);
};

/* All of them; static. */
const struct delivery_refusal *delivery_refusals(size_t *count);
const struct delivery_value_refusal *delivery_value_refusals(size_t *count);

/* What is promised, in sentences for the operator: by the delivery, and by the acks. Static. */
const char *delivery_promise(const struct delivery_choice *choice);
const char *delivery_acks_promise(const struct delivery_choice *choice);

/* Do these choices contradict each other? NULL when they do not, else a sentence with the remedy. */
const char *delivery_contradiction(const struct delivery_choice *choice);

/* A weakness of an allowed choice that the operator must know, or NULL. */
const char *delivery_warning(const struct delivery_choice *choice);
