/* The headers of what is written: the record's own, and with provenance = true one of ours behind them. */
#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include "core/provenance.h"
#include "kafka/sink_internal.h"

/* The prefix is made once for a partition, and has room for the offset behind it. */
static void add_provenance(const rd_kafka_message_t *message, const struct route *route, rd_kafka_headers_t **headers)
{
	size_t digits = provenance_offset(route->provenance + route->provenance_length, message->offset);

	if (!*headers)
		*headers = rd_kafka_headers_new(1);
	rd_kafka_header_add(*headers, PROVENANCE_HEADER, sizeof PROVENANCE_HEADER - 1, route->provenance,
	    (ssize_t)(route->provenance_length + digits));
}

int sink_headers(const struct record *record, const struct route *route, rd_kafka_headers_t **copy, struct error *err)
{
	const rd_kafka_message_t *message = record->message;
	rd_kafka_headers_t *headers = NULL;
	rd_kafka_resp_err_t code = RD_KAFKA_RESP_ERR__NOENT;

	if (!record->has_no_headers)
		code = rd_kafka_message_headers(message, &headers);

	*copy = NULL;
	if (code && code != RD_KAFKA_RESP_ERR__NOENT) {
		error_set(err, -EBADMSG, REMEDY_SKIP,
		    "%s [%" PRId32 "] offset %" PRId64 ": the headers cannot be read: they are damaged, or more than "
		    "the 100,000 that librdkafka takes (%s)",
		    rd_kafka_topic_name(message->rkt), message->partition, message->offset, rd_kafka_err2name(code));
		if (err)
			err->name = rd_kafka_err2name(code);
		return -EBADMSG;
	}
	if (!code && rd_kafka_header_cnt(headers) > 0)
		*copy = rd_kafka_headers_copy(headers);
	if (route->provenance)
		add_provenance(message, route, copy);
	return 0;
}
