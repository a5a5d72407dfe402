#include "config/diff.h"
#include <stdlib.h>
#include <string.h>
#include "base/cleanup.h"
#include "base/memory.h"
#include "config/keys.h"
#include "config/value_text.h"

static char *differing_key(enum key_place place, const void *one, const void *other);

static bool same_text(const char *one, const char *other)
{
	return one == other || (one && other && strcmp(one, other) == 0);
}

static bool same_topics(const struct config_from *one, const struct config_from *other)
{
	if (one->topic_count != other->topic_count)
		return false;
	for (size_t i = 0; i < one->topic_count; i++) {
		if (strcmp(one->topics[i], other->topics[i]) != 0)
			return false;
	}
	return true;
}

static bool same_properties(const struct config_properties *one, const struct config_properties *other)
{
	if (one->count != other->count)
		return false;
	for (size_t i = 0; i < one->count; i++) {
		if (strcmp(one->items[i].name, other->items[i].name) != 0 ||
		    strcmp(one->items[i].value, other->items[i].value) != 0)
			return false;
	}
	return true;
}

static bool same_secret(const struct config_secret *one, const struct config_secret *other)
{
	return same_text(one->text, other->text) && same_text(one->value, other->value);
}

static bool same_file(const struct config_file *one, const struct config_file *other)
{
	return same_text(one->text, other->text) && same_text(one->path, other->path) &&
	       one->contents_hash == other->contents_hash;
}

/* The first key of the clusters that differs, or, where they are two by name, the key that names them. */
static char *differing_cluster_key(
    const struct key *key, const struct config_cluster *one, const struct config_cluster *other)
{
	_cleanup_free_ char *below = NULL;

	if (strcmp(one->name, other->name) != 0)
		return xstrdup(key->name);
	below = differing_key(PLACE_CLUSTER, one, other);
	return below ? xasprintf("clusters.%s.%s", one->name, below) : NULL;
}

static char *differing_group_key(const struct key *key, const void *one, const void *other)
{
	_cleanup_free_ char *below = NULL;

	if (key->optional && *(const bool *)one != *(const bool *)other)
		return xstrdup(key->name);
	below = differing_key(key->group, one, other);
	if (below && strncmp(below, "clusters.", strlen("clusters.")) == 0)
		return TAKE_PTR(below);
	return below ? xasprintf("%s.%s", key->name, below) : NULL;
}

static bool same_value(
    const struct key *key, const void *one, const void *other, const void *one_field, const void *other_field)
{
	switch (key->type) {
	case KEY_BOOL:
		return *(const bool *)one_field == *(const bool *)other_field;
	case KEY_INT32:
		return *(const int32_t *)one_field == *(const int32_t *)other_field;
	case KEY_INT64:
	case KEY_DURATION_MS:
	case KEY_DURATION_US:
		return *(const int64_t *)one_field == *(const int64_t *)other_field;
	case KEY_SIZE:
		return *(const uint64_t *)one_field == *(const uint64_t *)other_field;
	case KEY_CHOICE:
		/* an enum of the compiler's choosing */
		return memcmp(one_field, other_field, sizeof(int)) == 0;
	case KEY_TEXT:
	case KEY_BROKERS:
	case KEY_WORD:
	case KEY_LISTENER:
	case KEY_INSTANCE:
		return same_text(*(char *const *)one_field, *(char *const *)other_field);
	case KEY_TOPICS:
		return same_topics(one, other);
	case KEY_START: {
		const struct config_from *from = one;
		const struct config_from *to = other;

		return from->start == to->start && from->start_timestamp_ms == to->start_timestamp_ms;
	}
	case KEY_PARTITION: {
		const struct config_to *from = one;
		const struct config_to *to = other;

		return from->partition == to->partition && from->fixed_partition == to->fixed_partition;
	}
	case KEY_PROPERTIES:
		return same_properties(one_field, other_field);
	case KEY_SECRET:
		return same_secret(one_field, other_field);
	case KEY_FILE:
		return same_file(one_field, other_field);
	case KEY_CLUSTER: /* these two have keys of their own */
	case KEY_GROUP:
	case KEY_LATER:
		return true;
	}
	abort(); /* the table has no other */
}

static char *differing_key(enum key_place place, const void *one, const void *other)
{
	size_t count;
	const struct key *key = keys_all(&count);
	char *found = NULL;

	for (; count > 0 && !found; key++, count--) {
		const void *one_field = (const char *)one + key->offset;
		const void *other_field = (const char *)other + key->offset;

		if (key->place != place)
			continue;
		if (key->type == KEY_CLUSTER)
			found = differing_cluster_key(key, *(const struct config_cluster *const *)one_field,
			    *(const struct config_cluster *const *)other_field);
		else if (key->type == KEY_GROUP)
			found = differing_group_key(key, one_field, other_field);
		else if (!same_value(key, one, other, one_field, other_field))
			found = xstrdup(key->name);
	}
	return found;
}

char *diff_pipeline(const struct config_pipeline *one, const struct config_pipeline *other)
{
	return differing_key(PLACE_PIPELINE, one, other);
}

static const char *shown(const char *text)
{
	return text ? text : "off";
}

void diff_keep_running(const struct config *running, struct config *fresh,
    void (*told)(void *context, const char *sentence), void *context)
{
	size_t count;
	const struct key *key = keys_all(&count);

	for (; count > 0; key++, count--) {
		const char *is, *wanted;
		_cleanup_free_ char *sentence = NULL;

		if (key->place != PLACE_ALOQD || !key->restart)
			continue;
		is = *(char *const *)((const char *)running + key->offset);
		wanted = *(char *const *)value_field(key, fresh);
		if (same_text(is, wanted))
			continue;
		sentence =
		    xasprintf("aloqd.%s: a reload does not change it: it stays \"%s\", and becomes \"%s\" "
			      "when aloqd is restarted",
			key->name, shown(is), shown(wanted));
		told(context, sentence);
		value_store_text(key, fresh, is);
	}
}
