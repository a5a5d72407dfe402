/* Is a partition still fetched? librdkafka can stop fetching one and tell nobody (source_reading.c has one way, and avoids
 * it), and the end of its log, by which the lag is told, is known from what was fetched. So where nothing comes of
 * partitions that are read, the brokers are asked where their logs end: that is told, and one that stands before its end
 * is read anew: alone, at first, which disturbs no other. It may also be that it waits for its turn: where a slow network
 * brings the backlog of a thousand partitions, one of them may be silent for minutes. If it does not help it is
 * repositioned, which with the eager protocol throws away what is fetched of all of them; so that is done for all
 * together, and ever more seldom.
 *
 * That nothing comes is seen by the partition's queue, which holds whatever the engine does not take: while the pipeline
 * is paused, a partition blocked or a limit reached, there is something in it, or nothing to fetch. Where the log ends
 * is asked with the pipeline's isolation level: an open transaction ends it. Markers and aborted records before the end
 * are passed by the end of the partition, which is an event in the queue. */
#include <stdlib.h>
#include "base/cleanup.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/memory.h"
#include "kafka/client.h"
#include "kafka/log_ends.h"
#include "kafka/source_internal.h"

/* librdkafka asks anew who leads the partitions after topic.metadata.refresh.interval.ms, 30 s unless it is set, and what
 * it has missed of that it finds then. Where nothing has come since nobody else will mend it. Not later, whatever that is
 * set to: so long the lag is not true. */
static const int64_t silence_max_us = 30 * USEC_PER_SEC;
/* From the answer on: librdkafka may be about to fetch. */
static const int64_t second_look_us = 5 * USEC_PER_SEC;
/* One stall after another, with nothing in between: the distance doubles that often. */
enum { DOUBLINGS_MAX = 5 };
static const int64_t look_interval_us = 500 * USEC_PER_MSEC;

/* The question, in the worker. */
struct ends_job {
	struct source *source;
	struct log_end *ends;
	size_t count;
};

void source_prepare_stalls(struct source *source)
{
	int64_t refresh_us = source_look_interval_us(source);
	/* What is on its way of a fetch is given up after this, and asked for again: no stall before nothing has come for so
	 * long. That has passed where a partition was idle before its log went on: there it is the second look alone. */
	int64_t fetch_us = client_setting_us(source->consumer, "socket.timeout.ms") +
			   client_setting_us(source->consumer, "fetch.wait.max.ms");

	source->silence_us = refresh_us < silence_max_us ? refresh_us : silence_max_us;
	source->stall_us = source->silence_us > fetch_us ? source->silence_us : fetch_us;
}

/* ---- the question ---- */

static void ask_run(struct worker *worker, void *argument)
{
	struct ends_job *job = argument;

	log_ends_ask(job->source->consumer, job->ends, job->count, worker);
}

static void take_end(struct source_part *part, int64_t log_end, int64_t now_us)
{
	struct fetch_watch *watch = &part->watch;

	/* It was about another position, or something has come since. */
	if (part->epoch != watch->epoch || part->next_offset != watch->position)
		return;
	watch->log_end = log_end;
	if (log_end <= part->next_offset)
		watch->behind_since_us = 0;
	else if (watch->behind_since_us == 0)
		watch->behind_since_us = now_us;
}

/* What was known is too old to say that it is behind. It is asked again soon. */
static void ask_soon(const struct source *source, struct fetch_watch *watch, int64_t now_us)
{
	watch->behind_since_us = 0;
	if (source->silence_us > second_look_us)
		watch->asked_us = now_us - source->silence_us + second_look_us;
}

static void begin_patience(const struct source *source, struct fetch_watch *watch, int64_t now_us)
{
	watch->patient_since_us = now_us;
	ask_soon(source, watch, now_us);
}

static void take_answer(struct source *source, const struct log_end *end, int64_t now_us)
{
	struct source_part *part = source->parts[end->number];
	struct fetch_watch *watch = &part->watch;

	watch->asked_apart = end->answer != LOG_END_KNOWN;
	switch (end->answer) {
	case LOG_END_KNOWN:
		watch->failed_us = 0;
		take_end(part, end->offset, now_us);
		break;
	case LOG_END_FAILED:
		/* A leader that does not answer is no silent partition: it has its time from when that does. */
		watch->failed_us = now_us;
		begin_patience(source, watch, now_us);
		break;
	case LOG_END_UNASKED:
		ask_soon(source, watch, now_us);
		break;
	}
}

static void ask_done(void *argument, bool cancelled)
{
	struct ends_job *job = argument;
	struct source *source = job->source;
	int64_t now_us = clock_monotonic_us();

	source->asking_ends = false;
	for (size_t i = 0; i < job->count && !cancelled; i++)
		take_answer(source, &job->ends[i], now_us);
	free(job->ends);
	free(job);
}

static void add_question(const struct source *source, struct ends_job *job, struct source_part *part, int64_t now_us)
{
	struct fetch_watch *watch = &part->watch;

	if (!job->ends)
		job->ends = xcalloc(source->part_count, sizeof *job->ends);
	job->ends[job->count++] = (struct log_end){ .number = part->number,
		.topic = part->topic->name,
		.partition = part->partition,
		.apart = watch->asked_apart,
		.failed_us = watch->failed_us };
	watch->asked_us = now_us;
}

static void ask(struct source *source, const struct ends_job *question)
{
	struct ends_job *job = xcalloc(1, sizeof *job);

	*job = *question;
	source->asking_ends = true;
	log_debug(
	    &LOG_SETTINGS(source->pipeline), "nothing comes of %zu partitions: asks where their logs end", job->count);
	worker_submit(source->worker, "asking for the ends of the source's logs", ask_run, ask_done, job);
}

/* ---- the look ---- */

static bool may_hear(const struct source *source, const struct source_part *part)
{
	/* Until a rebalance is answered, librdkafka fetches nothing. */
	return source->rebalance == REBALANCE_NONE && part->assigned && part->reading && !part->revoking &&
	       !part->doubted && !part->reposition && prefetch_turns_may_fetch(&source->turns, part->number);
}

/* Has anything come of it since the last look, or is there nothing to come? */
static bool is_heard(const struct source *source, const struct source_part *part)
{
	const struct fetch_watch *watch = &part->watch;

	return !may_hear(source, part) || rd_kafka_queue_length(part->queue) > 0 || part->epoch != watch->epoch ||
	       part->next_offset != watch->position;
}

/* Only a record or an end that lies further on shows that it is fetched: a new epoch at the old place does not, nor what
 * may lie in the queue of an older one. */
static void begin_watch(const struct source_part *part, struct fetch_watch *watch, int64_t now_us)
{
	bool stands = part->next_offset == watch->position;

	*watch = (struct fetch_watch){ .epoch = part->epoch,
		.position = part->next_offset,
		.quiet_since_us = now_us,
		.patient_since_us = now_us,
		.asked_us = now_us,
		.asked_apart = watch->asked_apart,
		.failed_us = watch->failed_us,
		.stalls = stands ? watch->stalls : 0,
		.log_end = stands ? watch->log_end : -1 };
}

/* Partitions are being repositioned. */
static void begin_hold(struct source *source, int64_t now_us)
{
	if (now_us - source->stall_hold_us > source->stall_us << DOUBLINGS_MAX)
		source->stall_rounds = 0;
	source->stall_hold_us = now_us + (source->stall_us << source->stall_rounds);
	if (source->stall_rounds < DOUBLINGS_MAX)
		source->stall_rounds++;
}

/* Those that wait for it are told to be stalled once more, by and by, and repositioned then. */
static bool is_held(const struct source *source, int64_t now_us)
{
	return now_us < source->stall_hold_us;
}

/* Only what needs no other partition to be assigned anew. */
static void read_anew_alone(struct source *source, struct source_part *part)
{
	rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(1);

	rd_kafka_topic_partition_list_add(list, part->topic->name, part->partition);
	rd_kafka_resume_partitions(source->consumer, list);
	rd_kafka_topic_partition_list_destroy(list);
	/* If its fetching has ended that is told. */
	part->stall_doubted = true;
	source_doubt(source, part);
}

static void end_stall(struct source *source, struct source_part *part, int64_t now_us)
{
	struct fetch_watch *watch = &part->watch;

	source->host.stalled(source->host.host, part->number, part->next_offset, watch->log_end,
	    now_us - watch->quiet_since_us, watch->stalls);
	if (watch->stalls == 0)
		read_anew_alone(source, part);
	else
		source_reposition(source, part, part->next_offset);
	if (watch->stalls < DOUBLINGS_MAX)
		watch->stalls++;
	begin_watch(part, watch, now_us);
}

void source_begin_patience(const struct source *source, struct source_part *part)
{
	part->stall_doubted = false;
	begin_patience(source, &part->watch, clock_monotonic_us());
}

void source_cannot_seek(struct source *source, const rd_kafka_topic_partition_list_t *list)
{
	int64_t now_us = clock_monotonic_us();
	bool holds = is_held(source, now_us);
	bool repositions = false;

	for (int i = 0; i < list->cnt; i++) {
		struct source_part *part = source_part_at(source, list, i);

		if (holds && part->stall_doubted)
			continue;
		repositions = repositions || part->stall_doubted;
		source_reposition(source, part, part->next_offset);
	}
	if (repositions)
		begin_hold(source, now_us);
}

static bool is_stalled(const struct source *source, const struct fetch_watch *watch, int64_t now_us)
{
	return watch->behind_since_us > 0 && now_us - watch->behind_since_us >= second_look_us &&
	       now_us - watch->patient_since_us >= source->stall_us << watch->stalls;
}

static bool is_to_be_asked(const struct source *source, const struct fetch_watch *watch, int64_t now_us)
{
	/* Behind already, it is asked again sooner: the lag grows. */
	int64_t wait_us = watch->behind_since_us > 0 && second_look_us < source->silence_us ? second_look_us
											     : source->silence_us;

	return now_us - watch->quiet_since_us >= source->silence_us && now_us - watch->asked_us >= wait_us;
}

void source_serve_stalls(struct source *source)
{
	int64_t now_us = clock_monotonic_us();
	struct ends_job question = { .source = source };
	bool repositions = false;
	bool holds;

	if (source->closing || now_us < source->stall_look_us)
		return;
	holds = is_held(source, now_us);
	source->stall_look_us = now_us + look_interval_us;
	for (uint32_t i = 0; i < source->part_count; i++) {
		struct source_part *part = source->parts[i];
		struct fetch_watch *watch = &part->watch;

		if (is_heard(source, part)) {
			begin_watch(part, watch, now_us);
		} else if (is_stalled(source, watch, now_us) && !(holds && watch->stalls > 0)) {
			repositions = repositions || watch->stalls > 0;
			end_stall(source, part, now_us);
		} else if (!source->asking_ends && is_to_be_asked(source, watch, now_us)) {
			add_question(source, &question, part, now_us);
		}
	}
	if (repositions)
		begin_hold(source, now_us);
	if (question.count > 0)
		ask(source, &question);
}
