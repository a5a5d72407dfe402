#include "kafka/probe.h"
#include <librdkafka/rdkafka.h>

enum { PROBE_TIMEOUT_MS = 1000 };

bool probe_answers(const struct probe *probe)
{
	const struct rd_kafka_metadata *metadata;

	if (!probe->client || rd_kafka_metadata(probe->client, 0, NULL, &metadata, PROBE_TIMEOUT_MS))
		return false;
	rd_kafka_metadata_destroy(metadata);
	return true;
}
