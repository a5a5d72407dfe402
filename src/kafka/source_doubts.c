/* What librdkafka says of a partition and cannot be believed at once.
 *
 * With read_committed it drops what lies between the first record of an aborted transaction and its marker, by a list that
 * comes with each answer to a fetch. It takes an answer also where the leader has changed to another broker and back
 * since it asked, and then skips what that other one has brought meanwhile: with it the marker, so that it drops what
 * comes behind as well, committed or not (2.0.2 to 2.13, rd_kafka_msgset_reader). All that can be seen of that is a gap
 * in the offsets, which markers and aborted records leave as well. So where the broker has changed, and where nothing
 * shows whether it has, the partition is read again from where it was: what was fetched before then, and what was asked
 * for, counts no more. A gap that is there again is one of the log. */
#include "kafka/source_internal.h"
#include <inttypes.h>
#include "base/log.h"

/* librdkafka's main thread answers: at once, unless it is being ended. */
enum { SEEK_TIMEOUT_MS = 1000 };

/* Damaged batches are fetched that often before a person is asked to look. */
enum { DAMAGES_TO_BLOCK = 5 };

void source_trust(struct source_part *part)
{
	part->broker = -1;
	part->at_end = false;
	part->read_again = true;
	part->damages = 0;
}

static void read_again(struct source *source, struct source_part *part)
{
	rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(1);
	rd_kafka_topic_partition_t *item =
	    rd_kafka_topic_partition_list_add(list, part->topic->name, part->partition);
	rd_kafka_error_t *error;
	bool done;

	item->offset = part->next_offset;
	error = rd_kafka_seek_partitions(source->consumer, list, SEEK_TIMEOUT_MS);
	done = !error && !item->err;
	if (error)
		rd_kafka_error_destroy(error);
	rd_kafka_topic_partition_list_destroy(list);
	/* Its fetching has ended, and that may have been among what counts no more: all the way round. */
	if (!done)
		source_reposition(source, part, part->next_offset);
}

bool source_believes(struct source *source, struct source_part *part, int64_t offset, int32_t broker)
{
	bool is_end = broker == SOURCE_END;
	bool has_moved = !is_end && part->broker >= 0 && broker >= 0 && broker != part->broker;
	bool has_gap = offset > part->next_offset && (is_end || part->at_end);

	if (source->pipeline->from.isolation == ISOLATION_READ_COMMITTED && !part->read_again &&
	    (has_moved || has_gap)) {
		const struct log_place place = { .pipeline = source->pipeline->name, .member = source->pipeline->member,
			.topic = part->topic->name, .partition = part->partition, .offset = part->next_offset };

		log_debug(&place, "read again from here: %s",
		    has_moved ? "another broker answers" : "a gap that may be the client's");
		source_trust(part);
		read_again(source, part);
		return false;
	}
	part->read_again = false;
	part->at_end = is_end;
	part->damages = 0;
	if (!is_end)
		part->broker = broker;
	return true;
}

bool source_error_means_damage(rd_kafka_resp_err_t code)
{
	return code == RD_KAFKA_RESP_ERR__BAD_MSG || code == RD_KAFKA_RESP_ERR__BAD_COMPRESSION ||
	       code == RD_KAFKA_RESP_ERR__NOT_IMPLEMENTED;
}

void source_take_damage(struct source *source, struct source_part *part, struct error *err)
{
	unsigned damages = part->damages + 1;

	/* librdkafka goes on behind what it cannot read. */
	if (damages < DAMAGES_TO_BLOCK) {
		source->host.trouble(source->host.host, err);
		source_trust(part);
		part->damages = damages;
		read_again(source, part);
		return;
	}
	err->remedy = REMEDY_PERSON;
	error_prefix(err, "the batch at offset %" PRId64 " cannot be read, after %u tries (look at the brokers' disks and logs; "
	    "once it is mended, or the group's offset has been set behind it, restart aloqd)", part->next_offset, damages);
	part->reading = false;
	source->events->blocked(source->owner, part->number, part->next_offset, err);
}
