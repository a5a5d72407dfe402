/* id_set.h: which of many small positive numbers have been seen: one bit each. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Zero-initialise. */
struct id_set {
	uint64_t *words;
	size_t word_count;
	uint64_t members;
};

/* Adds id (>= 0). False: it was there already. Takes id / 8 bytes of memory. */
bool id_set_add(struct id_set *set, int64_t id);

void id_set_clear(struct id_set *set);
