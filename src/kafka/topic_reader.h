/* topic_reader.h: reads partitions of topics for aloqctl and aloq-sandbox: in no group, from any offset, as far as wanted; commits nothing.
 * Thread: the one that made it. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "base/cleanup.h"
#include "base/error.h"
#include "config/config.h"

struct topic_reader;

struct topic_reader_options {
	const struct config_cluster *cluster; /* outlives the reader */
	enum isolation isolation;
	uint64_t prefetch_bytes; /* how much may be fetched ahead of all partitions together; at least 1 MiB */
	int timeout_ms;		 /* how long to wait for an answer of the brokers */
};

/* A partition. What is between start and end is read; both are set before topic_reader_start(). */
struct reader_part {
	const char *topic; /* the reader's */
	int32_t partition;
	int64_t log_start, log_end; /* when topic_reader_add() was called; the end by the isolation */
	int64_t start;		    /* log_start at first */
	int64_t end;		    /* not included; INT64_MAX at first: no end */
	int64_t next;		    /* everything below was read */
	bool done;		    /* next has come to end */
};

/* Valid until the next poll of its reader. A NULL key or value is null; an empty one is not NULL. */
struct read_record {
	size_t part; /* its index */
	int64_t offset;
	int64_t timestamp_ms; /* -1: none */
	bool stamped_by_broker; /* at append */
	const void *key;
	size_t key_bytes;
	const void *value;
	size_t value_bytes;
	void *headers; /* NULL: none; see read_header() */
};

/* NULL with err set: librdkafka refuses the settings. */
struct topic_reader *topic_reader_new(const struct topic_reader_options *options, struct error *err);

/* Accepts NULL. */
void topic_reader_free(struct topic_reader *reader);
DEFINE_CLEANUP(struct topic_reader *, topic_reader_free)

/* Adds all partitions of a topic, and asks where their logs begin and end. -ENOENT: there is no such topic; -ETIMEDOUT:
 * the brokers do not answer; ... */
int topic_reader_add(struct topic_reader *reader, const char *topic, struct error *err);

struct reader_part *topic_reader_parts(struct topic_reader *reader, size_t *count);

/* Asks again where the logs end, of all partitions; the parts keep what they have. ends has room for one of each. */
int topic_reader_ask_ends(struct topic_reader *reader, int64_t *ends, struct error *err);

/* Sets each start to the first record of that time or later; to the end where there is none. */
int topic_reader_start_at(struct topic_reader *reader, int64_t timestamp_ms, struct error *err);

/* The id of the cluster; NULL where it is not known. The caller frees. */
char *topic_reader_cluster_id(struct topic_reader *reader);

/* Begins to read. */
int topic_reader_start(struct topic_reader *reader, struct error *err);

/* 1: *record is the next one; 0: none within timeout_ms, or something else has come; negative: reading cannot go on. What
 * heals by itself (a broker that is away) is waited out. */
int topic_reader_poll(struct topic_reader *reader, int timeout_ms, struct read_record *record, struct error *err);

/* Are all parts done? */
bool topic_reader_done(const struct topic_reader *reader);

/* The header at index, in the record's order; false: there are no more. A NULL value is null. */
bool read_header(const struct read_record *record, size_t index, const char **name, const void **value,
    size_t *value_bytes);

/* The headers cannot be read: they are damaged, or more than librdkafka takes. */
bool read_headers_damaged(const struct read_record *record);
