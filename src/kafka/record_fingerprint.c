#include "kafka/record_fingerprint.h"
#include <string.h>
#include "base/fnv1a.h"

/* NULL is not the empty string. */
static uint64_t add(uint64_t hash, const void *bytes, size_t size)
{
	const uint64_t marked_size = bytes ? (uint64_t)size + 1 : 0;

	return fnv1a_64(fnv1a_64(hash, &marked_size, sizeof marked_size), bytes, bytes ? size : 0);
}

uint64_t record_fingerprint(const rd_kafka_message_t *message)
{
	int64_t timestamp_ms = rd_kafka_message_timestamp(message, NULL);
	uint64_t hash = fnv1a_64(FNV1A_64_START, &timestamp_ms, sizeof timestamp_ms);
	rd_kafka_headers_t *headers = NULL;
	const char *name;
	const void *value;
	size_t size;

	hash = add(hash, message->key, message->key_len);
	hash = add(hash, message->payload, message->len);
	/* Those that cannot be read are left out: each time. */
	if (!rd_kafka_message_headers(message, &headers)) {
		for (size_t i = 0; !rd_kafka_header_get_all(headers, i, &name, &value, &size); i++) {
			hash = add(hash, name, strlen(name));
			hash = add(hash, value, size);
		}
	}
	return hash;
}
