#include "sandbox/id_set.h"
#include <stdlib.h>
#include <string.h>
#include "base/memory.h"

static void grow(struct id_set *set, size_t word_count)
{
	set->words = xreallocarray(set->words, word_count, sizeof *set->words);
	memset(set->words + set->word_count, 0, (word_count - set->word_count) * sizeof *set->words);
	set->word_count = word_count;
}

bool id_set_add(struct id_set *set, int64_t id)
{
	size_t word = (size_t)id / 64;
	uint64_t bit = UINT64_C(1) << ((uint64_t)id % 64);

	if (word >= set->word_count)
		grow(set, (word + 1) * 2);
	if (set->words[word] & bit)
		return false;
	set->words[word] |= bit;
	set->members++;
	return true;
}

void id_set_clear(struct id_set *set)
{
	free(set->words);
	*set = (struct id_set){ 0 };
}
