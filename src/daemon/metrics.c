#include "daemon/metrics.h"
#include <inttypes.h>
#include <stdbool.h>
#include <string.h>
#include "daemon/health.h"
#include "daemon/metrics_text.h"
#include "daemon/stuck.h"

enum number_type {
	UNSIGNED,
	SIGNED, /* negative: unknown */
	SIZE,
	MILLISECONDS, /* shown in seconds; negative: none, shown as 0 */
};

/* One number of a pipeline or of a partition. Rows of one family stand together: its lines must. */
struct metric {
	const char *family;
	const char *type;
	const char *help;
	struct metrics_label label; /* of the family beside pipeline (and partition); NULL none */
	size_t offset;		    /* in the snapshot */
	enum number_type number;
};

#define OF_PIPELINE(member)  offsetof(struct pipeline_snapshot, member)
#define OF_PARTITION(member) offsetof(struct partition_snapshot, member)
#define COUNTER(family, help, member)                                                                        \
	{                                                                                                    \
		family, "counter", help, { NULL, NULL }, OF_PIPELINE(member), UNSIGNED                       \
	}
#define COUNTER_BY(family, help, label, value, member)                                                       \
	{                                                                                                    \
		family, "counter", help, { label, value }, OF_PIPELINE(member), UNSIGNED                     \
	}
#define GAUGE(family, help, member, number)                                                                  \
	{                                                                                                    \
		family, "gauge", help, { NULL, NULL }, OF_PIPELINE(member), number                           \
	}
#define PARTITION_GAUGE(family, help, member, number)                                                        \
	{                                                                                                    \
		family, "gauge", help, { NULL, NULL }, OF_PARTITION(member), number                          \
	}

#define HELP_COMMITS      "Offset commits that were answered, by result."
#define HELP_REBALANCES   "Partitions that came or went in rebalances, by event; in two if lost while being revoked."
#define HELP_TRANSACTIONS "Transactions that have ended, by result."

static const struct metric pipeline_metrics[] = {
	COUNTER("aloqd_consumed_records_total", "Records read from the source.", counters.consumed_records),
	COUNTER("aloqd_consumed_bytes_total", "Bytes of keys and values read from the source.", counters.consumed_bytes),
	COUNTER("aloqd_submitted_records_total", "Records handed to the producer, repeats included.",
	    counters.submitted_records),
	COUNTER(
	    "aloqd_acked_records_total", "Records that the target has acknowledged.", counters.acked_records),
	COUNTER("aloqd_acked_bytes_total", "Bytes of keys and values that the target has acknowledged.", counters.acked_bytes),
	COUNTER("aloqd_failed_reports_total", "Delivery reports with an error.", counters.failed_reports),
	COUNTER("aloqd_repeated_records_total",
	    "Records sent again although the target may have them already.", counters.repeated_records),
	COUNTER("aloqd_lost_records_total", "Records that will not arrive (at_most_once).",
	    counters.lost_records),
	COUNTER("aloqd_skipped_records_total", "Records that the target refused and on_error skipped.",
	    counters.skipped_records),
	COUNTER("aloqd_dead_lettered_records_total",
	    "Records that the target refused and that were written to the topic for dead letters.",
	    counters.dead_lettered_records),
	COUNTER("aloqd_dropped_records_total", "Records dropped because their offset had been read before.",
	    counters.dropped_records),
	COUNTER("aloqd_late_reports_total", "Delivery reports of records whose partition had been given up.",
	    counters.late_reports),
	COUNTER("aloqd_untimestamped_records_total",
	    "Records sent with a new timestamp, for want of a valid one.", untimestamped_records),
	COUNTER("aloqd_gaps_total", "Gaps in the source that were crossed (on_gap).", log_gaps),
	COUNTER("aloqd_gap_records_total", "Offsets in the gaps that were crossed.", log_gap_records),
	COUNTER("aloqd_blocked_gaps_total", "Times that a gap in the source stopped a partition (on_gap).",
	    blocked_gaps),
	COUNTER("aloqd_source_stalls_total",
	    "Times that librdkafka did not fetch a partition any more, and reading began anew.", source_stalls),
	COUNTER_BY("aloqd_commits_total", HELP_COMMITS, "result", "ok", counters.commits),
	COUNTER_BY("aloqd_commits_total", HELP_COMMITS, "result", "failed", counters.commit_failures),
	COUNTER("aloqd_rebalances_total", "Times that the group has given it an assignment.", rebalances),
	COUNTER_BY("aloqd_rebalanced_partitions_total", HELP_REBALANCES, "event", "assigned",
	    counters.assigned_partitions),
	COUNTER_BY("aloqd_rebalanced_partitions_total", HELP_REBALANCES, "event", "revoked",
	    counters.revoked_partitions),
	COUNTER_BY(
	    "aloqd_rebalanced_partitions_total", HELP_REBALANCES, "event", "lost", counters.lost_partitions),
	COUNTER("aloqd_revoke_timeouts_total",
	    "Revoked partitions that were not settled within revoke_timeout.", counters.revoke_timeouts),
	COUNTER("aloqd_producer_recreations_total", "Producers made anew after a fault.",
	    counters.sink_recreations),
	COUNTER("aloqd_restarts_total", "Times that all clients were made anew after a fault.", restarts),
	COUNTER_BY("aloqd_transactions_total", HELP_TRANSACTIONS, "result", "committed",
	    counters.transactions_committed),
	COUNTER_BY("aloqd_transactions_total", HELP_TRANSACTIONS, "result", "aborted",
	    counters.transactions_aborted),
	COUNTER_BY("aloqd_transactions_total", HELP_TRANSACTIONS, "result", "unknown",
	    counters.transactions_unknown),
	GAUGE("aloqd_lag_records", "Records between the low-water mark and the log's end, all partitions.",
	    lag, SIGNED),
	GAUGE("aloqd_assigned_partitions", "Partitions assigned to this instance.", partition_count, SIZE),
	GAUGE("aloqd_in_flight_records", "Records sent and not reported yet.", in_flight_records, UNSIGNED),
	GAUGE("aloqd_in_flight_bytes", "Memory that the records in flight pin.", in_flight_bytes, UNSIGNED),
	GAUGE("aloqd_oldest_unsettled_age_seconds",
	    "How long the oldest unsettled record of all partitions has been here; 0 when there is none.",
	    oldest_unsettled_age_ms, MILLISECONDS),
	GAUGE("aloqd_pipeline_state_timestamp_seconds",
	    "When the pipeline came into its state, in seconds since the epoch.", state_since_ms, MILLISECONDS),
	GAUGE("aloqd_held_records", "Records in memory.", held_records, UNSIGNED),
	GAUGE("aloqd_held_bytes", "Memory that the held records pin.", held_bytes, UNSIGNED),
};

static const struct metric partition_metrics[] = {
	PARTITION_GAUGE("aloqd_partition_committed_offset", "The last offset committed.", committed, SIGNED),
	PARTITION_GAUGE("aloqd_partition_mark_offset", "The low-water mark: every record below is settled.",
	    mark, SIGNED),
	PARTITION_GAUGE("aloqd_partition_next_offset", "The next offset to read.", end, SIGNED),
	PARTITION_GAUGE("aloqd_partition_log_end_offset", "The end of the source's log.", log_end, SIGNED),
	PARTITION_GAUGE("aloqd_partition_lag_records",
	    "Records between the low-water mark and the log's end.", lag, SIGNED),
	PARTITION_GAUGE(
	    "aloqd_partition_in_flight_records", "Records sent and not reported yet.", in_flight, UNSIGNED),
	PARTITION_GAUGE("aloqd_partition_oldest_unsettled_age_seconds",
	    "How long the oldest unsettled record has been here; 0 when there is none.", oldest_unsettled_age_ms,
	    MILLISECONDS),
	PARTITION_GAUGE("aloqd_partition_still_seconds",
	    "How long the partition has not moved, also for want of records; 0 while it relays.", waits_ms,
	    MILLISECONDS),
};

/* ---- series ---- */

enum { LABELS_MAX = 5 };

struct labels {
	struct metrics_label items[LABELS_MAX];
	size_t count;
	char partition[16];
};

static void add_label(struct labels *labels, const char *name, const char *value)
{
	labels->items[labels->count++] = (struct metrics_label){ name, value };
}

static void label_pipeline(struct labels *labels, const struct pipeline_snapshot *pipeline)
{
	labels->count = 0;
	add_label(labels, "pipeline", pipeline->name);
}

static void label_partition(struct labels *labels, const struct pipeline_snapshot *pipeline,
    const struct partition_snapshot *partition)
{
	label_pipeline(labels, pipeline);
	snprintf(labels->partition, sizeof labels->partition, "%" PRId32, partition->partition);
	add_label(labels, "topic", partition->topic);
	add_label(labels, "partition", labels->partition);
}

static void write_number(FILE *out, const struct metric *metric, const void *snapshot, struct labels *labels)
{
	const void *address = (const char *)snapshot + metric->offset;
	uint64_t value = metric->number == SIZE ? *(const size_t *)address : *(const uint64_t *)address;
	bool negative = value > INT64_MAX;

	if (metric->label.name)
		add_label(labels, metric->label.name, metric->label.value);
	if (metric->number == MILLISECONDS)
		metrics_seconds(out, metric->family, labels->items, labels->count, negative ? 0 : (int64_t)value);
	else if (metric->number != SIGNED || !negative)
		metrics_count(out, metric->family, labels->items, labels->count, value);
}

/* ---- pipelines ---- */

static void write_pipeline_metrics(FILE *out, const struct pipeline_snapshot *snapshots, size_t count)
{
	const char *family = "";
	struct labels labels;

	for (size_t m = 0; m < sizeof pipeline_metrics / sizeof pipeline_metrics[0]; m++) {
		const struct metric *metric = &pipeline_metrics[m];

		if (strcmp(metric->family, family) != 0)
			metrics_head(out, metric->family, metric->type, metric->help);
		family = metric->family;
		for (size_t i = 0; i < count; i++) {
			label_pipeline(&labels, &snapshots[i]);
			write_number(out, metric, &snapshots[i], &labels);
		}
	}
}

/* 1 for the state at hand, 0 for the others, behind the labels that are there. */
static void write_state(FILE *out, const char *family, struct labels *labels, enum pipeline_state now)
{
	size_t count = labels->count;

	for (int state = 0; state < PIPELINE_STATE_COUNT; state++) {
		labels->count = count;
		add_label(labels, "state", pipeline_state_name((enum pipeline_state)state));
		metrics_count(out, family, labels->items, labels->count, (int)now == state);
	}
}

static void write_states(FILE *out, const struct pipeline_snapshot *snapshots, size_t count)
{
	struct labels labels;

	metrics_head(out, "aloqd_pipeline_state", "gauge", "1 for the state that the pipeline is in, 0 for the others.");
	for (size_t i = 0; i < count; i++) {
		label_pipeline(&labels, &snapshots[i]);
		write_state(out, "aloqd_pipeline_state", &labels, snapshots[i].state);
	}
	metrics_head(out, "aloqd_pipeline_ready", "gauge", "1 while /readyz has nothing to say of the pipeline.");
	for (size_t i = 0; i < count; i++) {
		label_pipeline(&labels, &snapshots[i]);
		metrics_count(
		    out, "aloqd_pipeline_ready", labels.items, labels.count, health_is_ready(&snapshots[i]));
	}
}

static void write_waits(FILE *out, const struct pipeline_snapshot *snapshots, size_t count)
{
	struct labels labels;

	metrics_head(out, "aloqd_waiting_partitions", "gauge", "Partitions by what they wait for.");
	for (size_t i = 0; i < count; i++) {
		for (int wait = 0; wait < WAIT_COUNT; wait++) {
			label_pipeline(&labels, &snapshots[i]);
			add_label(&labels, "waits_for", partition_wait_name((enum partition_wait)wait));
			metrics_count(out, "aloqd_waiting_partitions", labels.items, labels.count,
			    snapshots[i].waiting[wait]);
		}
	}
	metrics_head(out, "aloqd_stuck_seconds", "gauge",
	    "How long the partition has stood still that has the longest, of those that have something to do; 0: none.");
	for (size_t i = 0; i < count; i++) {
		const struct partition_snapshot *stuck = stuck_partition(&snapshots[i], 0);

		label_pipeline(&labels, &snapshots[i]);
		metrics_seconds(
		    out, "aloqd_stuck_seconds", labels.items, labels.count, stuck ? stuck->waits_ms : 0);
	}
}

/* ---- members ---- */

enum member_metric { MEMBER_STATE, MEMBER_PARTITIONS, MEMBER_ACKED };

static void write_member(FILE *out, const char *family, enum member_metric what,
    const struct pipeline_snapshot *member)
{
	struct labels labels;
	char number[16];

	label_pipeline(&labels, member);
	snprintf(number, sizeof number, "%" PRId32, member->member);
	add_label(&labels, "member", number);
	if (what == MEMBER_STATE)
		write_state(out, family, &labels, member->state);
	else
		metrics_count(out, family, labels.items, labels.count,
		    what == MEMBER_ACKED ? member->counters.acked_records : member->partition_count);
}

/* What tells the members of a pipeline apart, where it has several. Everything else is told of them together. */
static void write_members(FILE *out, const struct pipeline_snapshot *snapshots, size_t count)
{
	static const struct {
		enum member_metric what;
		const char *family, *type, *help;
	} heads[] = {
		{ MEMBER_STATE, "aloqd_member_state", "gauge", "1 for the state that the member is in, 0 for the others." },
		{ MEMBER_PARTITIONS, "aloqd_member_assigned_partitions", "gauge", "Partitions assigned to the member." },
		{ MEMBER_ACKED, "aloqd_member_acked_records_total", "counter",
		    "Records of the member that the target has acknowledged." },
	};

	for (size_t h = 0; h < sizeof heads / sizeof heads[0]; h++) {
		bool has_head = false;

		for (size_t i = 0; i < count; i++) {
			for (size_t m = 0; m < snapshots[i].member_count && snapshots[i].member_count > 1; m++) {
				if (!has_head)
					metrics_head(out, heads[h].family, heads[h].type, heads[h].help);
				has_head = true;
				write_member(out, heads[h].family, heads[h].what, &snapshots[i].members[m]);
			}
		}
	}
}

/* ---- partitions ---- */

/* So many of each pipeline are told at most, that all together are not more than METRICS_PARTITIONS_MAX. */
static size_t partition_quota(const struct pipeline_snapshot *snapshots, size_t count)
{
	size_t fits = 0, too_many = METRICS_PARTITIONS_MAX + 1;

	while (fits + 1 < too_many) {
		size_t quota = (fits + too_many) / 2;
		size_t sum = 0;

		for (size_t i = 0; i < count; i++)
			sum += snapshots[i].partition_count < quota ? snapshots[i].partition_count : quota;
		if (sum <= METRICS_PARTITIONS_MAX)
			fits = quota;
		else
			too_many = quota;
	}
	return fits;
}

/* In a rebalance two members may show a partition for a moment, and a series may come only once. */
static bool is_told_before(const struct pipeline_snapshot *snapshot, size_t i)
{
	const struct partition_snapshot *partition = &snapshot->partitions[i];

	return i > 0 && partition[-1].partition == partition->partition &&
	       strcmp(partition[-1].topic, partition->topic) == 0;
}

static void write_family_of_partitions(FILE *out, const struct metric *metric,
    const struct pipeline_snapshot *snapshots, size_t count, size_t quota)
{
	struct labels labels;

	metrics_head(out, metric->family, metric->type, metric->help);
	for (size_t i = 0; i < count; i++) {
		for (size_t j = 0; j < snapshots[i].partition_count && j < quota; j++) {
			if (is_told_before(&snapshots[i], j))
				continue;
			label_partition(&labels, &snapshots[i], &snapshots[i].partitions[j]);
			write_number(out, metric, &snapshots[i].partitions[j], &labels);
		}
	}
}

static void write_blocked(FILE *out, const struct pipeline_snapshot *snapshots, size_t count, size_t quota)
{
	struct labels labels;

	metrics_head(out, "aloqd_partition_blocked", "gauge", "1 while the partition waits for a person.");
	for (size_t i = 0; i < count; i++) {
		for (size_t j = 0; j < snapshots[i].partition_count && j < quota; j++) {
			if (is_told_before(&snapshots[i], j))
				continue;
			label_partition(&labels, &snapshots[i], &snapshots[i].partitions[j]);
			metrics_count(out, "aloqd_partition_blocked", labels.items, labels.count,
			    snapshots[i].partitions[j].state == PART_BLOCKED);
		}
	}
}

static void write_partition_metrics(FILE *out, const struct pipeline_snapshot *snapshots, size_t count)
{
	size_t quota = partition_quota(snapshots, count);
	struct labels labels;

	for (size_t m = 0; m < sizeof partition_metrics / sizeof partition_metrics[0]; m++)
		write_family_of_partitions(out, &partition_metrics[m], snapshots, count, quota);
	write_blocked(out, snapshots, count, quota);
	metrics_head(out, "aloqd_partitions_left_out", "gauge",
	    "Partitions without series of their own, because there are too many; the pipeline's numbers hold them.");
	for (size_t i = 0; i < count; i++) {
		size_t partitions = snapshots[i].partition_count;

		label_pipeline(&labels, &snapshots[i]);
		metrics_count(out, "aloqd_partitions_left_out", labels.items, labels.count,
		    partitions > quota ? partitions - quota : 0);
	}
}

/* ---- the daemon ---- */

static void write_info(FILE *out, const struct identity *identity, int64_t started_ms,
    const struct pipeline_snapshot *snapshots, size_t count)
{
	const struct metrics_label versions[] = { { "version", identity->version },
		{ "librdkafka", identity->library_version } };
	struct labels labels;

	metrics_head(out, "aloqd_build_info", "gauge", "1; the labels tell the versions.");
	metrics_count(out, "aloqd_build_info", versions, 2, 1);
	metrics_head(out, "process_start_time_seconds", "gauge",
	    "When the process started, in seconds since the epoch.");
	metrics_seconds(out, "process_start_time_seconds", NULL, 0, started_ms);
	metrics_head(out, "aloqd_pipeline_info", "gauge", "1; the label tells the guarantee.");
	for (size_t i = 0; i < count; i++) {
		label_pipeline(&labels, &snapshots[i]);
		add_label(&labels, "delivery", delivery_name(snapshots[i].delivery));
		metrics_count(out, "aloqd_pipeline_info", labels.items, labels.count, 1);
	}
}

static void write_reloads(FILE *out, const struct reload_status *reload)
{
	const struct metrics_label ok = { "result", "ok" }, refused = { "result", "refused" };

	metrics_head(
	    out, "aloqd_reloads_total", "counter", "Times that the configuration was read again, by result.");
	metrics_count(out, "aloqd_reloads_total", &ok, 1, reload->ok);
	metrics_count(out, "aloqd_reloads_total", &refused, 1, reload->refused);
	metrics_head(out, "aloqd_last_reload_successful", "gauge",
	    "0 when the last reload was refused, so that another configuration holds than the files say.");
	metrics_count(out, "aloqd_last_reload_successful", NULL, 0, !reload->was_refused);
	metrics_head(out, "aloqd_config_timestamp_seconds", "gauge",
	    "When the configuration that holds was read, in seconds since the epoch.");
	metrics_seconds(out, "aloqd_config_timestamp_seconds", NULL, 0, reload->config_ms);
}

static void write_latencies(FILE *out, const struct pipeline_snapshot *snapshots, size_t count)
{
	static const struct {
		const char *family, *help;
		size_t offset;
	} heads[] = {
		{ "aloqd_latency_seconds", "From a record's arrival to its delivery report.",
		    OF_PIPELINE(latencies.report) },
		{ "aloqd_end_to_end_latency_seconds", "From a record's timestamp to its delivery report.",
		    OF_PIPELINE(latencies.end_to_end) },
		{ "aloqd_commit_latency_seconds", "From an offset commit to its answer.",
		    OF_PIPELINE(latencies.commit) },
		{ "aloqd_transaction_latency_seconds", "From the commit of a transaction to its end.",
		    OF_PIPELINE(latencies.transaction) },
	};
	struct labels labels;

	for (size_t h = 0; h < sizeof heads / sizeof heads[0]; h++) {
		metrics_head(out, heads[h].family, "histogram", heads[h].help);
		for (size_t i = 0; i < count; i++) {
			const void *histogram = (const char *)&snapshots[i] + heads[h].offset;

			label_pipeline(&labels, &snapshots[i]);
			metrics_histogram(out, heads[h].family, labels.items, labels.count, histogram);
		}
	}
}

void metrics_write(FILE *out, const struct identity *identity, int64_t started_ms,
    const struct reload_status *reload, const struct pipeline_snapshot *snapshots, size_t count)
{
	write_info(out, identity, started_ms, snapshots, count);
	write_reloads(out, reload);
	write_states(out, snapshots, count);
	write_waits(out, snapshots, count);
	write_members(out, snapshots, count);
	write_pipeline_metrics(out, snapshots, count);
	write_partition_metrics(out, snapshots, count);
	write_latencies(out, snapshots, count);
}
