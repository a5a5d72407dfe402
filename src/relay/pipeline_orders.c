/* What a person has decided for blocked partitions, on its way to the engine. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include "base/cleanup.h"
#include "base/memory.h"
#include "relay/pipeline_internal.h"

struct unblock_order {
	struct unblock_order *next; /* an older one */
	char *topic;
	int32_t partition;
	int64_t offset;
	enum unblock how;
	uint64_t number;
};

static void order_free(struct unblock_order *order)
{
	free(order->topic);
	free(order);
}

void pipeline_unblock(struct pipeline *pipeline, const char *topic, int32_t partition, int64_t offset,
    enum unblock how, uint64_t number)
{
	struct unblock_order *order = xcalloc(1, sizeof *order);

	*order = (struct unblock_order){ .topic = xstrdup(topic), .partition = partition, .offset = offset,
		.how = how, .number = number };
	pthread_mutex_lock(&pipeline->orders_lock);
	order->next = pipeline->orders;
	pipeline->orders = order;
	pthread_mutex_unlock(&pipeline->orders_lock);
	/* Only a full counter refuses, and then it is readable anyway. */
	(void)!eventfd_write(pipeline->wake_fd, 1);
}

static const char *words_for(enum unblock how)
{
	switch (how) {
	case UNBLOCK_RETRY:
		return "retry";
	case UNBLOCK_SKIP:
		return "skip";
	case UNBLOCK_DEAD_LETTER:
		return "dead letter";
	}
	return "?";
}

/* The engine's number of a partition; UINT32_MAX: it has never had it. */
static uint32_t find_part(const struct pipeline *pipeline, const struct unblock_order *order)
{
	uint32_t count = engine_part_count(pipeline->engine);

	for (uint32_t part = 0; part < count; part++) {
		const char *topic;
		int32_t partition;

		source_part_name(pipeline->source, part, &topic, &partition);
		if (partition == order->partition && strcmp(topic, order->topic) == 0)
			return part;
	}
	return UINT32_MAX;
}

static void carry_out(struct pipeline *pipeline, const struct unblock_order *order)
{
	uint32_t part = find_part(pipeline, order);
	struct error err = { 0 };

	if (engine_unblock(pipeline->engine, part, order->offset, order->how, order->number, &err) < 0) {
		struct log_place place = LOG_SETTINGS(pipeline->settings);

		place.topic = order->topic;
		place.partition = order->partition;
		place.offset = order->offset;
		log_warning(&place, "unblock (%s) is not carried out: %s", words_for(order->how), err.message);
	}
	pipeline->changed = true;
}

/* Oldest first. */
static struct unblock_order *take_all(struct pipeline *pipeline)
{
	struct unblock_order *newest_first, *oldest_first = NULL;

	pthread_mutex_lock(&pipeline->orders_lock);
	newest_first = TAKE_PTR(pipeline->orders);
	pthread_mutex_unlock(&pipeline->orders_lock);
	while (newest_first) {
		struct unblock_order *order = newest_first;

		newest_first = order->next;
		order->next = oldest_first;
		oldest_first = order;
	}
	return oldest_first;
}

void pipeline_take_orders(struct pipeline *pipeline)
{
	struct unblock_order *orders = take_all(pipeline);

	while (orders) {
		struct unblock_order *order = orders;

		orders = order->next;
		carry_out(pipeline, order);
		order_free(order);
	}
}

void pipeline_on_unblocked(void *host, uint32_t part, int64_t offset, enum unblock how, enum unblock_end end)
{
	struct pipeline *pipeline = host;
	struct log_place place = pipeline_place_of(pipeline, part, offset);

	pipeline->changed = true;
	if (end == UNBLOCK_CARRIED_OUT)
		log_notice(&place, "unblocked (%s): the partition goes on behind offset %" PRId64, words_for(how), offset);
	else if (end == UNBLOCK_REPLACED)
		log_warning(&place,
		    "unblock (%s) is not carried out: the record that was at offset %" PRId64
		    " is not there any more (retention or compaction has taken it, the log was truncated, or the topic created "
		    "anew); what is there now is relayed",
		    words_for(how), offset);
	else
		log_warning(&place,
		    "unblock (%s) is not carried out: the partition was given up before; whoever reads it next is blocked "
		    "at offset %" PRId64 " again, if that is still so",
		    words_for(how), offset);
}

void pipeline_free_orders(struct pipeline *pipeline)
{
	struct unblock_order *orders = take_all(pipeline);

	while (orders) {
		struct unblock_order *order = orders;

		orders = order->next;
		order_free(order);
	}
	pthread_mutex_destroy(&pipeline->orders_lock);
}
