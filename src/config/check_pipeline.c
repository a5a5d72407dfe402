#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "base/cleanup.h"
#include "base/memory.h"
#include "base/units.h"
#include "config/load.h"
#include "config/property_list.h"
#include "core/topic_pattern.h"

#define PATH_SIZE	      512
#define SHOWN		      "%.80s"
#define MAX_POLL_INTERVAL_MS  300000 /* librdkafka's defaults */
#define HEARTBEAT_INTERVAL_MS 3000

/* The brokers abort a transaction after transaction.timeout.ms, which core/delivery.c sets to 15 s; its records must be
 * written and acknowledged by then, too. */
#define TRANSACTION_MAX_MS   10000

/* The pipeline that is being judged. */
struct judged {
	struct load *load;
	size_t index;
	const struct config_pipeline *pipeline;
	struct delivery_choice choice;
};

/* Where a key of the pipeline stands; path has PATH_SIZE bytes. */
static struct finding_place key_place(
    const struct judged *judged, const char *group, const char *key, char *path)
{
	return pipeline_key_place(judged->load, judged->index, group, key, path, PATH_SIZE);
}

static void check_delivery(const struct judged *judged)
{
	const char *contradiction = delivery_contradiction(&judged->choice);
	const char *warning = delivery_warning(&judged->choice);
	char path[PATH_SIZE];
	struct finding_place where;

	if (judged->choice.acks == ACKS_ALL)
		where = key_place(judged, "from", "isolation", path);
	else
		where = key_place(judged, "to", "acks", path);
	if (contradiction)
		findings_error(judged->load->findings, &where, "%s", contradiction);
	else if (warning)
		findings_warning(judged->load->findings, &where, "%s", warning);

	if (judged->choice.delivery != DELIVERY_AT_LEAST_ONCE &&
	    judged->pipeline->commit.mode == COMMIT_SYNC) {
		where = key_place(judged, "commit", "mode", path);
		findings_error(judged->load->findings, &where,
		    "\"sync\" is for delivery at_least_once alone: %s commits in its own order; remove it",
		    delivery_name(judged->choice.delivery));
	}
}

/* A transaction of Kafka belongs to one cluster, and the committed offsets must be in it. */
static void check_one_cluster(const struct judged *judged)
{
	const struct config *config = judged->load->config;
	const struct config_cluster *from = judged->pipeline->from.cluster;
	const struct config_cluster *to = judged->pipeline->to.cluster;
	char path[PATH_SIZE];
	struct finding_place where;

	if (judged->choice.delivery != DELIVERY_EXACTLY_ONCE || !from || !to ||
	    canonical_cluster(config, from) == canonical_cluster(config, to))
		return;
	where = key_place(judged, "to", "cluster", path);
	findings_error(judged->load->findings, &where,
	    "delivery exactly_once cannot go from \"%s\" to \"%s\": a transaction of Kafka is within one "
	    "cluster; use delivery = \"at_least_once\", or a target in \"%s\"",
	    from->name, to->name, from->name);
}

/* One that is open for longer is aborted and begun again, for ever. */
static void check_transaction_time(const struct judged *judged)
{
	const struct config_pipeline *pipeline = judged->pipeline;
	int64_t linger_ms = pipeline->to.linger_us / 1000;
	int64_t open_ms = pipeline->commit.interval_ms + linger_ms;
	char path[PATH_SIZE];
	struct finding_place where;

	if (judged->choice.delivery != DELIVERY_EXACTLY_ONCE || open_ms <= TRANSACTION_MAX_MS)
		return;
	where = linger_ms > pipeline->commit.interval_ms ? key_place(judged, "to", "linger", path)
							 : key_place(judged, "commit", "interval", path);
	findings_error(judged->load->findings, &where,
	    "a transaction of exactly_once would be open for %" PRId64
	    " ms (commit.interval and to.linger together), and the brokers abort it after 15000; "
	    "use %d together at most",
	    open_ms, TRANSACTION_MAX_MS);
}

/* The topics that Kafka keeps for itself. */
static bool is_topic_of_kafka(const char *name)
{
	return strcmp(name, "__consumer_offsets") == 0 || strcmp(name, "__transaction_state") == 0;
}

static void check_pattern(const struct judged *judged, const struct finding_place *where, const char *text)
{
	char why[256];
	struct topic_pattern *pattern = topic_pattern_new(text, why, sizeof why);

	if (!pattern)
		findings_error(judged->load->findings, where, "\"" SHOWN "\" %s", text, why);
	topic_pattern_free(pattern);
}

static void check_topics(const struct judged *judged)
{
	const struct config_from *from = &judged->pipeline->from;
	char path[PATH_SIZE];
	struct finding_place where = key_place(judged, "from", "topics", path);

	for (size_t i = 0; i < from->topic_count; i++) {
		const char *topic = from->topics[i];

		if (topic_pattern_is(topic))
			check_pattern(judged, &where, topic);
		else if (!topic_name_is_valid(topic))
			findings_error(judged->load->findings, &where,
			    "\"" SHOWN
			    "\" is no name of a topic; use up to %d letters, digits, \".\", \"_\" and \"-\"",
			    topic, TOPIC_LENGTH_MAX);
		else if (is_topic_of_kafka(topic))
			findings_error(judged->load->findings, &where,
			    "\"%s\" is Kafka's own, and each commit of aloqd would add to it; remove it", topic);
		for (size_t j = 0; j < i; j++) {
			if (strcmp(from->topics[j], topic) == 0) {
				findings_error(judged->load->findings, &where,
				    "\"" SHOWN "\" is listed twice; remove one of the two", topic);
				break;
			}
		}
	}
}

static void check_targets(const struct judged *judged)
{
	const struct config_pipeline *pipeline = judged->pipeline;
	char path[PATH_SIZE];
	struct finding_place where = key_place(judged, "to", "topic", path);

	if (!pipeline->to.topic)
		return;
	for (size_t i = 0; i < pipeline->from.topic_count; i++) {
		_cleanup_free_ char *target = NULL;
		/* Any name that a pattern matches would do. */
		const char *source = topic_pattern_is(pipeline->from.topics[i]) ? "x" : pipeline->from.topics[i];

		if (!topic_name_is_valid(source))
			continue; /* has been said */
		target = config_target_topic(pipeline, source);
		if (is_topic_of_kafka(target)) {
			findings_error(judged->load->findings, &where,
			    "\"%s\" is Kafka's own; use another target", target);
		} else if (!topic_name_is_valid(target)) {
			findings_error(judged->load->findings, &where,
			    "makes \"" SHOWN "\" of the source \"" SHOWN
			    "\", which is no name of a topic; use up to %d letters, "
			    "digits, \".\", \"_\" and \"-\", and {topic} for the source's name",
			    target, source, TOPIC_LENGTH_MAX);
			return;
		}
	}
}

/* The source that the pipeline would write to this topic, when to.topic holds {topic}. The caller frees. */
static char *source_of_target(const struct config_pipeline *pipeline, const char *topic)
{
	const char *placeholder = strstr(pipeline->to.topic, "{topic}");
	size_t before = placeholder ? (size_t)(placeholder - pipeline->to.topic) : 0;

	/* By its length alone: who asks looks what the pipeline makes of it. */
	for (size_t length = strlen(topic); placeholder && before < strlen(topic) && length > 0; length--) {
		_cleanup_free_ char *source = xasprintf("%.*s", (int)length, topic + before);
		_cleanup_free_ char *target = config_target_topic(pipeline, source);

		if (strcmp(target, topic) == 0)
			return TAKE_PTR(source);
	}
	return NULL;
}

static bool is_matched(const char *entry, const char *topic)
{
	char why[256];
	struct topic_pattern *pattern = topic_pattern_new(entry, why, sizeof why);
	bool matched = pattern && topic_pattern_matches(pattern, topic);

	topic_pattern_free(pattern);
	return matched;
}

/* Is the topic for dead letters one of the targets? */
static bool is_target(const struct config_pipeline *pipeline, const char *topic)
{
	_cleanup_free_ char *source = NULL;

	if (!pipeline->to.topic)
		return false;
	if (strcmp(pipeline->to.topic, topic) == 0)
		return true;
	source = source_of_target(pipeline, topic);
	for (size_t i = 0; i < pipeline->from.topic_count && source; i++) {
		const char *entry = pipeline->from.topics[i];

		if (topic_pattern_is(entry) ? is_matched(entry, source) : strcmp(entry, source) == 0)
			return true;
	}
	return false;
}

static void check_dead_letter(const struct judged *judged)
{
	const struct config_pipeline *pipeline = judged->pipeline;
	const char *topic = pipeline->dead_letter;
	char path[PATH_SIZE];
	struct finding_place where = key_place(judged, NULL, "dead_letter", path);

	if (pipeline->on_error == ON_ERROR_SKIP) {
		if (topic)
			findings_error(judged->load->findings, &where,
			    "is of no use with on_error = \"%s\"; set on_error = \"dead_letter\", or remove it",
			    keys_choice_name(
				keys_find(PLACE_PIPELINE, "on_error")->choices, (int)pipeline->on_error));
	} else if (!topic && pipeline->on_error == ON_ERROR_BLOCK) {
		return;
	} else if (!topic) {
		where = key_place(judged, NULL, "on_error", path);
		findings_error(judged->load->findings, &where,
		    "\"dead_letter\" needs a topic for what is refused; add dead_letter = \"TOPIC\"");
	} else if (!topic_name_is_valid(topic)) {
		findings_error(judged->load->findings, &where,
		    "\"" SHOWN "\" is no name of a topic; use up to %d letters, digits, \".\", \"_\" and \"-\"",
		    topic, TOPIC_LENGTH_MAX);
	} else if (is_topic_of_kafka(topic)) {
		findings_error(
		    judged->load->findings, &where, "\"%s\" is Kafka's own; use another topic", topic);
	} else if (is_target(pipeline, topic)) {
		findings_error(judged->load->findings, &where,
		    "\"%s\" is the target too: what was refused would look like what was relayed; "
		    "use another topic",
		    topic);
	}
}

static void check_create(const struct judged *judged)
{
	const struct config_to *to = &judged->pipeline->to;
	char path[PATH_SIZE];
	struct finding_place where;

	if (!to->create.enabled)
		return;
	if (to->create.replication_factor == 0) {
		where = key_place(judged, "create", "replication_factor", path);
		findings_error(judged->load->findings, &where,
		    "0 is out of range; use 1 or more, or -1 for the broker's default");
	}
	if (to->partition == PARTITION_FIXED && to->create.partitions > 0 &&
	    to->fixed_partition >= to->create.partitions) {
		where = key_place(judged, "create", "partitions", path);
		findings_error(judged->load->findings, &where,
		    "%" PRId32 " partitions do not hold the fixed partition %" PRId32
		    "; use at least %" PRId64,
		    to->create.partitions, to->fixed_partition, (int64_t)to->fixed_partition + 1);
	}
}

/* Each member has a share of the rate, which must not be 0: that would be no limit. */
static void check_rate(const struct judged *judged)
{
	const struct config_pipeline *pipeline = judged->pipeline;
	char path[PATH_SIZE];
	struct finding_place where = key_place(judged, "rate", "records", path);

	if (pipeline->rate_records > 0 && pipeline->rate_records < pipeline->members)
		findings_error(judged->load->findings, &where,
		    "%" PRId64 " cannot be shared by %" PRId32 " members; use at least %" PRId32
		    ", or fewer members",
		    pipeline->rate_records, pipeline->members, pipeline->members);
	where = key_place(judged, "rate", "bytes", path);
	if (pipeline->rate_bytes > 0 && pipeline->rate_bytes < (uint64_t)pipeline->members)
		findings_error(judged->load->findings, &where,
		    "%" PRIu64 " cannot be shared by %" PRId32 " members; use at least %" PRId32
		    ", or fewer members",
		    pipeline->rate_bytes, pipeline->members, pipeline->members);
}

static int64_t consumer_ms(const struct config_pipeline *pipeline, const char *name, int64_t usual_ms)
{
	const struct config_property *property = property_list_find(&pipeline->from.properties, name);

	if (!property && pipeline->from.cluster)
		property = property_list_find(&pipeline->from.cluster->properties, name);
	return property ? strtoll(property->value, NULL, 10) : usual_ms;
}

/* A member that settles a revoked partition for longer than the group waits for it loses it meanwhile. It hears with a
 * heartbeat that a rebalance has begun. */
static void check_revoke_timeout(const struct judged *judged)
{
	const struct config_pipeline *pipeline = judged->pipeline;
	int64_t max_poll_interval_ms = consumer_ms(pipeline, "max.poll.interval.ms", MAX_POLL_INTERVAL_MS);
	int64_t heartbeat_ms = consumer_ms(pipeline, "heartbeat.interval.ms", HEARTBEAT_INTERVAL_MS);
	char path[PATH_SIZE];
	struct finding_place where;

	if (max_poll_interval_ms <= 0 || heartbeat_ms <= 0 ||
	    pipeline->revoke_timeout_ms < max_poll_interval_ms - heartbeat_ms)
		return;
	where = key_place(judged, NULL, "revoke_timeout", path);
	findings_error(judged->load->findings, &where,
	    "%" PRId64 " ms is not below max.poll.interval.ms less heartbeat.interval.ms (%" PRId64 " - %" PRId64
	    "), after which the group may take the partitions away; use less",
	    pipeline->revoke_timeout_ms, max_poll_interval_ms, heartbeat_ms);
}

void check_pipeline(struct load *load, size_t index)
{
	const struct config_pipeline *pipeline = &load->config->pipelines[index];
	struct judged judged = {
		.load = load,
		.index = index,
		.pipeline = pipeline,
		.choice = { pipeline->delivery, pipeline->to.acks, pipeline->from.isolation },
	};
	char path[PATH_SIZE];
	struct finding_place where;

	check_delivery(&judged);
	check_one_cluster(&judged);
	check_transaction_time(&judged);
	check_topics(&judged);
	check_targets(&judged);
	check_dead_letter(&judged);
	check_create(&judged);
	check_rate(&judged);
	check_revoke_timeout(&judged);
	where = key_place(&judged, "from", "properties", path);
	check_properties(load, &pipeline->from.properties, pipeline->from.cluster, &judged.choice,
	    CLIENT_CONSUMER, &where);
	where = key_place(&judged, "to", "properties", path);
	check_properties(load, &pipeline->to.properties, pipeline->to.cluster, &judged.choice,
	    CLIENT_PRODUCER, &where);
}
