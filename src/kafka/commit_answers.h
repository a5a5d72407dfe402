/* commit_answers.h: what the brokers have answered to each partition of a commit.
 *
 * librdkafka (2.0.2 to 2.15, at least) does not tell its caller: where some partitions of a commit have failed, the whole
 * has the last one's error, and so have all that were committed without any (rd_kafka_handle_OffsetCommit,
 * rd_kafka_cgrp_update_committed_offsets). A broker refuses single partitions of a topic that was deleted, or that the
 * user may not read. An interceptor sees the answers before they are painted over.
 *
 * Threads: the answers come in librdkafka's main thread, which serves the whole group besides; all calls are those of
 * the thread that commits. They share a lock, so what is done under it is no more than a search for each partition. */
#pragma once
#include <librdkafka/rdkafka.h>
#include <stdbool.h>

struct commit_answers;

struct commit_answers *commit_answers_new(void);

/* Listens to what the consumer commits that is about to be made of conf. */
void commit_answers_listen(struct commit_answers *answers, rd_kafka_conf_t *conf);

/* After the consumer is destroyed. Accepts NULL. */
void commit_answers_free(struct commit_answers *answers);

/* These offsets are about to be committed; those of before are forgotten. The list stays the caller's. Other commits of
 * the consumer do not matter, but for one of the very same offsets: its answer is as good. */
void commit_answers_expect(struct commit_answers *answers, const rd_kafka_topic_partition_list_t *offsets);

/* That commit has ended with this error of the whole, or none. */
void commit_answers_end(struct commit_answers *answers, rd_kafka_resp_err_t whole);

/* Was this partition among the offsets? Then code is what became of it. */
bool commit_answers_find(
    struct commit_answers *answers, const char *topic, int32_t partition, rd_kafka_resp_err_t *code);
