/* record.h: a consumed record, the payload of a chunk in the record lane: the event that owns the bytes, and
 * the message in it. Made by the source, read by the sink, owned by the engine in between. */
#pragma once
#include <librdkafka/rdkafka.h>
#include <stdbool.h>

struct record {
	union {
		rd_kafka_event_t *event;
		struct record *next_free; /* while it is not in use */
	};
	const rd_kafka_message_t *message; /* in event; an event hands its message out only once */
	bool has_no_headers;		   /* librdkafka would parse again what is not there, at each question */
	bool stamped_anew;		   /* the sink has counted that its timestamp is not kept */
};
