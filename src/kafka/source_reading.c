/* Which partitions librdkafka reads, and the queues through which their records come. */
#include <librdkafka/rdkafka.h>
#include "base/clock.h"
#include "kafka/error_class.h"
#include "kafka/source_internal.h"

struct source_part *source_part_at(struct source *source, const rd_kafka_topic_partition_list_t *list, int i)
{
	return source_part_of(source, list->elems[i].topic, list->elems[i].partition);
}

void source_stop_reading(struct source_part *part)
{
	part->reading = false;
}

/* More than any prefetch holds: one that is still being filled must not hold us up. */
enum { QUEUE_MAX_EVENTS = 1000000 };

/* Whatever lies in a queue, records and errors, holds librdkafka's partition, and the partition its broker's thread.
 * When a client ends, librdkafka (2.0.2 and 2.8.0) empties the queues of those partitions alone that its topics still
 * list: a partition whose topic was deleted is on no list any more, and rd_kafka_destroy() would wait for ever. So a
 * queue that is not read any more is kept, to be emptied when nothing is put into it any more. */
void source_empty_queue(struct source_part *part)
{
	rd_kafka_event_t *event;

	for (int i = 0; i < QUEUE_MAX_EVENTS && part->queue; i++) {
		event = rd_kafka_queue_poll(part->queue, 0);
		if (!event)
			break;
		rd_kafka_event_destroy(event);
	}
}

static void give_up_queue(struct source_part *part)
{
	if (part->queue)
		rd_kafka_queue_destroy(part->queue);
	part->queue = NULL;
}

void source_give_up_queues(struct source *source)
{
	for (uint32_t i = 0; i < source->part_count; i++) {
		source_stop_reading(source->parts[i]);
		source_empty_queue(source->parts[i]);
		give_up_queue(source->parts[i]);
	}
}

/* librdkafka forwards a partition's queue to the consumer's, unless it was told otherwise. */
static void own_queue(struct source *source, struct source_part *part)
{
	give_up_queue(part);
	part->queue = rd_kafka_queue_get_partition(source->consumer, part->topic->name, part->partition);
	if (!part->queue)
		return;
	rd_kafka_queue_forward(part->queue, NULL);
	source_watch_queue(source, part->queue);
}

/* librdkafka numbers the orders that a partition gets, and drops one that comes behind a later number. Between numbering
 * and queueing there is a moment, and two threads give orders: its main thread ends an assignment that replaces another
 * with the order to fetch, some time after rd_kafka_assign() has returned. When an order of ours came in between, and a
 * pause or a resume is one, the partition was never fetched again, and nothing told (2.0.2 to 2.16). So whatever is to be
 * ordered is ordered before, and waited for: afterwards nothing is, before something of it has come, or for so long that
 * it is stalled (source_stalls.c). */
static void make_ready(struct source *source, const rd_kafka_topic_partition_list_t *list)
{
	rd_kafka_topic_partition_list_t *copy = rd_kafka_topic_partition_list_copy(list);

	for (int i = 0; i < list->cnt; i++) {
		struct source_part *part = source_part_at(source, list, i);

		/* Now, so that no record comes through the consumer's queue. */
		own_queue(source, part);
		/* What was read ahead of it counts no more, nor what was said of it. */
		source_empty_queue(part);
	}
	/* It may be paused, as it is not its turn to fetch. (One that is not would be read from where it once began, with
	 * 2.0.2; but so it is not read any more.) */
	if (copy->cnt > 0)
		rd_kafka_resume_partitions(source->consumer, copy);
	rd_kafka_topic_partition_list_destroy(copy);
}

static void begin_reading(struct source *source, const rd_kafka_topic_partition_list_t *list)
{
	for (int i = 0; i < list->cnt; i++) {
		struct source_part *part = source_part_at(source, list, i);

		/* Once more: it may be another one, where the topic was gone meanwhile. */
		own_queue(source, part);
		part->reading = part->queue != NULL;
		source_trust(part);
		source_begin_patience(source, part);
		if (part->reading)
			prefetch_turns_begin(&source->turns, part->number, clock_monotonic_us());
	}
}

/* Of these partitions those that librdkafka has, which it is told to give up. */
rd_kafka_resp_err_t source_take_out(struct source *source, const rd_kafka_topic_partition_list_t *list)
{
	rd_kafka_topic_partition_list_t *had = rd_kafka_topic_partition_list_new(list->cnt + 1);
	rd_kafka_resp_err_t code = RD_KAFKA_RESP_ERR_NO_ERROR;
	rd_kafka_error_t *error;

	for (int i = 0; i < list->cnt; i++) {
		struct source_part *part = source_part_at(source, list, i);

		if (part->taken_up)
			rd_kafka_topic_partition_list_add(had, part->topic->name, part->partition);
		part->taken_up = false;
	}
	/* Also without any: it may be the answer for which librdkafka waits. */
	error = rd_kafka_incremental_unassign(source->consumer, had);
	if (error) {
		code = rd_kafka_error_code(error);
		rd_kafka_error_destroy(error);
	}
	rd_kafka_topic_partition_list_destroy(had);
	return code;
}

/* Cooperative: these come to those that are read, or go on elsewhere. */
static rd_kafka_resp_err_t take_in(struct source *source, const rd_kafka_topic_partition_list_t *list)
{
	rd_kafka_resp_err_t code = RD_KAFKA_RESP_ERR_NO_ERROR;
	rd_kafka_error_t *error;

	for (int i = 0; i < list->cnt && !code; i++)
		if (source_part_at(source, list, i)->taken_up)
			code = source_take_out(source, list);
	error = code ? NULL : rd_kafka_incremental_assign(source->consumer, list);
	if (error) {
		code = rd_kafka_error_code(error);
		rd_kafka_error_destroy(error);
	}
	return code;
}

/* Reads these partitions, each from its offset; with the eager protocol, these and no others. */
void source_assign(struct source *source, const rd_kafka_topic_partition_list_t *list)
{
	rd_kafka_resp_err_t code;
	struct error err;

	make_ready(source, list);
	code = source->cooperative ? take_in(source, list) : rd_kafka_assign(source->consumer, list);
	if (!source->cooperative)
		for (uint32_t i = 0; i < source->part_count; i++)
			source->parts[i]->taken_up = false;
	for (int i = 0; i < list->cnt && !code; i++)
		source_part_at(source, list, i)->taken_up = true;
	if (code) {
		error_class_set(&err, code, "taking up %d partitions (the clients are made anew)", list->cnt);
		err.remedy = REMEDY_RESTART;
		source->events->failed(source->owner, &err);
	} else {
		begin_reading(source, list);
	}
}
