/* block.h: what a partition is blocked by, and what a person may decide for it. Pure. */
#pragma once

enum block {
	BLOCK_NONE,
	BLOCK_RECORD, /* one that the target refuses for ever */
	BLOCK_BATCH,  /* several that are sent as one, of which that is so */
	BLOCK_GAP,    /* of the source */
	BLOCK_SOURCE, /* something else that keeps the source from reading */
};

enum unblock {
	UNBLOCK_RETRY,	     /* try again what has failed */
	UNBLOCK_SKIP,	     /* go on without the record, or without the records of the gap: they are lost, and counted */
	UNBLOCK_DEAD_LETTER, /* the record goes to the topic for dead letters */
};

/* What has become of what a person decided. */
enum unblock_end {
	UNBLOCK_CARRIED_OUT,
	UNBLOCK_GIVEN_UP, /* the partition was, before: whoever reads it next is blocked again */
	UNBLOCK_REPLACED, /* the record is not there any more: retention or compaction has taken it, the log was truncated, or
			   * its topic created anew */
};

/* "gap": in JSON, and never renamed. */
const char *block_name(enum block block);
