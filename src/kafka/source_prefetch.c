/* What is fetched ahead of all partitions together stays within a bound: see core/prefetch_turns.h. */
#include "base/clock.h"
#include "base/log.h"
#include "kafka/source_internal.h"

static const int64_t look_interval_us = 10 * USEC_PER_MSEC;

static void look_at_queues(struct source *source)
{
	for (uint32_t i = 0; i < source->part_count; i++) {
		struct source_part *part = source->parts[i];
		size_t held = part->queue ? rd_kafka_queue_length(part->queue) : 0;

		if (!part->queue)
			prefetch_turns_end(&source->turns, part->number);
		else if (prefetch_turns_may_fetch(&source->turns, part->number))
			prefetch_turns_held(&source->turns, part->number, held);
		else if (held > 0)
			/* An answer that was on its way when the partition was paused. It is out of date, and
			 * librdkafka throws it away when someone asks for it: it may be long until the engine does. */
			source_take_events(source, part, UINT32_MAX);
	}
}

static void tell_once(struct source *source)
{
	if (source->turns_told)
		return;
	source->turns_told = true;
	log_info(&LOG_SETTINGS(source->pipeline),
	    "its partitions take turns to fetch: together they would hold more than the %llu MiB that aloqd.memory leaves "
	    "for that",
	    (unsigned long long)(source->turns.bound_bytes >> 20));
}

/* Pausing throws away what was fetched of a partition and not yet read; resumed, it goes on behind the last record
 * that was read. */
void source_bound_prefetch(struct source *source)
{
	int64_t now_us = clock_monotonic_us();
	rd_kafka_topic_partition_list_t *pause, *resume;
	const uint32_t *changes;
	size_t count;

	/* A consumer that is being closed may not answer any more, and pausing waits for its answer. */
	if (source->closing || now_us < source->look_us)
		return;
	source->look_us = now_us + look_interval_us;
	look_at_queues(source);
	count = prefetch_turns_decide(&source->turns, now_us, &changes);
	if (count == 0)
		return;
	tell_once(source);
	pause = rd_kafka_topic_partition_list_new((int)count);
	resume = rd_kafka_topic_partition_list_new((int)count);
	for (size_t i = 0; i < count; i++) {
		const struct source_part *part = source->parts[changes[i]];

		rd_kafka_topic_partition_list_add(
		    prefetch_turns_may_fetch(&source->turns, part->number) ? resume : pause, part->topic->name,
		    part->partition);
	}
	if (pause->cnt > 0)
		rd_kafka_pause_partitions(source->consumer, pause);
	if (resume->cnt > 0) {
		rd_kafka_resume_partitions(source->consumer, resume);
		fetch_waker_hurry(&source->waker);
	}
	rd_kafka_topic_partition_list_destroy(pause);
	rd_kafka_topic_partition_list_destroy(resume);
}
