/* Brokers: how long they remember offsets, which sessions and transactions they take. */
#include <inttypes.h>
#include <stdlib.h>
#include "base/units.h"
#include "kafka/audit_internal.h"
#include "kafka/settings.h"

#define DAY_MINUTES 1440

static void judge_internal_topic(
    const struct audit_cluster *cluster, const char *holds, struct audit_findings *findings)
{
	struct audit_place place = audit_place_of(cluster, &cluster->internal);

	/* Where there is one broker, each topic is said to be gone with it. */
	if (cluster->internal.presence != AUDIT_PRESENT || cluster->internal.replicas > 1 ||
	    cluster->brokers == 1)
		return;
	place.setting = "replication.factor";
	place.value = "1";
	audit_found(findings, AUDIT_WARNING, &place, "give it three replicas (kafka-reassign-partitions.sh)",
	    "%s are gone, and the pipeline stands still, with the one broker that has them", holds);
}

/* ---- offsets ---- */

static void judge_offsets(const struct audit_facts *facts, struct audit_findings *findings)
{
	const struct audit_place place = audit_setting_of(&facts->source, NULL, "offsets.retention.minutes");
	int64_t minutes = audit_number(&facts->source.broker_configs, "offsets.retention.minutes", -1);
	char text[UNITS_TEXT_SIZE];

	judge_internal_topic(&facts->source, "committed offsets", findings);
	if (minutes >= 0 && minutes < DAY_MINUTES)
		audit_found(findings, AUDIT_WARNING, &place,
		    "set it to a week (10080) or more on the brokers",
		    "when no instance runs for %s, the group's offsets are forgotten and from.start applies: "
		    "all records are relayed again, or some never",
		    units_format_duration(text, sizeof text, minutes * 60000));
}

/* ---- membership ---- */

static void judge_session(const struct audit_facts *facts, struct audit_findings *findings)
{
	struct settings settings = { .items = NULL };
	const struct setting *session;
	struct audit_place place = audit_setting_of(&facts->source, NULL, "group.min.session.timeout.ms");
	int64_t least_ms = audit_number(&facts->source.broker_configs, "group.min.session.timeout.ms", 0);
	int64_t most_ms =
	    audit_number(&facts->source.broker_configs, "group.max.session.timeout.ms", INT64_MAX);
	int64_t session_ms;

	settings_of_consumer(&settings, facts->pipeline, NULL, NULL);
	session = settings_find(&settings, "session.timeout.ms");
	session_ms = strtoll(session->value, NULL, 10);
	if (session_ms < least_ms || session_ms > most_ms) {
		if (session_ms > most_ms)
			place = audit_setting_of(&facts->source, NULL, "group.max.session.timeout.ms");
		audit_found(findings, AUDIT_ERROR, &place, "change session.timeout.ms in the properties",
		    "the brokers refuse members with session.timeout.ms=%" PRId64, session_ms);
	}
	settings_clear(&settings);
}

/* ---- transactions ---- */

static int64_t transaction_timeout_ms(const struct config_pipeline *pipeline)
{
	struct settings settings = { .items = NULL };
	int64_t ms;

	settings_of_producer(&settings, pipeline, NULL, "");
	ms = strtoll(settings_find(&settings, "transaction.timeout.ms")->value, NULL, 10);
	settings_clear(&settings);
	return ms;
}

static void judge_transactions(const struct audit_facts *facts, struct audit_findings *findings)
{
	const struct audit_cluster *cluster = &facts->target;
	struct audit_place place = audit_setting_of(cluster, NULL, "transaction.max.timeout.ms");
	int64_t limit_ms = audit_number(&cluster->broker_configs, "transaction.max.timeout.ms", INT64_MAX);
	int64_t least = audit_number(&cluster->broker_configs, "transaction.state.log.min.isr", 0);
	int64_t replicas =
	    audit_number(&cluster->broker_configs, "transaction.state.log.replication.factor", INT64_MAX);
	int64_t timeout_ms;

	if (facts->pipeline->delivery != DELIVERY_EXACTLY_ONCE)
		return;
	timeout_ms = transaction_timeout_ms(facts->pipeline);
	if (limit_ms < timeout_ms)
		audit_found(findings, AUDIT_ERROR, &place, "raise it on the brokers",
		    "the brokers refuse transactions with the transaction.timeout.ms=%" PRId64
		    " that aloqd uses",
		    timeout_ms);
	/* The topic tells what the settings were when it was made. */
	if (cluster->internal.presence == AUDIT_PRESENT)
		replicas = cluster->internal.replicas;
	place = audit_setting_of(cluster, NULL, "transaction.state.log.min.isr");
	if (least > replicas)
		audit_found(findings, AUDIT_ERROR, &place,
		    "lower it, or give __transaction_state more replicas",
		    "the state of transactions has %" PRId64
		    " replicas, so no transaction can ever be committed",
		    replicas);
	judge_internal_topic(cluster, "the outcomes of transactions", findings);
}

static void judge_unknown(
    const struct audit_cluster *cluster, const char *what, struct audit_findings *findings)
{
	const struct audit_place place = audit_place_of(cluster, NULL);

	if (cluster->broker_configs.unknown)
		audit_found(findings, AUDIT_NOTE, &place,
		    "grant DescribeConfigs on the cluster, or look with kafka-configs.sh --describe",
		    "the brokers' settings of %s cannot be seen and were not judged: %s", what,
		    cluster->broker_configs.unknown);
}

void audit_judge_clusters(const struct audit_facts *facts, struct audit_findings *findings)
{
	const struct audit_place source = audit_place_of(&facts->source, NULL);

	if (!facts->source.failure.code) {
		judge_offsets(facts, findings);
		judge_session(facts, findings);
		judge_unknown(&facts->source, "offsets and sessions", findings);
		if (facts->group_unknown)
			audit_found(findings, AUDIT_NOTE, &source,
			    "try again, or look with kafka-consumer-groups.sh",
			    "the committed offsets of the group %s could not be read: %s",
			    facts->pipeline->from.group, facts->group_unknown);
	}
	if (!facts->target.failure.code) {
		judge_transactions(facts, findings);
		if (facts->pipeline->delivery == DELIVERY_EXACTLY_ONCE)
			judge_unknown(&facts->target, "transactions", findings);
	}
}
