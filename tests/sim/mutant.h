/* mutant.h: the ways in which the relay can be made to break its promise: the checker must see each. */
#pragma once
#include "core/delivery.h"

enum mutant {
	MUTANT_NONE,
	MUTANT_COMMIT_BEYOND,	     /* commits one record beyond the mark */
	MUTANT_COMMIT_TWICE,	     /* sends a commit while one is in flight */
	MUTANT_DROP_CHUNK,	     /* loses a chunk between source and engine */
	MUTANT_SWAP_CHUNKS,	     /* sends two chunks in the wrong order */
	MUTANT_SUBMIT_TWICE,	     /* sends a chunk a second time */
	MUTANT_ACK_ON_SUBMIT,	     /* takes what it has handed over for delivered */
	MUTANT_LATE_REPORT_COUNTS,   /* lets the report of an ended epoch settle a present record */
	MUTANT_REFUSED_IS_ACKED,     /* takes a refused record for delivered */
	MUTANT_FAILED_IS_ACKED,	     /* takes a failed record for delivered */
	MUTANT_IGNORE_LOST,	     /* goes on with a partition that it has lost */
	MUTANT_IGNORE_REVOKE,	     /* does not give up a revoked partition */
	MUTANT_IGNORE_POSITION,	     /* never gets past the markers at the end */
	MUTANT_LEAK_CHUNK,	     /* does not give a chunk back */
	MUTANT_RELEASE_TWICE,	     /* gives one back twice */
	MUTANT_RELEASE_EARLY,	     /* gives one back while it is on its way */
	MUTANT_READ_TOO_MUCH,	     /* does not keep to its window */
	MUTANT_IGNORE_RATE,	     /* reads as fast as it can */
	MUTANT_IGNORE_PAUSE,	     /* reads on while it is paused */
	MUTANT_RETRY_SKIPS,	     /* skips a record that a person has told it to try again */
	MUTANT_DECIDES_BY_OFFSET,    /* takes what a person has decided for the word on another record at the same offset */
	MUTANT_UNBLOCK_AHEAD,	     /* reads on one record too far when a partition is unblocked */
	MUTANT_REPEATS_UNCOUNTED,    /* does not count what it sends again */
	MUTANT_FORGETS_LIFE,	     /* ... that it had sent before its clients were made anew */
	MUTANT_DRAIN_LIES,	     /* calls every drain clean */
	MUTANT_SKIP_GOOD,	     /* takes a good record for one that the target refuses */
	MUTANT_DEAD_LETTER_ON_SUBMIT, /* takes a dead letter that it has handed over for written */
	MUTANT_DEAD_LETTER_LOST,     /* takes one for written that it has never sent */
	MUTANT_DEAD_LETTER_TWICE,    /* writes it twice */
	MUTANT_POISON_AGAIN,	     /* sends what is known to be at fault again, to its target */
	MUTANT_COMMIT_FAILURE_IS_OK, /* takes a failed commit for a good one, and produces (at_most_once) */
	MUTANT_LOSS_UNTOLD,	     /* does not name what it loses (at_most_once) */
	MUTANT_ABORT_IS_COMMIT,	     /* takes an aborted transaction for a committed one */
	MUTANT_UNKNOWN_IS_ABORT,     /* goes on from memory when the outcome is not known */
	MUTANT_KEEP_PRODUCER,	     /* goes on with the same producer after a transaction that was not committed */
	MUTANT_COUNT,
};

struct mutant_info {
	const char *name;
	enum delivery delivery; /* where it shows */
};

extern const struct mutant_info mutants[MUTANT_COUNT];
