#include "kafka/library.h"
#include <librdkafka/rdkafka.h>
#include <stddef.h>

/* #4783 is mended in 2.6.1. */
#define ASSIGNOR_ENDS_SINCE (LIBRARY_VERSION(2, 6) | 0x100)

const char *library_version(void)
{
	return rd_kafka_version_str();
}

uint32_t library_number(void)
{
	return (uint32_t)rd_kafka_version();
}

const char *library_cooperation_faults(void)
{
	if (library_number() < ASSIGNOR_ENDS_SINCE)
		return "it takes a commit that meets a rebalance for the loss of all its partitions (until 2.10), and its "
		       "assignor may spin for ever (until 2.6.1)";
	if (library_number() < COOPERATES_WELL_SINCE)
		return "it takes a commit that meets a rebalance for the loss of all its partitions (until 2.10)";
	return NULL;
}
