/* What the user that aloqd logs in as must be allowed, and is not, or may not be. */
#include <inttypes.h>
#include "base/cleanup.h"
#include "base/memory.h"
#include "kafka/audit_internal.h"
#include "kafka/preflight.h"

static bool lacks(const struct audit_operations *operations, enum audit_operation operation)
{
	return operations->known && !(operations->allowed & operation);
}

/* The command that grants it. resource: its option and name. The caller frees. */
static char *grant_command(
    const struct audit_cluster *cluster, const char *operation, const char *resource, const char *name)
{
	return xasprintf(
	    "kafka-acls.sh --bootstrap-server %s --add --allow-principal User:NAME --operation %s %s%s%s",
	    cluster->cluster->brokers, operation, resource, *name ? " " : "", name);
}

static void judge_topic(const struct audit_cluster *cluster, const struct audit_topic *topic,
    enum audit_operation operation, const char *name, struct audit_findings *findings)
{
	const struct audit_place place = audit_place_of(cluster, topic);
	_cleanup_free_ char *command = grant_command(cluster, name, "--topic", topic->name);

	if (topic->presence == AUDIT_PRESENT && lacks(&topic->operations, operation))
		audit_found(
		    findings, AUDIT_ERROR, &place, command, "the user lacks the right %s on it", name);
}

/* Which topics are to be made or widened. */
static void judge_creation(const struct audit_facts *facts, struct audit_findings *findings)
{
	const struct audit_cluster *cluster = &facts->target;
	const struct config_create *create = &facts->pipeline->to.create;
	_cleanup_free_ char *command = grant_command(cluster, "Create", "--cluster", "");

	for (size_t i = 0; i < cluster->topic_count && create->enabled; i++) {
		const struct audit_place place = audit_place_of(cluster, &cluster->topics[i]);

		if (cluster->topics[i].presence == AUDIT_MISSING && lacks(&cluster->operations, AUDIT_CREATE))
			audit_found(findings, AUDIT_WARNING, &place, command,
			    "it is to be made (to.create), and the user lacks the right Create on the "
			    "cluster; whether there is one for a topic of this name cannot be seen");
	}
	for (size_t i = 0; i < facts->route_count && create->enabled && create->partitions == 0; i++) {
		const struct audit_topic *target = &cluster->topics[facts->routes[i].target];

		if (target->partitions < preflight_partitions_needed(&facts->pipeline->to,
					     facts->source.topics[facts->routes[i].source].partitions))
			judge_topic(cluster, target, AUDIT_ALTER, "Alter", findings);
	}
}

static void judge_group(const struct audit_facts *facts, struct audit_findings *findings)
{
	const struct audit_place place = audit_place_of(&facts->source, NULL);
	_cleanup_free_ char *command =
	    grant_command(&facts->source, "Read", "--group", facts->pipeline->from.group);

	if (facts->group == AUDIT_HIDDEN || lacks(&facts->group_operations, AUDIT_READ))
		audit_found(findings, AUDIT_ERROR, &place, command,
		    "the user lacks the right Read on the group %s", facts->pipeline->from.group);
}

static void judge_idempotence(const struct audit_facts *facts, struct audit_findings *findings)
{
	const struct audit_place place = audit_place_of(&facts->target, NULL);
	_cleanup_free_ char *command = grant_command(&facts->target, "IdempotentWrite", "--cluster", "");

	if (facts->pipeline->to.acks == ACKS_ALL && lacks(&facts->target.operations, AUDIT_IDEMPOTENT_WRITE))
		audit_found(findings, AUDIT_NOTE, &place, command,
		    "the user lacks the right IdempotentWrite on the cluster: brokers before 2.8 refuse its "
		    "producer; newer ones are content with Write on a topic");
}

/* What no client may ask about itself. */
static void tell_unseen(const struct audit_facts *facts, struct audit_findings *findings)
{
	const struct audit_place source = audit_place_of(&facts->source, NULL);
	const struct audit_place target = audit_place_of(&facts->target, NULL);

	if (!facts->source.failure.code && !audit_is_unguarded(&facts->source) &&
	    !facts->group_operations.known && facts->group != AUDIT_HIDDEN)
		audit_found(findings, AUDIT_NOTE, &source, "make sure of both",
		    "librdkafka %s cannot ask whether the user has the right Read on the source topics and "
		    "on the group %s",
		    facts->library_version, facts->pipeline->from.group);
	if (facts->target.failure.code || audit_is_unguarded(&facts->target))
		return;
	if (!facts->target.operations.known)
		audit_found(findings, AUDIT_NOTE, &target, "make sure of it",
		    "librdkafka %s cannot ask whether the user has the right Write on the target topics",
		    facts->library_version);
	if (facts->pipeline->delivery == DELIVERY_EXACTLY_ONCE)
		audit_found(findings, AUDIT_NOTE, &target, "make sure of them",
		    "no client can ask for its rights to Write and Describe transactional ids: it needs them "
		    "for those that begin with aloqd.%s.%s.",
		    facts->pipeline->name, facts->config->instance);
}

void audit_judge_access(const struct audit_facts *facts, struct audit_findings *findings)
{
	for (size_t i = 0; i < facts->source.topic_count; i++)
		judge_topic(&facts->source, &facts->source.topics[i], AUDIT_READ, "Read", findings);
	for (size_t i = 0; i < facts->target.topic_count; i++)
		judge_topic(&facts->target, &facts->target.topics[i], AUDIT_WRITE, "Write", findings);
	judge_creation(facts, findings);
	judge_group(facts, findings);
	judge_idempotence(facts, findings);
	tell_unseen(facts, findings);
}
