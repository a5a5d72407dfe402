#include "relay/pipeline_internal.h"
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include "base/cleanup.h"
#include "base/clock.h"
#include "base/log_ids.h"
#include "base/memory.h"
#include "base/units.h"
#include "kafka/settings.h"

/* ---- sizes ---- */

static uint64_t clamp(uint64_t value, uint64_t low, uint64_t high)
{
	return value < low ? low : value > high ? high : value;
}

/* This member's part of what the pipeline may do in a second. */
static uint64_t member_share(const struct config_pipeline *settings, uint64_t per_second)
{
	uint64_t members = (uint64_t)settings->members;

	if (settings->member == 0)
		return per_second;
	return per_second / members + ((uint64_t)settings->member <= per_second % members);
}

/* The pipeline's share of aloqd.memory: a quarter for what is fetched and not yet read, a sixth for what is held
 * until it is settled (measured: more gains nothing, less fits the caches better); the rest is for fetch buffers
 * that a held record pins, the producer's copies of keys and headers, and the allocator. */
static void size_clients(const struct pipeline *pipeline, const struct preflight_result *preflight,
    struct client_sizes *sizes, struct engine_limits *limits)
{
	uint64_t parts = clamp(preflight->source_partitions, 1, 100000);
	uint64_t quarter = pipeline->memory_bytes / 4;
	uint64_t window = pipeline->memory_bytes / 6;
	uint64_t share = parts == 1 ? 1 : 2; /* of the window one partition takes 1/share at most, several slow ones less */

	*sizes = (struct client_sizes){
		.partition_prefetch_kbytes = (uint32_t)clamp(quarter / parts / 1024, 64, 1024),
		.partition_prefetch_records = (uint32_t)clamp(quarter / parts / 512, 100, 10000),
		/* What librdkafka holds of a partition is a batch or a fetch answer more than it was told. */
		.prefetch_bound_bytes = 2 * quarter,
		.fetch_max_bytes = (uint32_t)clamp(pipeline->memory_bytes / 32, 1 << 20, 8 << 20),
		.partition_fetch_max_bytes = (uint32_t)clamp(quarter / parts, 64 << 10, 1 << 20),
		.batch_max_bytes = preflight->target_least_max_bytes,
		.message_max_bytes = preflight->target_most_max_bytes,
		.dead_letter_max_bytes = preflight->dead_letter_max_bytes,
		.dead_letter_partitions = preflight->dead_letter_partitions,
	};
	*limits = (struct engine_limits){
		.window_bytes = window,
		.window_records = (uint32_t)clamp(window / 512, 1000, 100000),
		.fetch_burst = 4000,
		.rate_records = member_share(pipeline->settings, (uint64_t)pipeline->settings->rate_records),
		.rate_bytes = member_share(pipeline->settings, pipeline->settings->rate_bytes),
	};
	limits->partition_window_bytes = limits->window_bytes / share;
	limits->partition_window_records = (uint32_t)(limits->window_records / share);
	/* The window bounds the queue, never the other way round: a full queue would stall between reports, and one
	 * that is smaller than a single record for ever. */
	sizes->produce_queue_records = limits->window_records + 10000;
	sizes->produce_queue_kbytes = 2097151;
}

/* Whatever the sizes are set to, librdkafka fetches at least one whole batch of every partition: where those together
 * may be more than the share, the partitions take turns, which is slower. Says so once. */
static void warn_of_large_records(struct pipeline *pipeline)
{
	const struct preflight_result *preflight = &pipeline->preflight;
	uint32_t members = (uint32_t)pipeline->settings->members;
	uint32_t parts = (preflight->source_partitions + members - 1) / members;
	uint64_t need_bytes = (uint64_t)parts * preflight->source_max_bytes;

	if (need_bytes <= pipeline->memory_bytes || need_bytes == pipeline->warned_need_bytes)
		return;
	pipeline->warned_need_bytes = need_bytes;
	log_warning(&LOG_SETTINGS(pipeline->settings),
	    "%" PRIu32 " source partitions with batches of up to %" PRIu32 " bytes (max.message.bytes of their topics) "
	    "may need %" PRIu64 " MiB, which is more than its share of %" PRIu64 " MiB of aloqd.memory: they will take "
	    "turns to fetch, which is slower; raise aloqd.memory, or spread the partitions over more instances",
	    parts, preflight->source_max_bytes, need_bytes >> 20, pipeline->memory_bytes >> 20);
}

/* max.message.bytes of a topic, unless someone has set it. */
static const uint32_t usual_message_max_bytes = 1048588;

bool pipeline_sizes_shrink(const struct pipeline *pipeline, const struct preflight_result *preflight)
{
	struct client_sizes now, then;
	struct engine_limits limits;

	size_clients(pipeline, &pipeline->preflight, &now, &limits);
	size_clients(pipeline, preflight, &then, &limits);
	/* The prefetch is of each partition: with more of them it would pass its bound. */
	return then.partition_prefetch_kbytes < now.partition_prefetch_kbytes / 2 ||
	       (then.batch_max_bytes > 0 &&
		   then.batch_max_bytes < (now.batch_max_bytes ? now.batch_max_bytes : usual_message_max_bytes));
}

/* ---- what clients and engine say ---- */

/* One question may be lost, or meet the one broker of several that is frozen. */
enum { PROBES_TO_BE_DOWN = 3 };

void pipeline_note_trouble(struct pipeline *pipeline, const struct log_place *place, const struct error *err)
{
	uint64_t suppressed;

	pipeline->last_error = *err;
	pipeline->last_error_at_ms = clock_realtime_ms();
	pipeline->changed = true;
	if (!log_ratelimit_allow(&pipeline->trouble_limit, clock_monotonic_us(), &suppressed))
		return;
	if (suppressed > 0)
		log_warning(place, "%s (%" PRIu64 " other faults were not logged)", err->message, suppressed);
	else
		log_warning(place, "%s", err->message);
}

struct log_place pipeline_place_of(const struct pipeline *pipeline, uint32_t part, int64_t offset)
{
	struct log_place place = LOG_SETTINGS(pipeline->settings);

	if (part != UINT32_MAX) {
		source_part_name(pipeline->source, part, &place.topic, &place.partition);
		place.offset = offset;
	}
	return place;
}

static void on_partition_blocked(void *host, uint32_t part, int64_t offset, const struct error *err)
{
	struct pipeline *pipeline = host;
	struct log_place place = pipeline_place_of(pipeline, part, offset);

	place.message_id = LOG_ID_PARTITION_BLOCKED;
	log_error(&place,
	    "the partition is blocked at offset %" PRId64 ", its records wait and nothing of it is lost: %s; decide with "
	    "aloqctl unblock",
	    offset, err->message);
	pipeline_note_partition(pipeline, part, err);
	pipeline->last_error = *err;
	pipeline->last_error_at_ms = clock_realtime_ms();
	pipeline->changed = true;
}

/* Two instances of one name fence each other again and again. Once may be one's own successor: a request that was on its
 * way when this member joined again. */
static void judge_fenced(struct pipeline *pipeline)
{
	static const int64_t again_us = 60 * USEC_PER_SEC;
	int64_t now_us = clock_monotonic_us();
	bool again = pipeline->fenced_us > 0 && now_us - pipeline->fenced_us < again_us;

	if (!pipeline->failure.name || strcmp(pipeline->failure.name, "FENCED_INSTANCE_ID") != 0)
		return;
	pipeline->fenced_us = now_us;
	if (again)
		pipeline->failure.remedy = REMEDY_PERSON;
}

static void on_failed(void *host, const struct error *err)
{
	struct pipeline *pipeline = host;

	if (pipeline->failure.code)
		return;
	pipeline->failure = *err;
	judge_fenced(pipeline);
	pipeline->last_error = *err;
	pipeline->last_error_at_ms = clock_realtime_ms();
	pipeline->changed = true;
}

static void on_trouble(void *host, uint32_t part, int64_t offset, const struct error *err)
{
	struct pipeline *pipeline = host;
	struct log_place place = pipeline_place_of(pipeline, part, offset);

	pipeline_note_partition(pipeline, part, err);
	pipeline_note_trouble(pipeline, &place, err);
}

static int64_t sent_before(void *host, uint32_t part)
{
	const struct pipeline *pipeline = host;
	const char *topic;
	int32_t partition;

	source_part_name(pipeline->source, part, &topic, &partition);
	return sent_memory_until(pipeline->sent_memory, topic, partition);
}

static const struct engine_host_ops host_ops = {
	.sent_before = sent_before,
	.partition_blocked = on_partition_blocked,
	.refused = pipeline_on_refused,
	.failed = on_failed,
	.trouble = on_trouble,
	.lost = pipeline_on_lost,
	.unblocked = pipeline_on_unblocked,
};

/* librdkafka knows that there is no broker. */
static void watch_down(struct cluster_watch *watch)
{
	watch->down = true;
	watch->silent = PROBES_TO_BE_DOWN;
}

static void on_source_trouble(void *host, uint32_t part, const struct error *err)
{
	struct pipeline *pipeline = host;

	if (err->code == -ENETDOWN)
		watch_down(&pipeline->source_watch);
	pipeline_note_partition(pipeline, part, err);
	pipeline_note_trouble(pipeline, &LOG_SETTINGS(pipeline->settings), err);
}

static void on_sink_trouble(void *host, const struct error *err)
{
	struct pipeline *pipeline = host;

	if (err->code == -ENETDOWN)
		watch_down(&pipeline->sink_watch);
	pipeline_note_trouble(pipeline, &LOG_SETTINGS(pipeline->settings), err);
}

static void on_gap(void *host, const char *topic, int32_t partition, int64_t from, int64_t to, const char *words)
{
	struct pipeline *pipeline = host;
	const struct log_place place = { .pipeline = pipeline->settings->name,
		.member = pipeline->settings->member, .topic = topic, .partition = partition, .offset = from,
		.message_id = LOG_ID_SOURCE_GAP };

	pipeline->log_gaps++;
	pipeline->log_gap_records += (uint64_t)(to - from);
	pipeline->changed = true;
	log_warning(&place, "gap in the source, being crossed as %s: reading goes on at %" PRId64 ": %s",
	    pipeline->settings->from.on_gap == GAP_BLOCK ? "a person has decided" : "from.on_gap says", to, words);
}

static void on_gap_stops(void *host)
{
	struct pipeline *pipeline = host;

	pipeline->blocked_gaps++;
	pipeline->changed = true;
}

static void on_stalled(
    void *host, uint32_t part, int64_t offset, int64_t log_end, int64_t silent_us, unsigned before)
{
	struct pipeline *pipeline = host;
	struct log_place place = pipeline_place_of(pipeline, part, offset);
	char age[UNITS_TEXT_SIZE];
	struct error err;

	pipeline->source_stalls++;
	error_set(&err, -ESTALE, REMEDY_RETRY,
	    "librdkafka does not fetch %s [%" PRId32 "]: nothing came for %s, it stands at offset %" PRId64
	    ", and the log ends at %" PRId64 "; reading begins anew from there%s",
	    place.topic, place.partition, units_format_age_ms(age, sizeof age, silent_us / USEC_PER_MSEC), offset, log_end,
	    before > 0 ? " once more, as the last time has not helped" : "");
	place.message_id = LOG_ID_SOURCE_STALLED;
	pipeline_note_partition(pipeline, part, &err);
	pipeline_note_trouble(pipeline, &place, &err);
}

static void on_assignment(void *host, size_t partitions)
{
	struct pipeline *pipeline = host;

	pipeline->assigned = pipeline->group_started = true;
	pipeline->rebalances++;
	pipeline->changed = true;
	engine_on_assignment_complete(pipeline->engine);
	log_info(&LOG_SETTINGS(pipeline->settings), "the group has assigned %zu partitions", partitions);
}

static void on_place_lost(void *host, const char *why)
{
	struct pipeline *pipeline = host;

	pipeline->assigned = false;
	pipeline->changed = true;
	log_warning(&LOG_SETTINGS(pipeline->settings),
	    "lost its place in the group \"%s\"%s%s%s and joins again; what was not committed is read again",
	    pipeline->settings->from.group, why ? " (" : "", why ? why : "", why ? ")" : "");
}

static void on_narrow(void *host)
{
	((struct pipeline *)host)->look_wanted = true;
}

/* ---- life ---- */

static int open_sink(struct pipeline *pipeline, const struct client_sizes *sizes, struct error *err)
{
	const struct sink_host host = { .trouble = on_sink_trouble, .failed = on_failed, .host = pipeline };
	_cleanup_free_ char *transactional_id = NULL;
	struct worker *worker = pipeline->worker;

	if (pipeline->settings->delivery == DELIVERY_EXACTLY_ONCE) {
		transactional_id = settings_member_id(pipeline->settings, pipeline->instance);
		worker = pipeline->sink_worker = worker_new(pipeline->wake_fd);
		if (!worker)
			return error_set(err, -EAGAIN, REMEDY_RESTART, "no thread could be made; raise TasksMax=");
	}
	pipeline->sink = sink_new(pipeline->settings, sizes, pipeline->preflight.source_cluster_id, transactional_id,
	    pipeline->wake_fd, worker, &host, err);
	return pipeline->sink ? 0 : err->code;
}

static char *group_instance_id_of(const struct pipeline *pipeline)
{
	_cleanup_free_ const char **topics = xcalloc(pipeline->preflight.topic_count, sizeof *topics);
	size_t count = 0;

	for (size_t i = 0; i < pipeline->preflight.topic_count; i++)
		if (!pipeline->preflight.topics[i].held.code)
			topics[count++] = pipeline->preflight.topics[i].name;
	return settings_group_instance_id(pipeline->settings, pipeline->instance, topics, count);
}

int pipeline_open_clients(struct pipeline *pipeline, struct error *err)
{
	const struct config_pipeline *settings = pipeline->settings;
	const struct source_host source_host = { .trouble = on_source_trouble, .gap = on_gap, .gap_stops = on_gap_stops,
		.stalled = on_stalled, .assignment = on_assignment, .lost = on_place_lost, .narrow = on_narrow, .host = pipeline };
	struct engine_config engine_config = {
		.delivery = settings->delivery,
		.on_error = settings->on_error,
		.dead_letters = settings->dead_letter != NULL,
		.idempotent = settings->to.acks == ACKS_ALL,
		/* A transaction is aborted when a record of it is refused, whatever was written behind it. */
		.first_goes_alone =
		    settings->to.acks == ACKS_ALL && settings->delivery != DELIVERY_EXACTLY_ONCE,
		.commit_sync = settings->commit.mode == COMMIT_SYNC,
		.commit_records = settings->commit.records,
		.commit_interval_us = settings->commit.interval_ms * USEC_PER_MSEC,
		.revoke_timeout_us = settings->revoke_timeout_ms * USEC_PER_MSEC,
		.sink_says_ready = settings->delivery == DELIVERY_EXACTLY_ONCE,
		.seed = (uint64_t)clock_monotonic_us(),
	};
	_cleanup_free_ char *group_instance_id = NULL;
	struct client_sizes sizes;

	if (pipeline->memory_bytes < PIPELINE_COMFORTABLE_BYTES)
		log_warning(&LOG_SETTINGS(settings),
		    "aloqd.memory leaves %" PRIu64 " MiB for this pipeline; below %" PRIu64
		    " MiB it is slow and may need more than its share: raise aloqd.memory or run fewer pipelines here",
		    pipeline->memory_bytes >> 20, PIPELINE_COMFORTABLE_BYTES >> 20);
	warn_of_large_records(pipeline);
	size_clients(pipeline, &pipeline->preflight, &sizes, &engine_config.limits);
	if (settings->from.static_membership)
		group_instance_id = group_instance_id_of(pipeline);
	pipeline->source = source_new(settings, &sizes, group_instance_id, pipeline->wake_fd, pipeline->worker,
	    pipeline->topic_memory, &source_host, err);
	if (!pipeline->source)
		return err->code;
	if (source_subscribe(pipeline->source, pipeline->preflight.topics, pipeline->preflight.topic_count, err) < 0 ||
	    open_sink(pipeline, &sizes, err) < 0) {
		source_free(TAKE_PTR(pipeline->source));
		return err->code;
	}
	pipeline->look_interval_us = source_look_interval_us(pipeline->source);
	pipeline->look_at_us = clock_after_us(clock_monotonic_us(), pipeline->look_interval_us);
	pipeline->engine = engine_new(&engine_config, &kafka_source_ops, pipeline->source, &kafka_sink_ops,
	    pipeline->sink, &host_ops, pipeline);
	source_set_events(pipeline->source, &engine_source_events, pipeline->engine);
	sink_set_events(pipeline->sink, &engine_sink_events, pipeline->engine);
	return 0;
}

/* ---- clusters that do not answer ---- */

static const int64_t probe_interval_us = 500 * USEC_PER_MSEC;
/* Without a sign of life for so long it is asked. */
static const int64_t quiet_us = 3 * USEC_PER_SEC;

struct probe_job {
	struct pipeline *pipeline;
	struct probe source, sink;
	bool ask_source, ask_sink;
	bool source_answers, sink_answers;
};

static void probe_run(struct worker *worker, void *argument)
{
	struct probe_job *job = argument;

	if (job->ask_source)
		job->source_answers = probe_answers(&job->source);
	if (job->ask_sink && !worker_cancelled(worker))
		job->sink_answers = probe_answers(&job->sink);
}

static void watch_answer(struct cluster_watch *watch, bool answers, int64_t now_us)
{
	if (answers) {
		watch->down = false;
		watch->silent = 0;
		watch->heard_us = now_us;
	} else if (++watch->silent >= PROBES_TO_BE_DOWN) {
		watch->down = true;
	}
}

static void probe_done(void *argument, bool cancelled)
{
	struct probe_job *job = argument;
	struct pipeline *pipeline = job->pipeline;
	int64_t now_us = clock_monotonic_us();

	pipeline->probing = false;
	pipeline->probe_at_us = now_us + probe_interval_us;
	if (job->ask_source && !cancelled)
		watch_answer(&pipeline->source_watch, job->source_answers, now_us);
	if (job->source_answers && pipeline->phase == PHASE_CLOSE)
		pipeline->closing_heard_us = now_us;
	if (job->ask_sink && !cancelled)
		watch_answer(&pipeline->sink_watch, job->sink_answers, now_us);
	if (job->source_answers && pipeline->sink_worker && !cancelled)
		watch_answer(&pipeline->sink_watch, true, now_us);
	pipeline->changed = true;
	free(job);
}

/* Is it to be asked? */
static bool watch_look(struct cluster_watch *watch, uint64_t progress, int64_t now_us)
{
	if (watch->progress != progress && !watch->down)
		watch->heard_us = now_us;
	watch->progress = progress;
	return watch->down || now_us - watch->heard_us > quiet_us;
}

/* In a drain it matters only as long as what a cluster that is down holds up is being ended: a transaction, or the consumer. */
static bool matters(const struct pipeline *pipeline)
{
	switch (pipeline->phase) {
	case PHASE_RUN:
		return true;
	case PHASE_DRAIN:
		return pipeline->sink_call.doing;
	case PHASE_CLOSE:
		return pipeline->sink_call.doing || !source_is_closed(pipeline->source);
	default:
		return false;
	}
}

void pipeline_probe(struct pipeline *pipeline, int64_t now_us)
{
	const struct engine_counters *counters = engine_counters(pipeline->engine);
	bool ask_source = watch_look(&pipeline->source_watch, counters->consumed_records, now_us);
	bool ask_sink = watch_look(&pipeline->sink_watch, counters->acked_records, now_us);
	struct probe_job *job;

	/* With exactly_once both are one cluster, and the sink's worker may be about to replace its producer. */
	if (pipeline->sink_worker) {
		ask_source = ask_source || pipeline->sink_watch.down;
		ask_sink = false;
	}
	if (!matters(pipeline) || pipeline->probing || now_us < pipeline->probe_at_us ||
	    (!ask_source && !ask_sink))
		return;
	job = xcalloc(1, sizeof *job);
	job->pipeline = pipeline;
	if (ask_source)
		source_probe(pipeline->source, &job->source);
	if (ask_sink)
		sink_probe(pipeline->sink, &job->sink);
	job->ask_source = ask_source;
	job->ask_sink = ask_sink && job->sink.client;
	pipeline->probing = true;
	worker_submit(pipeline->worker, "asking whether the clusters answer", probe_run, probe_done, job);
}
