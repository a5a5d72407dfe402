#include "kafka/mock_cluster.h"
#include <errno.h>
#include <librdkafka/rdkafka.h>
#include <librdkafka/rdkafka_mock.h>
#include "base/memory.h"

struct mock_cluster {
	rd_kafka_t *handle; /* a client that never connects: librdkafka hangs a mock cluster on one */
	rd_kafka_mock_cluster_t *mock;
	int brokers;
};

struct mock_cluster *mock_cluster_new(int brokers, struct error *err)
{
	_cleanup_(mock_cluster_freep) struct mock_cluster *cluster = xcalloc(1, sizeof *cluster);
	rd_kafka_conf_t *conf = rd_kafka_conf_new();
	char why[512];

	cluster->brokers = brokers;
	rd_kafka_conf_set_log_cb(conf, NULL);
	cluster->handle = rd_kafka_new(RD_KAFKA_PRODUCER, conf, why, sizeof why);
	if (!cluster->handle) {
		rd_kafka_conf_destroy(conf); /* ours again only when rd_kafka_new() has failed */
		error_set(err, -EINVAL, REMEDY_PERSON, "librdkafka makes no client: %s", why);
		return NULL;
	}
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
