/* property_sides.h: which librdkafka properties are for consumers, which for producers.
 *
 * librdkafka sets any property on any client and then warns of each that the client ignores; it offers the
 * sides only in its printed property table, which this module reads once. */
#pragma once
#include <librdkafka/rdkafka.h>
#include <stdbool.h>

/* Does a client of this type know the property? An unknown or hidden property counts as known by both, so
 * that setting it tells. Thread: any. */
bool property_sides_has(const char *property, rd_kafka_type_t type);
