#include "base/nearest.h"
#include <stdint.h>
#include <string.h>

#define LENGTH_MAX 40

size_t nearest_distance(const char *word, const char *other)
{
	size_t rows[3][LENGTH_MAX + 1];
	size_t length = strlen(word);
	size_t other_length = strlen(other);

	if (length > LENGTH_MAX || other_length > LENGTH_MAX)
		return SIZE_MAX;
	for (size_t j = 0; j <= other_length; j++)
		rows[0][j] = j;
	for (size_t i = 1; i <= length; i++) {
		const size_t *two_up = rows[(i + 1) % 3];
		const size_t *up = rows[(i - 1) % 3];
		size_t *row = rows[i % 3];

		row[0] = i;
		for (size_t j = 1; j <= other_length; j++) {
			size_t best = up[j - 1] + (word[i - 1] != other[j - 1]);

			if (up[j] + 1 < best)
				best = up[j] + 1;
			if (row[j - 1] + 1 < best)
				best = row[j - 1] + 1;
			if (i > 1 && j > 1 && word[i - 1] == other[j - 2] && word[i - 2] == other[j - 1] &&
			    two_up[j - 2] + 1 < best)
				best = two_up[j - 2] + 1;
			row[j] = best;
		}
	}
	return rows[length % 3][other_length];
}

bool nearest_is_near(size_t distance, const char *word)
{
	return distance != SIZE_MAX && distance * 5 <= strlen(word) * 2 + 3;
}

const char *nearest_word(const char *const *known, const char *word)
{
	const char *nearest = NULL;
	size_t least = SIZE_MAX;

	for (; *known; known++) {
		size_t distance = nearest_distance(word, *known);

		if (distance < least) {
			least = distance;
			nearest = *known;
		}
	}
	return nearest_is_near(least, word) ? nearest : NULL;
}
