/* topic_pattern.h: topics by regular expression: an entry that begins with "^".
 *
 * POSIX extended, as regcomp(3) knows it, over the whole name; never a topic that begins with "__": those are
 * Kafka's own and other programs' inner ones. Pure; a compiled pattern may be used by any thread. */
#pragma once
#include <stdbool.h>
#include <stddef.h>

struct topic_pattern;

enum { TOPIC_LENGTH_MAX = 249, TOPIC_PATTERN_LENGTH_MAX = 255 };

/* Is the entry a pattern, and no name? */
bool topic_pattern_is(const char *entry);

/* NULL when it is wrong, or would take too much to compile or to match (back-references, many repeated groups):
 * why, of size bytes, then says what is wrong and what would be right. */
struct topic_pattern *topic_pattern_new(const char *entry, char *why, size_t size);
/* Accepts NULL. */
void topic_pattern_free(struct topic_pattern *pattern);

bool topic_pattern_matches(const struct topic_pattern *pattern, const char *topic);

/* A name that it matches, for variant 0 to TOPIC_PATTERN_EXAMPLES - 1 perhaps another one each; the caller frees.
 * NULL: none was found, which does not mean that there is none. */
enum { TOPIC_PATTERN_EXAMPLES = 16 };
char *topic_pattern_example(const struct topic_pattern *pattern, unsigned variant);

/* Can a topic have this name? */
bool topic_name_is_valid(const char *name);
