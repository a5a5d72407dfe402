#include "daemon/explain_warnings.h"
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include "base/cleanup.h"
#include "base/units.h"
#include "config/property_list.h"
#include "kafka/library.h"
#include "relay/pipeline.h"

#define DAY_MS INT64_C(86400000)

enum {
	MANY_RECORDS = 100000,
	LONG_INTERVAL_MS = 10000,
	LONG_TRANSACTION_MS = 1000,
	LONG_REVOKE_MS = 60000,
	LIBRARY_MAX_POLL_INTERVAL_MS = 300000,
	LONG_SESSION_MS = 60000,
	LEAST_SESSION_MS = 6000, /* group.min.session.timeout.ms of a broker, unless someone has set it */
	SHORT_DRAIN_MS = 1000,
	UNIT_STOP_MS = 45000,  /* TimeoutStopSec= of aloqd.service */
	STOP_GRACE_MS = 10000, /* what the daemon adds to the drain, see daemon.c */
};

struct adviser {
	const struct config *config;
	const struct config_pipeline *pipeline;
	const struct settings *consumer, *producer;
	explain_report report;
	void *context;
};

static void warn(const struct adviser *adviser, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
static void warn(const struct adviser *adviser, const char *format, ...)
{
	char text[1024];
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(text, sizeof text, format, arguments);
	va_end(arguments);
	adviser->report(adviser->context, text);
}

static const char *value_of(const struct settings *settings, const char *name)
{
	const struct setting *setting = settings_find(settings, name);

	return setting && setting->value ? setting->value : "";
}

static int64_t number_of(const struct settings *settings, const char *name, int64_t library_default)
{
	const char *value = value_of(settings, name);

	return *value ? strtoll(value, NULL, 10) : library_default;
}

static void advise_on_delivery(const struct adviser *adviser)
{
	const struct config_pipeline *pipeline = adviser->pipeline;
	const struct delivery_choice choice = { pipeline->delivery, pipeline->to.acks,
		pipeline->from.isolation };
	const char *warning = delivery_warning(&choice);

	if (warning)
		warn(adviser, "%s", warning);
	if (pipeline->to.acks == ACKS_NONE)
		warn(adviser, "acks = 0: nobody says that a record was written, and records that are lost "
		              "behind the socket are not counted; use acks = 1 or \"all\" to know of them");
	if (pipeline->from.isolation == ISOLATION_READ_UNCOMMITTED)
		warn(
		    adviser, "isolation = \"read_uncommitted\": records of transactions that are aborted are "
		             "relayed, too; use \"read_committed\" unless the source has no transactions");
	if (pipeline->delivery == DELIVERY_AT_MOST_ONCE && pipeline->to.partition == PARTITION_KEY)
		warn(adviser, "partition = \"key\" with at_most_once: a request that fails loses the records "
		              "of all target partitions that its source partitions went to");
}

static void advise_on_commits(const struct adviser *adviser)
{
	const struct config_commit *commit = &adviser->pipeline->commit;
	bool many = commit->records > MANY_RECORDS && commit->interval_ms > LONG_TRANSACTION_MS;
	char interval[UNITS_TEXT_SIZE];

	units_format_duration(interval, sizeof interval, commit->interval_ms);
	switch (adviser->pipeline->delivery) {
	case DELIVERY_AT_LEAST_ONCE:
		if (many || commit->interval_ms > LONG_INTERVAL_MS)
			warn(adviser,
			    "commit.records = %" PRId64
			    ", commit.interval = %s: after a crash up to that many records, or the records "
			    "of that time, are repeated; use less of either",
			    commit->records, interval);
		if (commit->mode == COMMIT_SYNC)
			warn(adviser,
			    "commit.mode = \"sync\": nothing is read while a commit is under way, which "
			    "costs a round trip for every %" PRId64
			    " records; use \"async\" unless you need it",
			    commit->records);
		break;
	case DELIVERY_AT_MOST_ONCE:
		if (many || commit->interval_ms > LONG_INTERVAL_MS)
			warn(adviser,
			    "commit.records = %" PRId64
			    ", commit.interval = %s: after a crash up to that many records, or the records "
			    "of that time, are lost; use less of either",
			    commit->records, interval);
		break;
	case DELIVERY_EXACTLY_ONCE:
		if (commit->interval_ms > LONG_TRANSACTION_MS)
			warn(adviser,
			    "commit.interval = %s: a record is seen only when its transaction is committed, "
			    "up to that much later, and what a crash aborts is that much; use less",
			    interval);
		break;
	}
}

static void advise_on_refusals_and_gaps(const struct adviser *adviser)
{
	const struct config_pipeline *pipeline = adviser->pipeline;

	if (pipeline->on_error == ON_ERROR_SKIP)
		warn(
		    adviser, "on_error = \"skip\": records that the target refuses for ever are left out, "
		             "and nowhere but in the log and the counters; use \"dead_letter\" to keep them");
	if (pipeline->from.on_gap != GAP_BLOCK)
		warn(adviser,
		    "on_gap = \"%s\": where the source has lost records before they were relayed, the "
		    "pipeline goes on without them; use \"block\" to be asked first",
		    pipeline->from.on_gap == GAP_EARLIEST ? "earliest" : "latest");
	if (pipeline->from.start != START_EARLIEST)
		warn(adviser, "start is not \"earliest\": what is in the source before that is not relayed, "
		              "also when the group's offsets have expired (offsets.retention.minutes of the "
		              "brokers) because no instance ran for so long");
}

static void advise_on_time(const struct adviser *adviser)
{
	const struct config_pipeline *pipeline = adviser->pipeline;
	int64_t poll_ms = number_of(adviser->consumer, "max.poll.interval.ms", LIBRARY_MAX_POLL_INTERVAL_MS);
	int64_t session_ms = number_of(adviser->consumer, "session.timeout.ms", 0);
	int64_t drain_ms = adviser->config->drain_timeout_ms;
	char text[UNITS_TEXT_SIZE];

	units_format_duration(text, sizeof text, pipeline->revoke_timeout_ms);
	if (pipeline->revoke_timeout_ms > LONG_REVOKE_MS)
		warn(adviser,
		    "revoke_timeout = %s: in a rebalance the whole group may stand still for so long; use "
		    "less",
		    text);
	if (pipeline->revoke_timeout_ms > poll_ms / 2)
		warn(adviser,
		    "revoke_timeout = %s is more than half of max.poll.interval.ms (%" PRId64
		    "): little is missing until the group takes the partitions away, and all of them are "
		    "repeated or aborted; use less",
		    text, poll_ms);
	if (session_ms > LONG_SESSION_MS)
		warn(adviser,
		    "session.timeout.ms = %" PRId64 ": the partitions of a killed instance wait for so long",
		    session_ms);
	if (session_ms < LEAST_SESSION_MS)
		warn(adviser,
		    "session.timeout.ms = %" PRId64
		    ": brokers refuse less than their group.min.session.timeout.ms, which is 6000 unless "
		    "someone has changed it",
		    session_ms);
	units_format_duration(text, sizeof text, drain_ms);
	if (drain_ms < SHORT_DRAIN_MS)
		warn(adviser,
		    "aloqd.drain_timeout = %s: a stop may leave records unsettled, which are %s; use more",
		    drain_ms ? text : "0",
		    pipeline->delivery == DELIVERY_AT_MOST_ONCE ? "lost" : "read again");
	if (drain_ms > UNIT_STOP_MS - STOP_GRACE_MS)
		warn(adviser,
		    "aloqd.drain_timeout = %s: a stop may take longer than TimeoutStopSec=45s; aloqd asks "
		    "systemd for more time, but whoever else stops it must wait as long",
		    text);
}

static void advise_on_rebalances(const struct adviser *adviser)
{
	const char *strategy = value_of(adviser->consumer, "partition.assignment.strategy");

	if (settings_is_cooperative(strategy) && library_cooperation_faults())
		warn(adviser,
		    "partition.assignment.strategy=%s with librdkafka %s: %s; use a newer one, or range,roundrobin", strategy,
		    library_version(), library_cooperation_faults());
}

static void advise_on_memory(const struct adviser *adviser)
{
	uint64_t enabled = 0;
	uint64_t share;

	for (size_t i = 0; i < adviser->config->pipeline_count; i++)
		enabled += adviser->config->pipelines[i].enabled;
	if (!adviser->pipeline->enabled)
		return;
	share = adviser->config->memory_bytes / enabled / (uint64_t)adviser->pipeline->members;
	if (share < PIPELINE_COMFORTABLE_BYTES)
		warn(adviser,
		    "aloqd.memory leaves %" PRIu64 " MiB for %s; below %" PRIu64
		    " MiB it is slow and may need more than its share; raise aloqd.memory, or run fewer "
		    "pipelines here",
		    share >> 20, adviser->pipeline->members > 1 ? "each member" : "this pipeline",
		    PIPELINE_COMFORTABLE_BYTES >> 20);
}

/* Does the other pipeline make the topic, as its target? */
static bool makes(const struct config_pipeline *other, const struct config_from *from, const char *topic)
{
	bool found = false;

	for (size_t i = 0; i < other->from.topic_count && other->to.cluster == from->cluster && !found; i++) {
		_cleanup_free_ char *target = config_target_topic(other, other->from.topics[i]);

		found = !strcmp(target, topic);
	}
	return found && other->to.create.enabled;
}

static void advise_on_source_retention(const struct adviser *adviser, const struct config_pipeline *other)
{
	const struct config_property *retention =
	    property_list_find(&other->to.create.properties, "retention.ms");
	const struct config_from *from = &adviser->pipeline->from;

	if (!retention || strtoll(retention->value, NULL, 10) < 0 ||
	    strtoll(retention->value, NULL, 10) >= DAY_MS)
		return;
	for (size_t i = 0; i < from->topic_count; i++)
		if (makes(other, from, from->topics[i]))
			warn(adviser,
			    "source %s is made by the pipeline %s with retention.ms=%s: when no instance "
			    "runs for so long, records are gone before they are relayed; use a day or more",
			    from->topics[i], other->name, retention->value);
}

static void advise_on_topics(const struct adviser *adviser)
{
	const struct config_create *create = &adviser->pipeline->to.create;
	const struct config_property *retention = property_list_find(&create->properties, "retention.ms");
	const struct config_property *in_sync =
	    property_list_find(&create->properties, "min.insync.replicas");

	for (size_t i = 0; i < adviser->config->pipeline_count; i++)
		advise_on_source_retention(adviser, &adviser->config->pipelines[i]);
	if (!create->enabled)
		return;
	if (create->replication_factor == 1)
		warn(adviser, "to.create.replication_factor = 1: new targets are lost with the one broker "
		              "that has them; use 3");
	if (in_sync && create->replication_factor > 0 &&
	    strtoll(in_sync->value, NULL, 10) > create->replication_factor)
		warn(adviser,
		    "to.create: min.insync.replicas=%s is more than replication_factor = %" PRId32
		    ": with acks = \"all\" nothing could ever be written to a new target; use less than the "
		    "replicas",
		    in_sync->value, create->replication_factor);
	if (retention && strtoll(retention->value, NULL, 10) >= 0 &&
	    strtoll(retention->value, NULL, 10) < DAY_MS)
		warn(adviser,
		    "to.create: retention.ms=%s: records have their source's timestamps, so old ones are "
		    "deleted soon after they have arrived; use the source's retention",
		    retention->value);
}

static void advise_on_security(
    const struct adviser *adviser, const struct settings *settings, const struct config_cluster *cluster)
{
	const char *protocol = value_of(settings, "security.protocol");
	const char *mechanism = value_of(settings, "sasl.mechanisms");

	if (!*mechanism)
		mechanism = value_of(settings, "sasl.mechanism");
	if (!strcasecmp(protocol, "sasl_plaintext") && !strcasecmp(mechanism, "PLAIN"))
		warn(adviser,
		    "cluster \"%s\": with security.protocol=sasl_plaintext and PLAIN the password goes over "
		    "the network as it is; use sasl_ssl",
		    cluster->name);
	if (!strcasecmp(value_of(settings, "enable.ssl.certificate.verification"), "false") ||
	    !strcasecmp(value_of(settings, "ssl.endpoint.identification.algorithm"), "none"))
		warn(adviser,
		    "cluster \"%s\": the brokers' certificates, or their names, are not checked: anyone on "
		    "the way may pass for a broker",
		    cluster->name);
}

void explain_warnings(const struct config *config, const struct config_pipeline *pipeline,
    const struct settings *consumer, const struct settings *producer, explain_report report, void *context)
{
	const struct adviser adviser = { .config = config,
		.pipeline = pipeline,
		.consumer = consumer,
		.producer = producer,
		.report = report,
		.context = context };

	advise_on_delivery(&adviser);
	advise_on_commits(&adviser);
	advise_on_refusals_and_gaps(&adviser);
	advise_on_time(&adviser);
	advise_on_rebalances(&adviser);
	advise_on_memory(&adviser);
	advise_on_topics(&adviser);
	advise_on_security(&adviser, consumer, pipeline->from.cluster);
	if (pipeline->to.cluster != pipeline->from.cluster)
		advise_on_security(&adviser, producer, pipeline->to.cluster);
}
