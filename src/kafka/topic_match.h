/* topic_match.h: which topics the regular expressions of a pipeline's from.topics match. Pure. */
#pragma once
#include <stdbool.h>
#include "config/config.h"

struct topic_match;

/* The configuration has been checked. */
struct topic_match *topic_match_new(const struct config_from *from);
/* Accepts NULL. */
void topic_match_free(struct topic_match *match);

/* Are there any? */
bool topic_match_has_patterns(const struct config_from *from);

/* Does one of them match the topic, whose name is not listed itself? */
bool topic_match_by_pattern(const struct topic_match *match, const char *topic);
