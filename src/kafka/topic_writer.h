/* topic_writer.h: writes records to one topic for aloqctl and aloq-sandbox, and knows what became of each.
 *
 * With acks all it is idempotent; a key decides its partition as it does with Java's client (murmur2).
 * Thread: the one that made it. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "base/cleanup.h"
#include "base/error.h"
#include "config/config.h"

struct topic_writer;

struct topic_writer_options {
	const struct config_cluster *cluster; /* outlives the writer */
	const char *topic;
	enum acks acks;
	const char *transactional_id;	/* NULL: no transactions */
	int64_t transaction_timeout_ms; /* after which the brokers abort one that is open */
	int64_t timeout_ms;		/* a record that is not acknowledged by then has failed */
};

/* NULL pointers are null; empty is not NULL. */
struct written_header {
	const char *name;
	size_t name_bytes;
	const void *value;
	size_t value_bytes;
};

struct written_record {
	int32_t partition;    /* -1: by its key, or any */
	int64_t timestamp_ms; /* 0: now */
	const void *key;
	size_t key_bytes;
	const void *value;
	size_t value_bytes;
	const struct written_header *headers;
	size_t header_count;
};

/* Records that failed for one reason. */
struct write_failure {
	const char *reason; /* static */
	uint64_t records;
};

enum { WRITE_FAILURES_MAX = 8 };

struct write_counts {
	uint64_t sent;	    /* taken by topic_writer_send() */
	uint64_t delivered; /* reported without error */
	uint64_t failed;    /* reported with one */
	struct write_failure failures[WRITE_FAILURES_MAX]; /* the last one holds all further reasons */
	size_t failure_count;
};

/* Connects, makes sure that there is such a topic, and with a transactional id ends what another client of that id has left
 * open. Blocks for options->timeout_ms at most. NULL with err set. */
struct topic_writer *topic_writer_new(const struct topic_writer_options *options, struct error *err);

/* What has not been reported yet is given up; an open transaction stays open until the brokers abort it. Accepts NULL. */
void topic_writer_free(struct topic_writer *writer);
DEFINE_CLEANUP(struct topic_writer *, topic_writer_free)

int32_t topic_writer_partitions(const struct topic_writer *writer);

/* Copies the record. -EAGAIN: the queue is full, poll first. Another error is one of this record, which was not taken. */
int topic_writer_send(struct topic_writer *writer, const struct written_record *record, struct error *err);

/* Takes in reports; waits at most timeout_ms for the first. An error: nothing can be written any more. */
int topic_writer_poll(struct topic_writer *writer, int timeout_ms, struct error *err);

/* How many records are not reported yet. */
size_t topic_writer_pending(const struct topic_writer *writer);

const struct write_counts *topic_writer_counts(const struct topic_writer *writer);

/* Transactions. Commit wants that all is reported. An error of commit may leave it to be aborted. They block for
 * options->timeout_ms at most. */
int topic_writer_begin(struct topic_writer *writer, struct error *err);
int topic_writer_commit(struct topic_writer *writer, struct error *err);
int topic_writer_abort(struct topic_writer *writer, struct error *err);
