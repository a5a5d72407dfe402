#include "kafka/topic_match.h"
#include <stdlib.h>
#include <string.h>
#include "base/memory.h"
#include "core/topic_pattern.h"

struct topic_match {
	const struct config_from *from;
	struct topic_pattern **patterns;
	size_t count;
};

struct topic_match *topic_match_new(const struct config_from *from)
{
	struct topic_match *match = xcalloc(1, sizeof *match);
	char why[256];

	match->from = from;
	match->patterns = xcalloc(from->topic_count, sizeof *match->patterns);
	for (size_t i = 0; i < from->topic_count; i++) {
		struct topic_pattern *pattern = topic_pattern_is(from->topics[i])
		                                    ? topic_pattern_new(from->topics[i], why, sizeof why)
		                                    : NULL;

		if (pattern)
			match->patterns[match->count++] = pattern;
	}
	return match;
}

void topic_match_free(struct topic_match *match)
{
	if (!match)
		return;
	for (size_t i = 0; i < match->count; i++)
		topic_pattern_free(match->patterns[i]);
	free(match->patterns);
	free(match);
}

bool topic_match_has_patterns(const struct config_from *from)
{
	for (size_t i = 0; i < from->topic_count; i++)
		if (topic_pattern_is(from->topics[i]))
			return true;
	return false;
}

static bool is_listed(const struct config_from *from, const char *topic)
{
	for (size_t i = 0; i < from->topic_count; i++)
		if (!strcmp(from->topics[i], topic))
			return true;
	return false;
}

bool topic_match_by_pattern(const struct topic_match *match, const char *topic)
{
	for (size_t i = 0; i < match->count; i++)
		if (topic_pattern_matches(match->patterns[i], topic))
			return !is_listed(match->from, topic);
	return false;
}
