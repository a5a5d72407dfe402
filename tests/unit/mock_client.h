/* mock_client.h: a client of librdkafka's mock cluster, or the one that holds the cluster. */
#pragma once
#include <librdkafka/rdkafka.h>

/* Quiet. brokers: rd_kafka_mock_cluster_bootstraps(), or NULL for who is to hold the cluster. A consumer is of the group
 * "group", and is told of an offset that is out of range. Destroyed by the caller. Fails the test if it cannot be made. */
rd_kafka_t *mock_client_new(rd_kafka_type_t type, const char *brokers);
