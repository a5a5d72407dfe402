/* Which source topics there are: those that are listed by name, and those that a regular expression matches. */
#include "kafka/preflight_internal.h"
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include "base/clock.h"
#include "base/memory.h"
#include "core/topic_pattern.h"
#include "kafka/client.h"
#include "kafka/error_class.h"
#include "kafka/topic_match.h"

static int topic_order(const void *a, const void *b)
{
	return strcmp(((const struct read_topic *)a)->name, ((const struct read_topic *)b)->name);
}

const struct read_topic *preflight_topic(const struct preflight_result *result, const char *name)
{
	const struct read_topic wanted = { .name = (char *)name };

	if (result->topic_count == 0)
		return NULL;
	return bsearch(&wanted, result->topics, result->topic_count, sizeof wanted, topic_order);
}

static void add_topic(struct preflight_result *result, const char *name, int partitions, bool by_pattern)
{
	result->topics = xreallocarray(result->topics, result->topic_count + 1, sizeof *result->topics);
	result->topics[result->topic_count++] = (struct read_topic){ .name = xstrdup(name),
		.partitions = partitions, .target_partitions = INT32_MAX, .by_pattern = by_pattern };
}

/* ---- by regular expression ---- */

/* Adds all that match and have partitions: one that is just being made has none yet, and is seen at the next look. */
static void add_matching(struct preflight_result *result, const struct config_from *from,
    const struct rd_kafka_metadata *metadata)
{
	struct topic_match *match = topic_match_new(from);

	for (int i = 0; i < metadata->topic_cnt; i++) {
		const struct rd_kafka_metadata_topic *topic = &metadata->topics[i];

		if (topic->partition_cnt > 0 && topic_match_by_pattern(match, topic->topic))
			add_topic(result, topic->topic, topic->partition_cnt, true);
	}
	topic_match_free(match);
}

/* ---- newer than the group's first start? ---- */

/* Has the group committed anything on topics that the patterns match? Asked by a client of the group's name that never
 * joins it: the admin request for this crashes librdkafka 2.0.2 while the group's coordinator starts. */
static int ask_group(struct preflight *preflight, bool *has_commits)
{
	const char *group = preflight->pipeline->from.group;
	rd_kafka_t *client = client_new_group_reader(preflight->pipeline, preflight->err);
	rd_kafka_topic_partition_list_t *list;
	rd_kafka_resp_err_t code;

	if (!client)
		return preflight->err->code;
	list = rd_kafka_topic_partition_list_new(16);
	for (size_t i = 0; i < preflight->result->topic_count; i++) {
		const struct read_topic *topic = &preflight->result->topics[i];

		for (int32_t partition = 0; topic->by_pattern && partition < topic->partitions; partition++)
			rd_kafka_topic_partition_list_add(list, topic->name, partition);
	}
	code = rd_kafka_committed(client, list, REQUEST_TIMEOUT_MS);
	for (int i = 0; i < list->cnt && !code; i++)
		*has_commits = *has_commits || list->elems[i].offset >= 0;
	if (code)
		error_class_set(preflight->err, code, "committed offsets of the group \"%s\"", group);
	rd_kafka_topic_partition_list_destroy(list);
	rd_kafka_destroy(client);
	return preflight->err->code;
}

/* What a pattern comes to match after the group's first start is read from its beginning. The group remembers its first
 * start by what it has committed on the other topics; where it has committed nothing, this process remembers. */
static int mark_later(struct preflight *preflight, bool has_matches)
{
	const struct preflight_context *context = preflight->context;
	bool has_commits = false;

	if (!has_matches || preflight->pipeline->from.start == START_EARLIEST)
		return 0;
	if (!context->before && !context->group_has_started && ask_group(preflight, &has_commits) < 0)
		return preflight->err->code;
	for (size_t i = 0; i < preflight->result->topic_count; i++) {
		struct read_topic *topic = &preflight->result->topics[i];
		const struct read_topic *known = context->before ? preflight_topic(context->before, topic->name) : NULL;

		topic->later = topic->by_pattern &&
			       (known ? known->later : has_commits || context->before || context->group_has_started);
	}
	return 0;
}

/* ---- all of them ---- */

static int find_listed(struct preflight *preflight)
{
	const struct config_from *from = &preflight->pipeline->from;

	for (size_t i = 0; i < from->topic_count; i++) {
		int count;

		if (topic_pattern_is(from->topics[i]))
			continue;
		if (worker_cancelled(preflight->worker))
			return error_set(preflight->err, -ECANCELED, REMEDY_NONE, "cancelled");
		count = preflight_partitions_of(preflight, preflight->source, from->cluster, from->topics[i]);
		if (count < 0)
			return count;
		if (count == 0)
			return error_set(preflight->err, -ENOENT, REMEDY_RETRY,
			    "source topic %s does not exist on cluster \"%s\"; create it or correct from.topics; trying again",
			    from->topics[i], from->cluster->name);
		add_topic(preflight->result, from->topics[i], count, false);
	}
	return 0;
}

int preflight_find_topics(struct preflight *preflight)
{
	const struct config_from *from = &preflight->pipeline->from;
	struct preflight_result *result = preflight->result;
	const struct rd_kafka_metadata *metadata;
	rd_kafka_resp_err_t code;
	size_t listed_count;

	if (find_listed(preflight) < 0)
		return preflight->err->code;
	listed_count = result->topic_count;
	if (topic_match_has_patterns(from)) {
		code = rd_kafka_metadata(preflight->source, 1, NULL, &metadata, REQUEST_TIMEOUT_MS);
		if (code)
			return preflight_no_answer(preflight->source, from->cluster, code, preflight->err);
		add_matching(result, from, metadata);
		rd_kafka_metadata_destroy(metadata);
	}
	if (result->topic_count > 0) /* qsort() may not be given NULL */
		qsort(result->topics, result->topic_count, sizeof *result->topics, topic_order);
	for (size_t i = 0; i < result->topic_count; i++)
		result->source_partitions += (uint32_t)result->topics[i].partitions;
	return mark_later(preflight, result->topic_count > listed_count);
}

/* ---- another look ---- */

/* Whether what is there differs from what was found. missing: whether something is gone, which a broker that has just
 * started may only not know yet. */
static bool differs(const struct preflight_result *result, const struct config_from *from,
    const struct rd_kafka_metadata *metadata, bool *missing)
{
	struct preflight_result now = { .topics = NULL };
	bool different = false;
	size_t known = 0;
	size_t seen = 0;

	add_matching(&now, from, metadata);
	for (size_t i = 0; i < now.topic_count; i++) {
		const struct read_topic *topic = preflight_topic(result, now.topics[i].name);

		seen += topic != NULL;
		if (!topic || now.topics[i].partitions > topic->partitions)
			different = true;
	}
	for (size_t i = 0; i < result->topic_count; i++)
		known += result->topics[i].by_pattern;
	*missing = seen < known;
	preflight_clear(&now);
	return different;
}

bool preflight_is_outdated(const struct preflight_result *result, const struct config_pipeline *pipeline,
    const struct probe *source, struct worker *worker)
{
	bool missing = false;

	for (size_t i = 0; i < result->topic_count; i++)
		if (result->topics[i].held.code || result->topics[i].target_partitions < result->topics[i].partitions)
			return true;
	for (int look = 0; look < 2 && !worker_cancelled(worker) && topic_match_has_patterns(&pipeline->from); look++) {
		const struct rd_kafka_metadata *metadata;
		bool different;

		if (rd_kafka_metadata(source->client, 1, NULL, &metadata, REQUEST_TIMEOUT_MS))
			return false;
		different = differs(result, &pipeline->from, metadata, &missing);
		rd_kafka_metadata_destroy(metadata);
		if (different)
			return true;
		if (!missing)
			return false;
		if (look == 0)
			worker_wait_us(worker, USEC_PER_SEC);
	}
	return missing;
}
