/* scenario.h: one seed, played from beginning to end. */
#pragma once
#include <stdbool.h>
#include <stdint.h>
#include "core/delivery.h"
#include "mutant.h"

enum { RULE_SIZE = 256 };

struct scenario {
	uint64_t seed;
	enum delivery delivery;
	enum mutant mutant;
	bool verbose; /* every event to stdout */
	/* result */
	uint64_t steps;
	char rule[RULE_SIZE]; /* the one that was broken; empty: none */
};

/* The delivery that a seed stands for when none is demanded. */
enum delivery scenario_delivery(uint64_t seed);

/* Returns whether all rules held. */
bool scenario_run(struct scenario *scenario);

/* Plays it again and prints the last events before the rule was broken. */
void scenario_explain(const struct scenario *scenario);
