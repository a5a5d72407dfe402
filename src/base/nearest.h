/* nearest.h: which of the known words was meant by a misspelt one. Pure. Thread: any. */
#pragma once
#include <stdbool.h>
#include <stddef.h>

/* Insertions, deletions, substitutions and swaps of neighbours that lead from one word to the other. SIZE_MAX: one of
 * them is longer than 40 bytes, which is no misspelling of anything. */
size_t nearest_distance(const char *word, const char *other);

/* Near enough to be what was meant: no more than two fifths of the word are wrong. */
bool nearest_is_near(size_t distance, const char *word);

/* The nearest of the known words (NULL-terminated list), or NULL when none is near. */
const char *nearest_word(const char *const *known, const char *word);
