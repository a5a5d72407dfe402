/* Topics, one by one and source against target. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include "base/cleanup.h"
#include "base/memory.h"
#include "base/units.h"
#include "kafka/audit_internal.h"
#include "kafka/preflight.h"

#define DAY_MS INT64_C(86400000)

/* From one end of a weekend to the other: that long nobody may notice that an instance is down. */
#define WEEKEND_MS (3 * DAY_MS)

/* What a topic is to the pipeline. */
enum role { ROLE_SOURCE, ROLE_TARGET, ROLE_DEAD_LETTER };

static const char *role_name(enum role role)
{
	return role == ROLE_SOURCE   ? "source topic"
	       : role == ROLE_TARGET ? "target topic"
	                             : "topic for dead letters";
}

/* The command that changes a setting of a topic. The caller frees. */
static char *alter_command(const struct audit_cluster *cluster, const struct audit_topic *topic,
    const char *setting, const char *value)
{
	return xasprintf("kafka-configs.sh --bootstrap-server %s --alter --entity-type topics --entity-name "
			 "%s --add-config %s=%s",
	    cluster->cluster->brokers, topic->name, setting, value);
}

/* Forever is the greatest number. */
static int64_t retention_ms(const struct audit_topic *topic)
{
	const char *policy = audit_config_find(&topic->configs, "cleanup.policy");
	int64_t ms = audit_number(&topic->configs, "retention.ms", -1);

	return ms < 0 || (policy && !strstr(policy, "delete")) ? INT64_MAX : ms;
}

static bool is_compacted(const struct audit_topic *topic)
{
	const char *policy = audit_config_find(&topic->configs, "cleanup.policy");

	return policy && strstr(policy, "compact");
}

static const char *duration(char *text, size_t size, int64_t ms)
{
	return ms == INT64_MAX ? "for ever" : units_format_duration(text, size, ms);
}

/* ---- is it safe where it is? ---- */

static void judge_in_sync(const struct audit_facts *facts, const struct audit_cluster *cluster,
    const struct audit_topic *topic, enum role role, struct audit_findings *findings)
{
	const struct audit_place place = audit_setting_of(cluster, topic, "min.insync.replicas");
	int64_t least = audit_number(&topic->configs, "min.insync.replicas", 0);
	_cleanup_free_ char *two = alter_command(cluster, topic, "min.insync.replicas", "2");
	_cleanup_free_ char *fewer =
	    alter_command(cluster, topic, "min.insync.replicas", topic->replicas > 2 ? "2" : "1");

	if (facts->pipeline->to.acks != ACKS_ALL || least == 0)
		return;
	/* KAFKA-15583 */
	if (least > topic->replicas)
		audit_found(findings, AUDIT_WARNING, &place, fewer,
		    "the %s has %" PRId32
		    " replica%s: before Kafka 3.7 nothing can ever be written to it with acks = \"all\", and from then on "
		    "the replicas that there are must do",
		    role_name(role), topic->replicas, topic->replicas == 1 ? "" : "s");
	else if (topic->in_sync < least)
		audit_found(findings, AUDIT_WARNING, &place, "bring the missing brokers back",
		    "a partition has %" PRId32
		    " in-sync replica%s now: nothing is written to it until it has more",
		    topic->in_sync, topic->in_sync == 1 ? "" : "s");
	else if (least == topic->replicas && least > 1)
		audit_found(findings, AUDIT_WARNING, &place, fewer,
		    "there are no more than %" PRId32
		    " replicas: when one broker is down, nothing is written",
		    topic->replicas);
	else if (least == 1 && topic->replicas > 1)
		audit_found(findings, AUDIT_WARNING, &place, two,
		    "acks = \"all\" may be the leader's alone, while no other replica is in sync: what it "
		    "has acknowledged is lost when it dies");
}

static void judge_durability(const struct audit_facts *facts, const struct audit_cluster *cluster,
    const struct audit_topic *topic, enum role role, struct audit_findings *findings)
{
	struct audit_place place = audit_place_of(cluster, topic);
	const char *unclean = audit_config_find(&topic->configs, "unclean.leader.election.enable");

	if (topic->leaderless > 0)
		audit_found(findings, AUDIT_WARNING, &place, "bring the missing brokers back",
		    "%" PRId32 " of %" PRId32 " partitions of the %s have no leader now", topic->leaderless,
		    topic->partitions, role_name(role));
	if (topic->replicas == 1) {
		place.setting = "replication.factor";
		place.value = "1";
		audit_found(findings, AUDIT_WARNING, &place,
		    cluster->brokers > 1 ? "give it more replicas (kafka-reassign-partitions.sh)"
					 : "use a cluster of three brokers, and three replicas",
		    "the records of the %s are gone with the one broker that has them", role_name(role));
	}
	if (role != ROLE_SOURCE)
		judge_in_sync(facts, cluster, topic, role, findings);
	if (unclean && !strcmp(unclean, "true")) {
		_cleanup_free_ char *clean =
		    alter_command(cluster, topic, "unclean.leader.election.enable", "false");

		place = audit_setting_of(cluster, topic, "unclean.leader.election.enable");
		audit_found(findings, AUDIT_WARNING, &place, clean,
		    role == ROLE_SOURCE ? "a replica that lags may become the leader of the source: records "
					  "are gone then, or others in their place (from.on_gap)"
					: "a replica that lags may become the leader: records that were "
					  "acknowledged are gone then");
	}
	if (topic->configs.unknown) {
		place = audit_place_of(cluster, topic);
		audit_found(findings, AUDIT_NOTE, &place,
		    "grant DescribeConfigs on the topic, or look with kafka-configs.sh --describe",
		    "its settings cannot be seen and were not judged: %s", topic->configs.unknown);
	}
}

/* ---- the source ---- */

static void judge_source_retention(
    const struct audit_cluster *cluster, const struct audit_topic *topic, struct audit_findings *findings)
{
	struct audit_place place = audit_setting_of(cluster, topic, "retention.ms");
	_cleanup_free_ char *longer = alter_command(cluster, topic, "retention.ms", "604800000");
	int64_t ms = retention_ms(topic);
	char text[UNITS_TEXT_SIZE];

	if (ms < WEEKEND_MS)
		audit_found(findings, ms < DAY_MS ? AUDIT_WARNING : AUDIT_NOTE, &place, longer,
		    "when no instance runs for %s, records are gone before they are relayed (from.on_gap)",
		    duration(text, sizeof text, ms));
	place = audit_setting_of(cluster, topic, "retention.bytes");
	if (place.value && ms != INT64_MAX && strtoll(place.value, NULL, 10) >= 0)
		audit_found(findings, AUDIT_NOTE, &place, NULL,
		    "records are gone once a partition holds that much: how long it keeps them depends on "
		    "how much is written");
	place = audit_setting_of(cluster, topic, "cleanup.policy");
	if (is_compacted(topic))
		audit_found(findings, AUDIT_NOTE, &place, NULL,
		    "what is overwritten or deleted in the source before it is read is not relayed, as for "
		    "every reader of a compacted topic");
}

static bool is_missing(const struct audit_cluster *cluster, const struct audit_topic *topic, enum role role,
    struct audit_findings *findings)
{
	const struct audit_place place = audit_place_of(cluster, topic);

	if (topic->presence == AUDIT_HIDDEN)
		audit_found(findings, AUDIT_ERROR, &place,
		    role == ROLE_SOURCE ? "grant Read on it" : "grant Write on it",
		    "the user may not see the %s", role_name(role));
	return topic->presence != AUDIT_PRESENT;
}

static void judge_source(
    const struct audit_facts *facts, const struct audit_topic *topic, struct audit_findings *findings)
{
	const struct audit_place place = audit_place_of(&facts->source, topic);

	if (topic->presence == AUDIT_MISSING)
		audit_found(findings, AUDIT_ERROR, &place, "create it, or correct from.topics",
		    "the source topic does not exist");
	if (is_missing(&facts->source, topic, ROLE_SOURCE, findings))
		return;
	judge_durability(facts, &facts->source, topic, ROLE_SOURCE, findings);
	judge_source_retention(&facts->source, topic, findings);
}

/* ---- the target ---- */

/* wanted: partitions. */
static void judge_absence(const struct audit_facts *facts, const struct audit_topic *topic, enum role role,
    int wanted, struct audit_findings *findings)
{
	const struct config_create *create = &facts->pipeline->to.create;
	const struct audit_place place = audit_place_of(&facts->target, topic);
	_cleanup_free_ char *command = xasprintf("kafka-topics.sh --bootstrap-server %s --create --topic %s "
						 "--partitions %d, or let aloqd do so with to.create",
	    facts->target.cluster->brokers, topic->name, wanted);

	if (topic->presence != AUDIT_MISSING)
		return;
	if (!create->enabled)
		audit_found(findings, AUDIT_ERROR, &place, command, "the %s does not exist", role_name(role));
	else if (create->replication_factor > facts->target.brokers)
		audit_found(findings, AUDIT_ERROR, &place, "use a smaller to.create.replication_factor",
		    "the %s cannot be made with %" PRId32 " replicas: the cluster has %" PRId32 " broker%s",
		    role_name(role), create->replication_factor, facts->target.brokers,
		    facts->target.brokers == 1 ? "" : "s");
	else
		audit_found(findings, AUDIT_NOTE, &place, NULL,
		    "the %s does not exist and will be made (to.create)", role_name(role));
}

static void judge_partitions(const struct audit_facts *facts, const struct audit_topic *source,
    const struct audit_topic *target, struct audit_findings *findings)
{
	const struct config_to *to = &facts->pipeline->to;
	int needed = preflight_partitions_needed(to, source->partitions);
	const struct audit_place place = audit_place_of(&facts->target, target);
	_cleanup_free_ char *command = xasprintf("kafka-topics.sh --bootstrap-server %s --alter --topic %s "
						 "--partitions %d, or choose to.partition = \"key\"",
	    to->cluster->brokers, target->name, needed);

	if (target->partitions >= needed)
		return;
	if (to->partition == PARTITION_SAME && to->create.enabled && to->create.partitions == 0)
		audit_found(findings, AUDIT_NOTE, &place, NULL,
		    "it has %" PRId32 " partitions and will get %d, as source %s has (to.create)",
		    target->partitions, needed, source->name);
	else
		audit_found(findings, AUDIT_ERROR, &place, command,
		    "it has %" PRId32
		    " partitions, but %d are needed (to.partition = \"%s\", source %s has %" PRId32 ")",
		    target->partitions, needed, to->partition == PARTITION_SAME ? "same" : "fixed",
		    source->name, source->partitions);
}

static void judge_sizes(const struct audit_facts *facts, const struct audit_topic *source,
    const struct audit_topic *target, struct audit_findings *findings)
{
	const struct audit_place place = audit_setting_of(&facts->target, target, "max.message.bytes");
	const char *wanted = audit_config_find(&source->configs, "max.message.bytes");
	_cleanup_free_ char *command =
	    alter_command(&facts->target, target, "max.message.bytes", wanted ? wanted : "");

	if (place.value && wanted && strtoll(place.value, NULL, 10) < strtoll(wanted, NULL, 10))
		audit_found(findings, AUDIT_WARNING, &place, command,
		    "source %s takes %s: the target may refuse records of it (on_error)", source->name,
		    wanted);
}

/* A compacted topic refuses records without a key. */
static void judge_compaction(const struct audit_facts *facts, const struct audit_topic *source,
    const struct audit_topic *target, enum role role, struct audit_findings *findings)
{
	const struct audit_place place = audit_setting_of(&facts->target, target, "cleanup.policy");

	if (!is_compacted(target) || (source && is_compacted(source)))
		return;
	audit_found(findings, AUDIT_WARNING, &place,
	    "use cleanup.policy=delete, unless every record of the sources has a key",
	    "a compacted %s refuses records without a key (on_error), and keeps the last one of each key "
	    "alone",
	    role_name(role));
}

static void judge_timestamps(const struct audit_facts *facts, const struct audit_topic *source,
    const struct audit_topic *target, struct audit_findings *findings)
{
	struct audit_place place = audit_setting_of(&facts->target, target, "message.timestamp.type");
	int64_t oldest_ms = audit_number(&target->configs, "message.timestamp.before.max.ms", INT64_MAX);
	int64_t source_ms = source->configs.count > 0 ? retention_ms(source) : 0;
	char text[UNITS_TEXT_SIZE];

	if (place.value && !strcmp(place.value, "LogAppendTime")) {
		audit_found(findings, AUDIT_NOTE, &place, NULL, "the timestamps of the source are not kept");
		return;
	}
	place = audit_setting_of(&facts->target, target, "message.timestamp.before.max.ms");
	if (oldest_ms < source_ms)
		audit_found(findings, AUDIT_WARNING, &place, "raise it to the source's retention",
		    "records keep their timestamps, and source %s keeps them %s: the target refuses older "
		    "ones (on_error)",
		    source->name, duration(text, sizeof text, source_ms));
	place = audit_setting_of(&facts->target, target, "retention.ms");
	if (target->configs.count > 0 && retention_ms(target) < source_ms)
		audit_found(findings, AUDIT_NOTE, &place, NULL,
		    "records keep their timestamps, and source %s keeps them %s: older ones are deleted soon "
		    "after they have arrived",
		    source->name, duration(text, sizeof text, source_ms));
}

/* Is it the first route to its target? What is true of the target alone is told once. */
static bool leads_there_first(const struct audit_facts *facts, size_t route)
{
	for (size_t i = 0; i < route; i++)
		if (facts->routes[i].target == facts->routes[route].target)
			return false;
	return true;
}

static void judge_route(const struct audit_facts *facts, size_t i, struct audit_findings *findings)
{
	const struct audit_topic *source = &facts->source.topics[facts->routes[i].source];
	const struct audit_topic *target = &facts->target.topics[facts->routes[i].target];

	if (leads_there_first(facts, i)) {
		int wanted = source->partitions > 0 ? source->partitions : 1;

		if (facts->pipeline->to.create.partitions > 0)
			wanted = facts->pipeline->to.create.partitions;
		else if (facts->pipeline->to.partition == PARTITION_FIXED &&
			 wanted <= facts->pipeline->to.fixed_partition)
			wanted = facts->pipeline->to.fixed_partition + 1;
		judge_absence(facts, target, ROLE_TARGET, wanted, findings);
		if (!is_missing(&facts->target, target, ROLE_TARGET, findings))
			judge_durability(facts, &facts->target, target, ROLE_TARGET, findings);
	}
	if (source->presence != AUDIT_PRESENT || target->presence != AUDIT_PRESENT)
		return;
	judge_partitions(facts, source, target, findings);
	judge_sizes(facts, source, target, findings);
	judge_compaction(facts, source, target, ROLE_TARGET, findings);
	judge_timestamps(facts, source, target, findings);
}

/* ---- dead letters ---- */

/* 0: not known. */
static int64_t greatest_target_limit(const struct audit_facts *facts)
{
	int64_t greatest = 0;

	for (size_t i = 0; i < facts->route_count; i++) {
		const struct audit_topic *target = &facts->target.topics[facts->routes[i].target];
		int64_t limit = audit_number(&target->configs, "max.message.bytes", 0);

		greatest = limit > greatest ? limit : greatest;
	}
	return greatest;
}

static void judge_dead_letter(const struct audit_facts *facts, struct audit_findings *findings)
{
	const struct audit_topic *topic = &facts->target.topics[facts->dead_letter];
	const struct audit_place place = audit_setting_of(&facts->target, topic, "max.message.bytes");
	int64_t limit = greatest_target_limit(facts);
	int wanted = facts->pipeline->to.create.partitions > 0 ? facts->pipeline->to.create.partitions : 1;

	for (size_t i = 0; i < facts->source.topic_count && facts->pipeline->to.create.partitions == 0; i++)
		if (facts->source.topics[i].partitions > wanted)
			wanted = facts->source.topics[i].partitions;
	judge_absence(facts, topic, ROLE_DEAD_LETTER, wanted, findings);
	if (is_missing(&facts->target, topic, ROLE_DEAD_LETTER, findings))
		return;
	judge_durability(facts, &facts->target, topic, ROLE_DEAD_LETTER, findings);
	judge_compaction(facts, NULL, topic, ROLE_DEAD_LETTER, findings);
	if (place.value && strtoll(place.value, NULL, 10) <= limit)
		audit_found(findings, AUDIT_WARNING, &place, "raise it above the targets'",
		    "a target takes %" PRId64
		    ": what is too large for that is too large for it, and blocks its partition",
		    limit);
}

/* ---- all of them ---- */

void audit_judge_topics(const struct audit_facts *facts, struct audit_findings *findings)
{
	const struct audit_place source = audit_place_of(&facts->source, NULL);

	if (!facts->source.failure.code && facts->route_count == 0)
		audit_found(findings, AUDIT_WARNING, &source,
		    "correct from.topics, unless they are to come later",
		    "no topic that the user may see matches from.topics");
	for (size_t i = 0; i < facts->source.topic_count; i++)
		judge_source(facts, &facts->source.topics[i], findings);
	for (size_t i = 0; i < facts->route_count; i++)
		judge_route(facts, i, findings);
	if (facts->pipeline->dead_letter)
		judge_dead_letter(facts, findings);
}
