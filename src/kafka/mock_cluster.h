/* mock_cluster.h: librdkafka's mock cluster, run by this process for others to connect to.
 *
 * It listens on free ports of 127.0.0.1 and speaks enough of the protocol for producers, consumers and
 * groups. What it does not have: CreateTopics and DescribeConfigs (topics come from
 * mock_cluster_create_topic()), isolation of transactions, ACLs, and retention beyond 5 MB a partition. */
#pragma once
#include <stdint.h>
#include "base/cleanup.h"
#include "base/error.h"

struct mock_cluster;

/* brokers: 1 to MOCK_BROKERS_MAX. NULL with err set when it cannot be made. The cluster serves from threads
 * of its own until it is freed. */
enum { MOCK_BROKERS_MAX = 16 };
struct mock_cluster *mock_cluster_new(int brokers, struct error *err);

/* Closes its listeners and forgets its records. Accepts NULL. */
void mock_cluster_free(struct mock_cluster *cluster);
DEFINE_CLEANUP(struct mock_cluster *, mock_cluster_free)

/* The bootstrap list, "127.0.0.1:PORT,..."; valid as long as the cluster. */
const char *mock_cluster_brokers(const struct mock_cluster *cluster);

/* Replicated to at most three brokers. -EEXIST: it is there already. */
int mock_cluster_create_topic(
    struct mock_cluster *cluster, const char *topic, int partitions, struct error *err);
