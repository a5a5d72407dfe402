#include "kafka/mock_cluster.h"
#include <errno.h>
#include <librdkafka/rdkafka.h>
#include <librdkafka/rdkafka_mock.h>
#include "base/memory.h"
#include "kafka/simple_client.h"

struct mock_cluster {
	rd_kafka_t *handle; /* a client that never connects: librdkafka hangs a mock cluster on one */
	rd_kafka_mock_cluster_t *mock;
	int brokers;
};

struct mock_cluster *mock_cluster_new(int brokers, struct error *err)
{
	static const struct simple_setting settings[] = { { "client.id", "aloq-sandbox-cluster" } };
	_cleanup_(mock_cluster_freep) struct mock_cluster *cluster = xcalloc(1, sizeof *cluster);

	cluster->brokers = brokers;
	cluster->handle = simple_client_new(RD_KAFKA_PRODUCER, settings, 1, NULL, NULL, err);
	if (!cluster->handle)
		return NULL;
	cluster->mock = rd_kafka_mock_cluster_new(cluster->handle, brokers);
	if (!cluster->mock) {
		error_set(
		    err, -EIO, REMEDY_PERSON, "librdkafka makes no mock cluster of %d brokers", brokers);
		return NULL;
	}
	return TAKE_PTR(cluster);
}

void mock_cluster_free(struct mock_cluster *cluster)
{
	if (!cluster)
		return;
	if (cluster->mock)
		rd_kafka_mock_cluster_destroy(cluster->mock);
	if (cluster->handle)
		rd_kafka_destroy(cluster->handle);
	free(cluster);
}

const char *mock_cluster_brokers(const struct mock_cluster *cluster)
{
	return rd_kafka_mock_cluster_bootstraps(cluster->mock);
}

int mock_cluster_create_topic(
    struct mock_cluster *cluster, const char *topic, int partitions, struct error *err)
{
	int replicas = cluster->brokers < 3 ? cluster->brokers : 3;
	rd_kafka_resp_err_t code = rd_kafka_mock_topic_create(cluster->mock, topic, partitions, replicas);

	if (code == RD_KAFKA_RESP_ERR_TOPIC_ALREADY_EXISTS)
		return error_set(err, -EEXIST, REMEDY_PERSON, "topic %s is there already", topic);
	if (code)
		return error_set(err, -EIO, REMEDY_PERSON, "topic %s: %s", topic, rd_kafka_err2str(code));
	return 0;
}
