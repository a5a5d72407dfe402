/* partition_wait.h: what a partition waits for, decided from what the engine and the pipeline know of it. Pure.
 *
 * One word for each answer, and the same everywhere: JSON, metrics, aloqctl and the page. Of several things that are
 * wrong the one is told that has to end first: what a person must do comes before what waits for it. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum partition_wait {
	WAIT_NOTHING,	 /* it relays */
	WAIT_PERSON,	 /* blocked: a record, or a gap of the source, that somebody must decide on */
	WAIT_TARGET,	 /* no broker of the target's cluster answers */
	WAIT_PRODUCER,	 /* a producer that has failed is replaced */
	WAIT_SEARCH,	 /* one of several records is refused, and sought: nothing else is sent meanwhile */
	WAIT_REPORT,	 /* of a record that has been sent */
	WAIT_QUEUE,	 /* the producer takes no more: the target is slower than the source */
	WAIT_WINDOW,	 /* its share of the memory holds records that are not settled yet, its own or others' */
	WAIT_COMMIT,	 /* the answer to an offset commit */
	WAIT_TRANSACTION, /* the end of the transaction */
	WAIT_REBALANCE,	 /* the group, or where to read from, is not settled */
	WAIT_RATE,	 /* the limit of the rate */
	WAIT_PAUSED,	 /* somebody has paused the pipeline */
	WAIT_SOURCE,	 /* no broker of the source's cluster answers */
	WAIT_FETCH,	 /* the source has records, and none comes */
	WAIT_RECORDS,	 /* nothing to read */
	WAIT_COUNT,
};

/* What is known of one partition. Times in us. */
struct partition_facts {
	bool blocked;		 /* it waits for a person */
	bool stopping;		 /* it is being given up: a rebalance, or a drain */
	bool paused;
	bool positioned;	 /* the source reads it, or could */
	bool source_down, target_down;
	bool producer_open;	 /* false: it is being replaced */
	bool producer_full;	 /* the last record was not taken */
	bool searching;		 /* a refused record is sought, and this partition may not send */
	bool unsettled;		 /* it holds records that are not settled */
	bool oldest_in_flight;	 /* then: the oldest of them has been sent */
	bool oldest_may_be_sent; /* then: nothing but the producer keeps it from being sent */
	bool uncommitted;	 /* something is to be committed */
	bool in_transactions;	 /* exactly_once */
	bool window_full;
	bool commit_gates_reading; /* commit.mode = "sync": it reads no further until what it has is committed */
	bool rate_reached;
	int64_t lag;		 /* -1 unknown */
	int64_t still_us;	 /* since its mark has moved, or since it had nothing to do */
	int64_t uncommitted_us;	 /* since its commits have fallen behind; 0: they have not */
	int64_t commit_patience_us; /* so long they may: the interval, and the time for an answer */
};

/* Below this a partition that has moved is taken for one that relays: what each of its records waits for on the way is
 * no news. */
#define PARTITION_MOVES_US INT64_C(1000000)

enum partition_wait partition_wait_decide(const struct partition_facts *facts);

/* "report": in JSON and metrics, and never renamed. */
const char *partition_wait_name(enum partition_wait wait);

/* "the delivery report from the target": for a person, behind "waits for". */
const char *partition_wait_words(enum partition_wait wait);

/* Has it nothing to do, or been told to do nothing? Such a wait may last. */
bool partition_wait_is_idle(enum partition_wait wait);

/* How long a partition has stood still, for which reason. The owner keeps one for each; zeroed at first. */
struct partition_watch {
	int64_t mark; /* the furthest one */
	int64_t committed;
	int64_t still_since_us;
	int64_t behind_since_us; /* 0: its commits are not behind */
	enum partition_wait wait;
};

/* Looks at its offsets and fills still_us and uncommitted_us of the facts. A mark that falls back, and comes again to where
 * it was, has not moved, unless another offset is committed. */
void partition_watch_look(struct partition_watch *watch, struct partition_facts *facts, int64_t mark, int64_t committed,
    int64_t now_us);

/* Decides, and remembers since when: watch->wait. Returns how long it has waited, in us; 0 when it relays. The time is
 * that since it has last moved, whatever it has waited for meanwhile; what it waits for by turns is no progress. */
int64_t partition_watch_decide(struct partition_watch *watch, const struct partition_facts *facts, int64_t now_us);
