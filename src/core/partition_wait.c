#include "core/partition_wait.h"

static const struct {
	const char *name, *words;
} waits[WAIT_COUNT] = {
	[WAIT_NOTHING] = { "nothing", "nothing: it relays" },
	[WAIT_PERSON] = { "person", "a person" },
	[WAIT_TARGET] = { "target", "a broker of the target's cluster: none answers" },
	[WAIT_PRODUCER] = { "producer", "a new producer, after a fault of the last one" },
	[WAIT_SEARCH] = { "search", "the search for a record that the target refuses" },
	[WAIT_REPORT] = { "report", "the delivery report from the target" },
	[WAIT_QUEUE] = { "queue", "room in the producer's queue: the target is slower than the source" },
	[WAIT_WINDOW] = { "window", "room in memory: what is held is not settled yet" },
	[WAIT_COMMIT] = { "commit", "the answer to an offset commit" },
	[WAIT_TRANSACTION] = { "transaction", "the end of the transaction" },
	[WAIT_REBALANCE] = { "rebalance", "the group: who reads it, and from where" },
	[WAIT_RATE] = { "rate", "the limit of the rate" },
	[WAIT_PAUSED] = { "paused", "aloqctl resume: the pipeline is paused" },
	[WAIT_SOURCE] = { "source", "a broker of the source's cluster: none answers" },
	[WAIT_FETCH] = { "fetch", "records from the source, which has some" },
	[WAIT_RECORDS] = { "records", "new records: there is nothing to read" },
};

const char *partition_wait_name(enum partition_wait wait)
{
	return waits[wait].name;
}

const char *partition_wait_words(enum partition_wait wait)
{
	return waits[wait].words;
}

bool partition_wait_is_idle(enum partition_wait wait)
{
	return wait == WAIT_RECORDS || wait == WAIT_PAUSED;
}

/* The offsets are kept by the source's cluster. */
static enum partition_wait commit_of(const struct partition_facts *facts)
{
	if (facts->source_down)
		return WAIT_SOURCE;
	return facts->in_transactions ? WAIT_TRANSACTION : WAIT_COMMIT;
}

static bool commits_are_late(const struct partition_facts *facts)
{
	return facts->uncommitted && facts->uncommitted_us > facts->commit_patience_us;
}

/* It holds records. */
static enum partition_wait wait_to_settle(const struct partition_facts *facts)
{
	if (facts->target_down)
		return WAIT_TARGET;
	if (!facts->producer_open)
		return WAIT_PRODUCER;
	if (facts->oldest_in_flight)
		return WAIT_REPORT;
	if (facts->searching)
		return WAIT_SEARCH;
	if (!facts->oldest_may_be_sent)
		return commit_of(facts);
	return facts->producer_full ? WAIT_QUEUE : WAIT_REPORT;
}

/* All that it has read is settled. */
static enum partition_wait wait_to_read(const struct partition_facts *facts)
{
	if (facts->uncommitted && (facts->stopping || facts->paused || facts->commit_gates_reading))
		return commit_of(facts);
	if (facts->stopping)
		return WAIT_REBALANCE;
	if (facts->paused)
		return WAIT_PAUSED;
	if (!facts->positioned)
		return WAIT_REBALANCE;
	if (!facts->producer_open)
		return facts->target_down ? WAIT_TARGET : WAIT_PRODUCER;
	if (facts->searching)
		return WAIT_SEARCH;
	if (commits_are_late(facts))
		return commit_of(facts);
	if (facts->producer_full)
		return WAIT_QUEUE;
	/* Of a transaction the records are held until its end. */
	if (facts->window_full)
		return facts->in_transactions && facts->uncommitted ? commit_of(facts) : WAIT_WINDOW;
	if (facts->rate_reached && facts->lag != 0)
		return WAIT_RATE;
	if (facts->source_down)
		return WAIT_SOURCE;
	return facts->lag == 0 ? WAIT_RECORDS : WAIT_FETCH;
}

enum partition_wait partition_wait_decide(const struct partition_facts *facts)
{
	enum partition_wait wait;

	if (facts->blocked)
		return WAIT_PERSON;
	wait = facts->unsettled ? wait_to_settle(facts) : wait_to_read(facts);
	if (wait == WAIT_PAUSED || facts->still_us >= PARTITION_MOVES_US)
		return wait;
	/* Also while records go through: what is not committed is repeated after a crash. */
	return commits_are_late(facts) ? commit_of(facts) : WAIT_NOTHING;
}

void partition_watch_look(struct partition_watch *watch, struct partition_facts *facts, int64_t mark, int64_t committed,
    int64_t now_us)
{
	bool is_new = watch->still_since_us == 0;
	bool goes_on_elsewhere = mark < watch->mark && watch->committed != committed;

	/* What an aborted transaction takes back is done again, perhaps for ever. */
	if (is_new || mark > watch->mark || goes_on_elsewhere) {
		watch->still_since_us = now_us;
		watch->mark = mark;
	}
	if (!facts->uncommitted)
		watch->behind_since_us = 0;
	else if (is_new || watch->behind_since_us == 0 || watch->committed != committed)
		watch->behind_since_us = now_us;
	watch->committed = committed;
	facts->still_us = now_us - watch->still_since_us;
	facts->uncommitted_us = watch->behind_since_us ? now_us - watch->behind_since_us : 0;
}

int64_t partition_watch_decide(struct partition_watch *watch, const struct partition_facts *facts, int64_t now_us)
{
	bool was_idle = partition_wait_is_idle(watch->wait);

	watch->wait = partition_wait_decide(facts);
	/* What has just come has not waited while there was nothing: the time begins with it. */
	if (was_idle != partition_wait_is_idle(watch->wait)) {
		watch->still_since_us = now_us;
		if (was_idle && watch->wait != WAIT_PERSON)
			watch->wait = WAIT_NOTHING;
	}
	if (watch->wait == WAIT_NOTHING)
		return 0;
	if (watch->wait == commit_of(facts) && commits_are_late(facts))
		return facts->uncommitted_us;
	return now_us - watch->still_since_us;
}
