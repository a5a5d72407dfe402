/* Offsets: committed through the group, or handed to a transaction. */
#include "kafka/source_internal.h"
#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include "base/cleanup.h"
#include "base/memory.h"
#include "kafka/commit_answers.h"
#include "kafka/error_class.h"
#include "kafka/group_token.h"

rd_kafka_topic_partition_list_t *source_offsets(const struct source *source, const struct mark *marks, size_t count)
{
	rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new((int)count);

	for (size_t i = 0; i < count; i++) {
		const struct source_part *part = source->parts[marks[i].part];
		rd_kafka_topic_partition_t *item =
		    rd_kafka_topic_partition_list_add(list, part->topic->name, part->partition);

		item->offset = marks[i].offset;
		leader_epoch_store(&source->epochs, item, marks[i].leader_epoch);
		topic_id_store(item, part->topic_id);
	}
	return list;
}

/* Not where its position is being resolved anew, and the log may be a shorter one: an offset from before would be
 * committed over the one that comes of it. Nor where its topic is gone, or may be: the group's offsets were deleted with
 * it, and one that is committed now would be taken for an offset of the topic that was made in its place. */
static bool may_be_sent(const struct source *source, const struct mark *mark)
{
	const struct source_part *part = source->parts[mark->part];

	return !part->reposition && !part->topic->gone && part->topic->missed == 0;
}

void source_commit(void *context, const struct mark *marks, size_t count)
{
	struct source *source = context;
	_cleanup_free_ struct mark *sent = xcalloc(count, sizeof *sent);
	rd_kafka_topic_partition_list_t *list;
	size_t sent_count = 0;

	source->marks = xreallocarray(source->marks, count, sizeof *marks);
	memcpy(source->marks, marks, count * sizeof *marks);
	source->mark_count = count;
	source->commit_outstanding = true;
	for (size_t i = 0; i < count; i++)
		if (may_be_sent(source, &marks[i]))
			sent[sent_count++] = marks[i];
	list = source_offsets(source, sent, sent_count);
	commit_answers_expect(source->commit_answers, list);
	/* Both told from serve, like every answer. */
	source->commit_held = list->cnt == 0;
	source->commit_refused = list->cnt == 0
				     ? RD_KAFKA_RESP_ERR_NO_ERROR
				     : rd_kafka_commit_queue(source->consumer, list, source->commit_queue, NULL, NULL);
	rd_kafka_topic_partition_list_destroy(list);
}

/* What has become of one offset. */
struct answer {
	bool sent;
	rd_kafka_resp_err_t code;
};

static struct answer answer_to(const struct source *source, const struct mark *mark)
{
	const struct source_part *part = source->parts[mark->part];
	struct answer answer;

	answer.sent = commit_answers_find(source->commit_answers, part->topic->name, part->partition, &answer.code);
	return answer;
}

/* One partition that does not exist makes its topic gone, and all others of it are answered the same then: those that
 * were left out, and those that were taken, but maybe for the topic that was made in its place. What these had committed
 * with at_most_once is not written any more: lost, and counted. */
static void note_gone_topics(struct source *source, const struct answer *answers)
{
	for (size_t i = 0; i < source->mark_count; i++)
		if (answers[i].code == RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART)
			source->parts[source->marks[i].part]->topic->gone = true;
}

/* code: of the commit as a whole. */
static void answer_commit(struct source *source, rd_kafka_resp_err_t code)
{
	_cleanup_free_ struct answer *answers = xcalloc(source->mark_count, sizeof *answers);
	struct error worst;

	error_clear(&worst);
	commit_answers_end(source->commit_answers, code);
	for (size_t i = 0; i < source->mark_count; i++)
		answers[i] = answer_to(source, &source->marks[i]);
	note_gone_topics(source, answers);
	for (size_t i = 0; i < source->mark_count; i++) {
		struct mark *mark = &source->marks[i];
		const struct source_part *part = source->parts[mark->part];
		rd_kafka_resp_err_t why =
		    part->topic->gone ? RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART : answers[i].code;

		mark->error = part->topic->gone ? -ENOENT : why || !answers[i].sent ? -EIO : 0;
		if (why && (!worst.code || error_class_remedy(why) > worst.remedy))
			error_class_set(&worst, why, "commit of %s [%" PRId32 "] at offset %" PRId64, part->topic->name,
			    part->partition, mark->offset);
	}
	source->commit_outstanding = false;
	source->events->commit_done(source->owner, source->marks, source->mark_count, worst.code ? &worst : NULL);
}

void source_serve_commits(struct source *source)
{
	rd_kafka_event_t *event;

	if (source->commit_outstanding && (source->commit_refused || source->commit_held)) {
		rd_kafka_resp_err_t code = source->commit_refused;

		source->commit_refused = RD_KAFKA_RESP_ERR_NO_ERROR;
		source->commit_held = false;
		answer_commit(source, code);
	}
	while ((event = rd_kafka_queue_poll(source->commit_queue, 0)) != NULL) {
		if (rd_kafka_event_type(event) == RD_KAFKA_EVENT_OFFSET_COMMIT && source->commit_outstanding)
			answer_commit(source, rd_kafka_event_error(event));
		rd_kafka_event_destroy(event);
	}
}

/* Is a topic gone, or may it be, that is still ours? The group's offsets on it went with it. */
static bool has_gone(const struct source *source)
{
	for (uint32_t i = 0; i < source->part_count; i++)
		if (source->parts[i]->assigned &&
		    (source->parts[i]->topic->gone || source->parts[i]->topic->missed > 0))
			return true;
	return false;
}

/* A transaction holds all its offsets or none, so it waits where a commit would leave some out. */
void *source_group_token(void *context)
{
	struct source *source = context;
	struct group_token *token = NULL;

	if (!source_is_moving(source) && !has_gone(source))
		token = group_token_new(source->consumer, source);
	if (token)
		source->tokens++;
	return token;
}

void source_free_group_token(void *context, void *token)
{
	struct source *source = context;

	source->tokens--;
	group_token_free(token);
}
