/* What librdkafka says of a partition and cannot be believed at once.
 *
 * With read_committed it drops what lies between the first record of an aborted transaction and its marker, by a list that
 * comes with each answer to a fetch. It takes an answer also where the leader has changed to another broker and back
 * since it asked, and then skips what that other one has brought meanwhile: with it the marker, so that it drops what
 * comes behind as well, committed or not (2.0.2 to 2.13, rd_kafka_msgset_reader). All that can be seen of that is a gap
 * in the offsets, which markers and aborted records leave as well. So the partition is read again from where it was
 * when another broker answers, and when the end of the partition, or what comes behind one, leaves a gap: what was
 * fetched before then, and what was asked for, counts no more. A gap that is there again is one of the log. What remains
 * stands in docs/guarantees.md.
 *
 * And a record of another leader epoch than the one before it (the last one read, or committed) may be of a log that was
 * truncated and has grown again past where we are. Seeking with the epoch makes librdkafka ask the leader up to where its
 * log has it (KIP-320), before anything is fetched: either the record comes again, or a reset that says so. librdkafka
 * asks by itself, too, but only where a leader changes while it reads, not for a position that it is given, and not for
 * what it had fetched before. */
#include "kafka/source_internal.h"
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include "base/log.h"
#include "kafka/client.h"

/* librdkafka's main thread answers: at once, unless it is being ended. Before 2.1 librdkafka takes milliseconds for
 * microseconds here, and where that is too short all partitions are assigned anew. */
enum { SEEK_TIMEOUT_MS = 1000, SEEK_TIMEOUT_US = 1000 * SEEK_TIMEOUT_MS };

static int seek_timeout(void)
{
	return client_library_at_least(2, 1, 0) ? SEEK_TIMEOUT_MS : SEEK_TIMEOUT_US;
}

/* Damaged batches are fetched that often before a person is asked to look. */
enum { DAMAGES_TO_BLOCK = 5 };

void source_trust(struct source_part *part)
{
	part->broker = -1;
	part->at_end = false;
	part->validated = false;
	part->doubted = false;
	part->read_again = true;
}

void source_doubt(struct source *source, struct source_part *part)
{
	part->doubted = true;
	source->has_doubts = true;
	eventfd_write(source->wake_fd, 1);
}

static bool is_of_another_epoch(const struct source *source, const struct source_part *part, int32_t leader_epoch)
{
	return source->validates && !part->validated && part->leader_epoch >= 0 && leader_epoch >= 0 &&
	       leader_epoch != part->leader_epoch;
}

static const char *why_not(const struct source *source, const struct source_part *part, int64_t offset, int32_t broker,
    int32_t leader_epoch)
{
	bool is_end = broker == SOURCE_END;

	if (is_of_another_epoch(source, part, leader_epoch))
		return "another leader epoch";
	if (source->pipeline->from.isolation != ISOLATION_READ_COMMITTED || part->read_again)
		return NULL;
	if (!is_end && part->broker >= 0 && broker >= 0 && broker != part->broker)
		return "another broker answers";
	return offset > part->next_offset && (is_end || part->at_end) ? "a gap that may be the client's" : NULL;
}

bool source_believes(
    struct source *source, struct source_part *part, int64_t offset, int32_t broker, int32_t leader_epoch)
{
	bool is_end = broker == SOURCE_END;
	const char *why = part->doubted ? NULL : why_not(source, part, offset, broker, leader_epoch);

	if (part->doubted)
		return false;
	if (why) {
		const struct log_place place = { .pipeline = source->pipeline->name, .member = source->pipeline->member,
			.topic = part->topic->name, .partition = part->partition, .offset = part->next_offset };

		log_debug(&place, "read again from here: %s", why);
		source_doubt(source, part);
		return false;
	}
	part->read_again = part->validated = false;
	part->at_end = is_end;
	part->damages = 0;
	if (!is_end)
		part->broker = broker;
	return true;
}

static void add_place(const struct source *source, struct source_part *part, rd_kafka_topic_partition_list_t *list)
{
	rd_kafka_topic_partition_t *place =
	    rd_kafka_topic_partition_list_add(list, part->topic->name, part->partition);

	place->offset = part->next_offset;
	part->validated = source->validates && part->leader_epoch >= 0;
	if (part->validated)
		leader_epoch_store(&source->epochs, place, part->leader_epoch);
}

void source_serve_doubts(struct source *source)
{
	rd_kafka_topic_partition_list_t *list;
	rd_kafka_error_t *error;

	if (!source->has_doubts)
		return;
	source->has_doubts = false;
	list = rd_kafka_topic_partition_list_new((int)source->part_count);
	for (uint32_t i = 0; i < source->part_count; i++) {
		struct source_part *part = source->parts[i];

		if (!part->doubted)
			continue;
		source_trust(part);
		if (part->reading)
			add_place(source, part, list);
	}
	error = list->cnt > 0 ? rd_kafka_seek_partitions(source->consumer, list, seek_timeout()) : NULL;
	/* Its fetching has ended, and that may have been among what counts no more: all the way round. */
	for (int i = list->cnt - 1; i >= 0; i--)
		if (!error && !list->elems[i].err)
			rd_kafka_topic_partition_list_del_by_idx(list, i);
	source_cannot_seek(source, list);
	for (uint32_t i = 0; i < source->part_count; i++)
		source->parts[i]->stall_doubted = false;
	if (error)
		rd_kafka_error_destroy(error);
	rd_kafka_topic_partition_list_destroy(list);
}

/* What librdkafka's words for a reset tell, and nothing else of it does. Those for a question about the epoch that could
 * not be asked (until 2.3) have no end offset, nor has an offset that is out of range: that says a broker that was deposed
 * as well, as long as it is taken for the leader (before 2.1 librdkafka believes a broker that has been frozen and still
 * thinks so). Whether that is a truncation, the log's end tells. Where there are epochs to ask for, the first record that
 * comes then has another one. */
static const char end_words[] = "broker end offset is ";

void source_take_reset(struct source *source, struct source_part *part, rd_kafka_event_t *event)
{
	const char *end = strstr(rd_kafka_event_error_string(event), end_words);

	/* If the log has it when the positions are looked for, it has grown since. */
	if (end) {
		part->cut = true;
		part->cut_read_to = part->next_offset;
		part->cut_at = strtoll(end + sizeof end_words - 1, NULL, 10);
	}
	source_reposition(source, part, part->next_offset);
}

bool source_error_means_damage(rd_kafka_resp_err_t code)
{
	return code == RD_KAFKA_RESP_ERR__BAD_MSG || code == RD_KAFKA_RESP_ERR__BAD_COMPRESSION ||
	       code == RD_KAFKA_RESP_ERR__NOT_IMPLEMENTED;
}

void source_take_damage(struct source *source, struct source_part *part, rd_kafka_resp_err_t code, struct error *err)
{
	/* librdkafka goes on behind what it cannot read. */
	if (code == RD_KAFKA_RESP_ERR__NOT_IMPLEMENTED) {
		error_prefix(err, "the batch at offset %" PRId64 " has a format or compression that librdkafka %s cannot read "
		    "(use a newer one, or stop the pipeline, set the group's offset behind the batch, and start it)",
		    part->next_offset, rd_kafka_version_str());
	} else if (++part->damages < DAMAGES_TO_BLOCK) {
		source->host.trouble(source->host.host, part->number, err);
		source_doubt(source, part);
		return;
	} else {
		error_prefix(err, "the batch at offset %" PRId64 " cannot be read, after %u tries (look at the brokers' disks "
		    "and logs; once it is mended, aloqctl unblock --retry; or stop the pipeline, set the group's offset "
		    "behind the batch, and start it)",
		    part->next_offset, part->damages);
	}
	err->remedy = REMEDY_PERSON;
	part->reading = false;
	source->events->blocked(source->owner, part->number, part->next_offset, err);
}
