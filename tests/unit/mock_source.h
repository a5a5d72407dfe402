/* mock_source.h: a source that reads topics of librdkafka's mock cluster, for white-box tests. No group gives it its
 * partitions, nor takes them away. */
#pragma once
#include <librdkafka/rdkafka.h>
#include <librdkafka/rdkafka_mock.h>
#include "kafka/source_internal.h"

enum { MOCK_SOURCE_TOPICS = 2 }; /* at most */

struct mock_source {
	rd_kafka_t *host; /* of the cluster */
	rd_kafka_mock_cluster_t *cluster;
	struct config_pipeline pipeline;
	struct config_cluster config_cluster;
	struct source *source;
	int wake_fd;
	/* What it has said. */
	unsigned stalls[MOCK_SOURCE_TOPICS];
	struct error failure; /* code 0: none */
};

/* One empty partition of each topic, numbered as they are and led by a broker each, is the source's; librdkafka has none of
 * them yet. The names outlive it. */
void mock_source_begin(struct mock_source *mock, char **topics, int count);

/* All partitions are given to librdkafka, to be read from their beginning. */
void mock_source_assign(const struct mock_source *mock);

/* Waits a little for the source's worker, and takes what it has done. From until_us on the test has failed. */
void mock_source_await_worker(struct mock_source *mock, int64_t until_us);

void mock_source_end(struct mock_source *mock);
