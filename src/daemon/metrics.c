#include "daemon/metrics.h"
#include <inttypes.h>
#include <string.h>

enum number_type { UNSIGNED, SIGNED /* negative: unknown */, SIZE };

/* One number of a pipeline or of a partition. Rows of one family stand together: its lines must. */
struct metric {
	const char *family;
	const char *type;
	const char *help;
	const char *label; /* a label of the family beside pipeline (and partition); NULL none */
	const char *label_value;
	size_t offset; /* in the snapshot */
	enum number_type number;
};

#define OF_PIPELINE(member)  offsetof(struct pipeline_snapshot, member)
#define OF_PARTITION(member) offsetof(struct partition_snapshot, member)
#define COUNTER(family, help, member)                                                                        \
	{                                                                                                    \
		family, "counter", help, NULL, NULL, OF_PIPELINE(member), UNSIGNED                           \
	}
#define COUNTER_BY(family, help, label, value, member)                                                       \
	{                                                                                                    \
		family, "counter", help, label, value, OF_PIPELINE(member), UNSIGNED                         \
	}
#define GAUGE(family, help, member, number)                                                                  \
	{                                                                                                    \
		family, "gauge", help, NULL, NULL, OF_PIPELINE(member), number                               \
	}
#define PARTITION_GAUGE(family, help, member, number)                                                        \
	{                                                                                                    \
		family, "gauge", help, NULL, NULL, OF_PARTITION(member), number                              \
	}

#define HELP_COMMITS      "Offset commits that were answered, by result."
#define HELP_REBALANCES   "Partitions that came or went in rebalances, by event."
#define HELP_TRANSACTIONS "Transactions that have ended, by result."

static const struct metric pipeline_metrics[] = {
	COUNTER("aloqd_consumed_records_total", "Records read from the source.", counters.consumed_records),
	COUNTER("aloqd_consumed_bytes_total", "Bytes read from the source.", counters.consumed_bytes),
	COUNTER("aloqd_submitted_records_total", "Records handed to the producer, repeats included.",
	    counters.submitted_records),
	COUNTER(
	    "aloqd_acked_records_total", "Records that the target has acknowledged.", counters.acked_records),
	COUNTER("aloqd_acked_bytes_total", "Bytes that the target has acknowledged.", counters.acked_bytes),
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
	COUNTER_BY("aloqd_commits_total", HELP_COMMITS, "result", "ok", counters.commits),
	COUNTER_BY("aloqd_commits_total", HELP_COMMITS, "result", "failed", counters.commit_failures),
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
	PARTITION_GAUGE("aloqd_partition_oldest_unsettled_age_milliseconds",
	    "How long the oldest unsettled record has been here.", oldest_unsettled_age_ms, SIGNED),
};

static void write_head(FILE *out, const char *family, const char *type, const char *help)
{
	fprintf(out, "# HELP %s %s\n# TYPE %s %s\n", family, help, family, type);
}

/* name="value", with the three characters escaped that the format knows. */
static void write_label(FILE *out, const char *name, const char *value)
{
	fprintf(out, "%s=\"", name);
	for (const char *p = value; *p; p++) {
		switch (*p) {
		case '\\':
			fputs("\\\\", out);
			break;
		case '"':
			fputs("\\\"", out);
			break;
		case '\n':
			fputs("\\n", out);
			break;
		default:
			fputc(*p, out);
		}
	}
	fputc('"', out);
}

/* family{pipeline="...",topic="...",partition="...",label="...": the closing brace and the value follow. */
static void write_series(FILE *out, const struct metric *metric, const struct pipeline_snapshot *pipeline,
    const struct partition_snapshot *partition)
{
	fprintf(out, "%s{", metric->family);
	write_label(out, "pipeline", pipeline->name);
	if (partition) {
		fputc(',', out);
		write_label(out, "topic", partition->topic);
		fprintf(out, ",partition=\"%" PRId32 "\"", partition->partition);
	}
	if (metric->label) {
		fputc(',', out);
		write_label(out, metric->label, metric->label_value);
	}
}

static void write_number(FILE *out, const struct metric *metric, const void *snapshot,
    const struct pipeline_snapshot *pipeline, const struct partition_snapshot *partition)
{
	const void *address = (const char *)snapshot + metric->offset;
	uint64_t value = metric->number == SIZE ? *(const size_t *)address : *(const uint64_t *)address;

	if (metric->number == SIGNED && value > INT64_MAX)
		return;
	write_series(out, metric, pipeline, partition);
	fprintf(out, "} %" PRIu64 "\n", value);
}

static void write_pipeline_metrics(FILE *out, const struct pipeline_snapshot *snapshots, size_t count)
{
	const char *family = "";

	for (size_t m = 0; m < sizeof pipeline_metrics / sizeof pipeline_metrics[0]; m++) {
		const struct metric *metric = &pipeline_metrics[m];

		if (strcmp(metric->family, family) != 0)
			write_head(out, metric->family, metric->type, metric->help);
		family = metric->family;
		for (size_t i = 0; i < count; i++)
			write_number(out, metric, &snapshots[i], &snapshots[i], NULL);
	}
}

static void write_partition_metrics(FILE *out, const struct pipeline_snapshot *snapshots, size_t count)
{
	for (size_t m = 0; m < sizeof partition_metrics / sizeof partition_metrics[0]; m++) {
		const struct metric *metric = &partition_metrics[m];

		write_head(out, metric->family, metric->type, metric->help);
		for (size_t i = 0; i < count; i++) {
			for (size_t j = 0; j < snapshots[i].partition_count; j++)
				write_number(out, metric, &snapshots[i].partitions[j], &snapshots[i],
				    &snapshots[i].partitions[j]);
		}
	}
}

static void write_states(FILE *out, const struct pipeline_snapshot *snapshots, size_t count)
{
	struct metric metric = { .family = "aloqd_pipeline_state", .label = "state" };

	write_head(out, metric.family, "gauge", "1 for the state that the pipeline is in, 0 for the others.");
	for (size_t i = 0; i < count; i++) {
		for (int state = 0; state < PIPELINE_STATE_COUNT; state++) {
			metric.label_value = pipeline_state_name((enum pipeline_state)state);
			write_series(out, &metric, &snapshots[i], NULL);
			fprintf(out, "} %d\n", (int)snapshots[i].state == state);
		}
	}
	metric = (struct metric){ .family = "aloqd_partition_blocked" };
	write_head(out, metric.family, "gauge", "1 while the partition waits for a person.");
	for (size_t i = 0; i < count; i++) {
		for (size_t j = 0; j < snapshots[i].partition_count; j++) {
			write_series(out, &metric, &snapshots[i], &snapshots[i].partitions[j]);
			fprintf(out, "} %d\n", snapshots[i].partitions[j].state == PART_BLOCKED);
		}
	}
}

enum member_metric { MEMBER_STATE, MEMBER_PARTITIONS, MEMBER_ACKED };

static void write_member(FILE *out, const char *family, enum member_metric what,
    const struct pipeline_snapshot *member)
{
	char number[16];
	struct metric metric = { .family = family, .label = "member", .label_value = number };

	snprintf(number, sizeof number, "%" PRId32, member->member);
	for (int state = 0; state < (what == MEMBER_STATE ? PIPELINE_STATE_COUNT : 1); state++) {
		write_series(out, &metric, member, NULL);
		if (what == MEMBER_STATE) {
			fputc(',', out);
			write_label(out, "state", pipeline_state_name((enum pipeline_state)state));
			fprintf(out, "} %d\n", (int)member->state == state);
		} else {
			fprintf(out, "} %" PRIu64 "\n",
			    what == MEMBER_ACKED ? member->counters.acked_records : member->partition_count);
		}
	}
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
					write_head(out, heads[h].family, heads[h].type, heads[h].help);
				has_head = true;
				write_member(out, heads[h].family, heads[h].what, &snapshots[i].members[m]);
			}
		}
	}
}

static void write_info(FILE *out, const struct identity *identity, int64_t started_ms,
    const struct pipeline_snapshot *snapshots, size_t count)
{
	struct metric metric = { .family = "aloqd_pipeline_info", .label = "delivery" };

	write_head(out, "aloqd_build_info", "gauge", "1; the labels tell the versions.");
	fputs("aloqd_build_info{", out);
	write_label(out, "version", identity->version);
	fputc(',', out);
	write_label(out, "librdkafka", identity->library_version);
	fputs("} 1\n", out);
	write_head(out, "process_start_time_seconds", "gauge",
	    "When the process started, in seconds since the epoch.");
	fprintf(out, "process_start_time_seconds %" PRId64 ".%03d\n", started_ms / 1000,
	    (int)(started_ms % 1000));
	write_head(out, metric.family, "gauge", "1; the label tells the guarantee.");
	for (size_t i = 0; i < count; i++) {
		metric.label_value = delivery_name(snapshots[i].delivery);
		write_series(out, &metric, &snapshots[i], NULL);
		fputs("} 1\n", out);
	}
}

static void write_reloads(FILE *out, const struct reload_status *reload)
{
	write_head(
	    out, "aloqd_reloads_total", "counter", "Times that the configuration was read again, by result.");
	fprintf(out, "aloqd_reloads_total{result=\"ok\"} %" PRIu64 "\n", reload->ok);
	fprintf(out, "aloqd_reloads_total{result=\"refused\"} %" PRIu64 "\n", reload->refused);
	write_head(out, "aloqd_last_reload_successful", "gauge",
	    "0 when the last reload was refused, so that another configuration holds than the files say.");
	fprintf(out, "aloqd_last_reload_successful %d\n", !reload->was_refused);
	write_head(out, "aloqd_config_timestamp_seconds", "gauge",
	    "When the configuration that holds was read, in seconds since the epoch.");
	fprintf(out, "aloqd_config_timestamp_seconds %" PRId64 ".%03d\n", reload->config_ms / 1000,
	    (int)(reload->config_ms % 1000));
}

static void write_histogram(FILE *out, const char *family, const char *help,
    const struct pipeline_snapshot *snapshots, size_t count, size_t offset)
{
	char buckets[96], sum[96], total[96];

	snprintf(buckets, sizeof buckets, "%s_bucket", family);
	snprintf(sum, sizeof sum, "%s_sum", family);
	snprintf(total, sizeof total, "%s_count", family);
	write_head(out, family, "histogram", help);
	for (size_t i = 0; i < count; i++) {
		const void *address = (const char *)&snapshots[i] + offset;
		const struct histogram *histogram = address;
		uint64_t below = 0;

		for (unsigned b = 0; b + 1 < HISTOGRAM_BUCKETS; b++) {
			below += histogram->count[b];
			write_series(out, &(struct metric){ .family = buckets }, &snapshots[i], NULL);
			/* ten digits tell the largest bound exactly, and leave no zeros behind */
			fprintf(
			    out, ",le=\"%.10g\"} %" PRIu64 "\n", (double)histogram_bound_us(b) / 1e6, below);
		}
		write_series(out, &(struct metric){ .family = buckets }, &snapshots[i], NULL);
		fprintf(out, ",le=\"+Inf\"} %" PRIu64 "\n", histogram->total);
		write_series(out, &(struct metric){ .family = sum }, &snapshots[i], NULL);
		fprintf(out, "} %" PRIu64 ".%06u\n", histogram->sum_us / 1000000,
		    (unsigned)(histogram->sum_us % 1000000));
		write_series(out, &(struct metric){ .family = total }, &snapshots[i], NULL);
		fprintf(out, "} %" PRIu64 "\n", histogram->total);
	}
}

void metrics_write(FILE *out, const struct identity *identity, int64_t started_ms,
    const struct reload_status *reload, const struct pipeline_snapshot *snapshots, size_t count)
{
	write_info(out, identity, started_ms, snapshots, count);
	write_reloads(out, reload);
	write_states(out, snapshots, count);
	write_members(out, snapshots, count);
	write_pipeline_metrics(out, snapshots, count);
	write_partition_metrics(out, snapshots, count);
	write_histogram(out, "aloqd_latency_seconds", "From a record's arrival to its delivery report.",
	    snapshots, count, OF_PIPELINE(latency));
	write_histogram(out, "aloqd_commit_latency_seconds", "From an offset commit to its answer.",
	    snapshots, count, OF_PIPELINE(commit_latency));
}
