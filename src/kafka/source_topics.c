/* Are the source topics still there, and still the same? librdkafka tells of one that is gone in many ways, some of
 * which a broker that is behind causes too, and none of which ends the reading; of one that was recreated it tells
 * nothing as long as the offset exists. So the cluster is asked. */
#include <errno.h>
#include <librdkafka/rdkafka.h>
#include <stdlib.h>
#include <string.h>
#include "base/clock.h"
#include "base/memory.h"
#include "kafka/source_internal.h"

enum { LOOK_UP_TIMEOUT_MS = 2000 };
static const int64_t doubt_interval_us = USEC_PER_SEC;
/* One answer may be that of a broker that has just started, and knows no topics yet. Until the next one nothing of the topic
 * is committed. */
enum { LOOKS_TO_BE_GONE = 2 };
/* Without any doubt: what was recreated is found that late at most. */
static const int64_t id_interval_us = 10 * USEC_PER_SEC;

/* The question, in the worker. Of the source it reads only what never changes. */
struct look_up_job {
	struct source *source;
	bool ask_existence;
	const char *missing; /* out: the first topic that does not exist; NULL: none, or no answer */
	const char **read;   /* topics whose id is known */
	char (*ids)[TOPIC_ID_SIZE]; /* out: the ids as they are now; "" no answer */
	size_t read_count;
};

bool source_error_means_gone(rd_kafka_resp_err_t code)
{
	return code == RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART || code == RD_KAFKA_RESP_ERR__UNKNOWN_TOPIC ||
	       code == RD_KAFKA_RESP_ERR__UNKNOWN_PARTITION;
}

static bool is_missing(rd_kafka_t *consumer, const char *topic)
{
	rd_kafka_topic_t *handle = rd_kafka_topic_new(consumer, topic, NULL);
	const struct rd_kafka_metadata *metadata;
	rd_kafka_resp_err_t code = rd_kafka_metadata(consumer, 0, handle, &metadata, LOOK_UP_TIMEOUT_MS);
	bool missing = false;

	rd_kafka_topic_destroy(handle);
	if (code)
		return false;
	if (metadata->topic_cnt == 1)
		missing = source_error_means_gone(metadata->topics[0].err);
	rd_kafka_metadata_destroy(metadata);
	return missing;
}

static void look_up_run(struct worker *worker, void *argument)
{
	struct look_up_job *job = argument;
	const struct config_from *from = &job->source->pipeline->from;

	for (size_t i = 0; job->ask_existence && i < from->topic_count && !worker_cancelled(worker); i++) {
		/* What a regular expression matched may come and go. */
		if (from->topics[i][0] != '^' && is_missing(job->source->consumer, from->topics[i])) {
			job->missing = from->topics[i];
			return;
		}
	}
	if (job->read_count > 0 && !worker_cancelled(worker))
		topic_ids_ask(job->source->consumer, job->read, job->read_count, job->ids);
}

/* topic: the one that a look has not found, NULL: none. Is that believed? */
static bool is_missed(struct source *source, const char *topic)
{
	for (size_t i = 0; i < source->topic_count; i++)
		if (!topic || strcmp(source->topics[i]->name, topic))
			source->topics[i]->missed = 0;
	if (!topic)
		return false;
	if (++source_topic_of(source, topic)->missed >= LOOKS_TO_BE_GONE)
		return true;
	source_doubt_topics(source);
	return false;
}

static void topic_is_missing(struct source *source, const char *topic)
{
	struct error err;

	source_topic_of(source, topic)->gone = true;
	error_set(&err, -ENOENT, REMEDY_RESTART,
	    "source topic %s does not exist on cluster \"%s\" any more; relaying goes on when it is there again", topic,
	    source->pipeline->from.cluster->name);
	source->events->failed(source->owner, &err);
}

/* The positions say what becomes of those that are read in another topic than the one of this id. */
static void take_id(struct source *source, const char *topic, const char *id)
{
	for (uint32_t i = 0; i < source->part_count && *id; i++) {
		struct source_part *part = source->parts[i];

		if (part->assigned && part->reading && !part->revoking && !part->reposition && *part->topic_id &&
		    !strcmp(part->topic->name, topic) && strcmp(part->topic_id, id))
			source_reposition(source, part, part->next_offset);
	}
}

static void look_up_done(void *argument, bool cancelled)
{
	struct look_up_job *job = argument;
	struct source *source = job->source;

	source->looking_up = false;
	source->looked_up_us = clock_monotonic_us();
	if (job->ask_existence && !cancelled && !source->closing && is_missed(source, job->missing))
		topic_is_missing(source, job->missing);
	for (size_t i = 0; i < job->read_count && !cancelled && !source->closing; i++)
		take_id(source, job->read[i], job->ids[i]);
	free(job->read);
	free(job->ids);
	free(job);
}

/* The topics that are read and have an id. */
static void add_read_topics(const struct source *source, struct look_up_job *job)
{
	job->read = xcalloc(source->topic_count + 1, sizeof *job->read);
	job->ids = xcalloc(source->topic_count + 1, sizeof *job->ids);
	for (size_t i = 0; i < source->topic_count; i++) {
		const struct source_topic *topic = source->topics[i];
		bool wanted = false;

		for (size_t p = 0; p < topic->part_count && !wanted; p++)
			wanted = topic->parts[p] && topic->parts[p]->reading && *topic->parts[p]->topic_id;
		if (wanted)
			job->read[job->read_count++] = topic->name;
	}
}

void source_doubt_topics(struct source *source)
{
	source->topics_doubted = true;
}

void source_serve_topics(struct source *source)
{
	int64_t now_us = clock_monotonic_us();
	struct look_up_job *job;

	if (source->looking_up || source->closing ||
	    now_us < source->looked_up_us + (source->topics_doubted ? doubt_interval_us : id_interval_us))
		return;
	job = xcalloc(1, sizeof *job);
	job->source = source;
	job->ask_existence = source->topics_doubted;
	add_read_topics(source, job);
	if (!job->ask_existence && job->read_count == 0) {
		source->looked_up_us = now_us;
		free(job->read);
		free(job->ids);
		free(job);
		return;
	}
	source->topics_doubted = false;
	source->looking_up = true;
	worker_submit(source->worker, "asking for the source's topics", look_up_run, look_up_done, job);
}
