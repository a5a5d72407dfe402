#include "daemon/status_json.h"
#include <string.h>
#include <yajl/yajl_gen.h>
#include "base/cleanup.h"
#include "base/escape.h"
#include "base/memory.h"
#include "daemon/stuck.h"

static void generator_free(yajl_gen gen)
{
	if (gen) /* yajl_gen_free() does not take NULL */
		yajl_gen_free(gen);
}
DEFINE_CLEANUP(yajl_gen, generator_free)

static void put_name(yajl_gen gen, const char *name)
{
	yajl_gen_string(gen, (const unsigned char *)name, strlen(name));
}

/* Texts may hold what a broker or a library said: JSON must be UTF-8 whatever that was. */
static void put_text(yajl_gen gen, const char *name, const char *text)
{
	_cleanup_free_ char *safe = text ? escape_whole(text) : NULL;

	put_name(gen, name);
	if (safe)
		put_name(gen, safe);
	else
		yajl_gen_null(gen);
}

static void put_number(yajl_gen gen, const char *name, int64_t value)
{
	put_name(gen, name);
	yajl_gen_integer(gen, value);
}

/* Counters of 64 bits do not come near what the signed type of JSON's readers holds. */
static void put_count(yajl_gen gen, const char *name, uint64_t value)
{
	put_number(gen, name, value > INT64_MAX ? INT64_MAX : (int64_t)value);
}

static void put_latency(yajl_gen gen, const char *name, const struct histogram *histogram)
{
	put_name(gen, name);
	yajl_gen_map_open(gen);
	put_number(gen, "p50_us", histogram_quantile_us(histogram, 0.50));
	put_number(gen, "p99_us", histogram_quantile_us(histogram, 0.99));
	put_count(gen, "count", histogram->total);
	yajl_gen_map_close(gen);
}

static void put_counters(yajl_gen gen, const struct engine_counters *counters)
{
	put_name(gen, "counters");
	yajl_gen_map_open(gen);
	put_count(gen, "consumed_records", counters->consumed_records);
	put_count(gen, "consumed_bytes", counters->consumed_bytes);
	put_count(gen, "submitted_records", counters->submitted_records);
	put_count(gen, "acked_records", counters->acked_records);
	put_count(gen, "acked_bytes", counters->acked_bytes);
	put_count(gen, "failed_reports", counters->failed_reports);
	put_count(gen, "repeated_records", counters->repeated_records);
	put_count(gen, "lost_records", counters->lost_records);
	put_count(gen, "skipped_records", counters->skipped_records);
	put_count(gen, "dead_lettered_records", counters->dead_lettered_records);
	put_count(gen, "late_reports", counters->late_reports);
	put_count(gen, "dropped_records", counters->dropped_records);
	put_count(gen, "commits", counters->commits);
	put_count(gen, "commit_failures", counters->commit_failures);
	put_count(gen, "revoked_partitions", counters->revoked_partitions);
	put_count(gen, "lost_partitions", counters->lost_partitions);
	put_count(gen, "assigned_partitions", counters->assigned_partitions);
	put_count(gen, "revoke_timeouts", counters->revoke_timeouts);
	put_count(gen, "sink_recreations", counters->sink_recreations);
	put_count(gen, "transactions_committed", counters->transactions_committed);
	put_count(gen, "transactions_aborted", counters->transactions_aborted);
	put_count(gen, "transactions_unknown", counters->transactions_unknown);
	yajl_gen_map_close(gen);
}

const char *status_json_part_state(enum part_state state)
{
	switch (state) {
	case PART_UNASSIGNED:
		return "unassigned";
	case PART_READING:
		return "reading";
	case PART_REVOKING:
		return "revoking";
	case PART_BLOCKED:
		return "blocked";
	}
	return "unknown";
}

static void put_partition(yajl_gen gen, const struct partition_snapshot *partition)
{
	_cleanup_free_ char *words = stuck_words(partition);

	yajl_gen_map_open(gen);
	put_text(gen, "topic", partition->topic);
	put_number(gen, "partition", partition->partition);
	put_text(gen, "state", status_json_part_state(partition->state));
	put_number(gen, "state_since_ms", partition->state_since_ms);
	put_number(gen, "committed", partition->committed);
	put_number(gen, "mark", partition->mark);
	put_number(gen, "end", partition->end);
	put_number(gen, "log_end", partition->log_end);
	put_number(gen, "lag", partition->lag);
	put_count(gen, "in_flight", partition->in_flight);
	put_number(gen, "oldest_unsettled", partition->oldest_unsettled);
	put_number(gen, "oldest_unsettled_age_ms", partition->oldest_unsettled_age_ms);
	put_text(gen, "waits_for", partition_wait_name(partition->waits_for));
	put_text(gen, "waits_for_words", words);
	put_number(gen, "waits_for_broker", partition->waits_for_broker);
	put_number(gen, "waits_ms", partition->waits_ms);
	put_text(gen, "error", partition->error);
	put_number(gen, "blocked_at", partition->state == PART_BLOCKED ? partition->blocked_at : -1);
	put_text(gen, "blocked_by", partition->blocked_by == BLOCK_NONE ? NULL : block_name(partition->blocked_by));
	put_count(gen, "order", partition->order);
	put_count(gen, "order_done", partition->order_done);
	put_count(gen, "order_failed", partition->order_failed);
	put_text(gen, "last_error", partition->last_error);
	put_number(gen, "last_error_at_ms", partition->last_error_at_ms);
	if (partition->member > 0)
		put_number(gen, "member", partition->member);
	yajl_gen_map_close(gen);
}

static void put_member(yajl_gen gen, const struct pipeline_snapshot *member)
{
	yajl_gen_map_open(gen);
	put_number(gen, "member", member->member);
	put_text(gen, "state", pipeline_state_name(member->state));
	put_number(gen, "state_since_ms", member->state_since_ms);
	put_text(gen, "reason", member->reason);
	put_number(gen, "lag", member->lag);
	put_count(gen, "acked_records", member->counters.acked_records);
	put_count(gen, "partition_count", member->partition_count);
	yajl_gen_map_close(gen);
}

/* Nothing for a pipeline that has only one. */
static void put_members(yajl_gen gen, const struct pipeline_snapshot *snapshot)
{
	put_name(gen, "members");
	yajl_gen_array_open(gen);
	for (size_t i = 0; i < snapshot->member_count && snapshot->member_count > 1; i++)
		put_member(gen, &snapshot->members[i]);
	yajl_gen_array_close(gen);
}

/* How many partitions wait for what. */
static void put_waiting(yajl_gen gen, const struct pipeline_snapshot *snapshot)
{
	put_name(gen, "waiting");
	yajl_gen_map_open(gen);
	for (int wait = 0; wait < WAIT_COUNT; wait++)
		put_count(gen, partition_wait_name((enum partition_wait)wait), snapshot->waiting[wait]);
	yajl_gen_map_close(gen);
}

static void put_stuck(yajl_gen gen, const struct pipeline_snapshot *snapshot)
{
	const struct partition_snapshot *partition = stuck_partition(snapshot, STUCK_TOLD_MS);
	_cleanup_free_ char *sentence = partition ? stuck_sentence(partition) : NULL;

	put_text(gen, "stuck", sentence);
}

static void put_partitions(yajl_gen gen, const struct pipeline_snapshot *snapshot)
{
	put_name(gen, "partitions");
	yajl_gen_array_open(gen);
	for (size_t i = 0; i < snapshot->partition_count; i++)
		put_partition(gen, &snapshot->partitions[i]);
	yajl_gen_array_close(gen);
}

static void put_pipeline(yajl_gen gen, const struct pipeline_snapshot *snapshot, enum pipeline_detail detail)
{
	yajl_gen_map_open(gen);
	put_text(gen, "name", snapshot->name);
	put_text(gen, "delivery", delivery_name(snapshot->delivery));
	put_text(gen, "state", pipeline_state_name(snapshot->state));
	put_number(gen, "state_since_ms", snapshot->state_since_ms);
	put_text(gen, "reason", snapshot->reason);
	put_number(gen, "unready_ms", snapshot->unready_ms);
	put_stuck(gen, snapshot);
	put_name(gen, "starts_anew");
	yajl_gen_bool(gen, snapshot->starts_anew);
	put_text(gen, "last_error", snapshot->last_error);
	put_number(gen, "last_error_at_ms", snapshot->last_error_at_ms);
	put_count(gen, "heartbeats", snapshot->heartbeats);
	put_count(gen, "restarts", snapshot->restarts);
	put_count(gen, "rebalances", snapshot->rebalances);
	put_count(gen, "log_gaps", snapshot->log_gaps);
	put_count(gen, "log_gap_records", snapshot->log_gap_records);
	put_count(gen, "blocked_gaps", snapshot->blocked_gaps);
	put_count(gen, "source_stalls", snapshot->source_stalls);
	put_count(gen, "untimestamped_records", snapshot->untimestamped_records);
	put_counters(gen, &snapshot->counters);
	put_latency(gen, "latency", &snapshot->latencies.report);
	put_latency(gen, "end_to_end_latency", &snapshot->latencies.end_to_end);
	put_latency(gen, "commit_latency", &snapshot->latencies.commit);
	put_latency(gen, "transaction_latency", &snapshot->latencies.transaction);
	put_count(gen, "held_bytes", snapshot->held_bytes);
	put_count(gen, "held_records", snapshot->held_records);
	put_count(gen, "in_flight_records", snapshot->in_flight_records);
	put_count(gen, "in_flight_bytes", snapshot->in_flight_bytes);
	put_name(gen, "drain_was_clean");
	yajl_gen_bool(gen, snapshot->drain_was_clean);
	put_number(gen, "records_per_s", snapshot->records_per_s);
	put_number(gen, "lag", snapshot->lag);
	put_number(gen, "oldest_unsettled_age_ms", snapshot->oldest_unsettled_age_ms);
	put_waiting(gen, snapshot);
	put_members(gen, snapshot);
	put_count(gen, "partition_count", snapshot->partition_count);
	if (detail == PIPELINE_WHOLE)
		put_partitions(gen, snapshot);
	yajl_gen_map_close(gen);
}

static void put_findings(yajl_gen gen, const struct config_findings *findings)
{
	put_name(gen, "findings");
	yajl_gen_array_open(gen);
	for (size_t i = 0; i < findings->count; i++) {
		yajl_gen_map_open(gen);
		put_text(gen, "severity", findings->items[i].is_error ? "error" : "warning");
		put_text(gen, "text", findings->items[i].text);
		yajl_gen_map_close(gen);
	}
	yajl_gen_array_close(gen);
}

static void put_reload(yajl_gen gen, const struct reload_status *reload, enum reload_detail detail)
{
	const char *result = reload->was_refused ? "refused" : "ok";

	yajl_gen_map_open(gen);
	put_count(gen, "ok", reload->ok);
	put_count(gen, "refused", reload->refused);
	put_number(gen, "config_ms", reload->config_ms);
	put_number(gen, "at_ms", reload->at_ms);
	put_text(gen, "result", reload->at_ms ? result : NULL);
	put_name(gen, "finished");
	yajl_gen_bool(gen, reload->finished);
	put_count(gen, "late", reload->late);
	if (detail == RELOAD_WHOLE) {
		put_text(gen, "summary", reload->summary);
		put_findings(gen, &reload->findings);
	}
	yajl_gen_map_close(gen);
}

/* The text so far, and a newline for those who read it on a terminal. */
static char *take_text(yajl_gen gen, size_t *length)
{
	const unsigned char *text;
	char *copy;

	if (yajl_gen_get_buf(gen, &text, length) != yajl_gen_status_ok)
		return NULL;
	copy = xcalloc(*length + 2, 1);
	memcpy(copy, text, *length);
	copy[(*length)++] = '\n';
	return copy;
}

char *status_json_all(const struct identity *identity, const struct reload_status *reload,
    enum reload_detail detail, enum pipeline_detail pipeline_detail, const struct pipeline_snapshot *snapshots,
    size_t count, size_t *length)
{
	_cleanup_(generator_freep) yajl_gen gen = yajl_gen_alloc(NULL);

	if (!gen)
		return NULL;
	yajl_gen_map_open(gen);
	put_text(gen, "version", identity->version);
	put_text(gen, "librdkafka", identity->library_version);
	put_text(gen, "instance", identity->instance);
	put_name(gen, "reload");
	put_reload(gen, reload, detail);
	put_name(gen, "pipelines");
	yajl_gen_array_open(gen);
	for (size_t i = 0; i < count; i++)
		put_pipeline(gen, &snapshots[i], pipeline_detail);
	yajl_gen_array_close(gen);
	yajl_gen_map_close(gen);
	return take_text(gen, length);
}

char *status_json_one(const struct pipeline_snapshot *snapshot, size_t *length)
{
	_cleanup_(generator_freep) yajl_gen gen = yajl_gen_alloc(NULL);

	if (!gen)
		return NULL;
	put_pipeline(gen, snapshot, PIPELINE_WHOLE);
	return take_text(gen, length);
}

char *status_json_reload(const struct reload_status *reload, enum reload_detail detail, size_t *length)
{
	_cleanup_(generator_freep) yajl_gen gen = yajl_gen_alloc(NULL);

	if (!gen)
		return NULL;
	put_reload(gen, reload, detail);
	return take_text(gen, length);
}
