#include "kafka/library.h"
#include <librdkafka/rdkafka.h>

const char *library_version(void)
{
	return rd_kafka_version_str();
}

uint32_t library_number(void)
{
	return (uint32_t)rd_kafka_version();
}
