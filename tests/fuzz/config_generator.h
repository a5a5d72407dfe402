/* config_generator.h: configurations that are right, made from the key table by chance: other keys, values,
 * spellings and layout for each seed. What there is in the table is in them, too, as soon as it is there. */
#pragma once
#include <stdint.h>

/* The text of one; the same for the same seed and the same table. Nothing is wrong in it, though there may
 * be warnings. The caller frees. */
char *config_generate(uint64_t seed);
