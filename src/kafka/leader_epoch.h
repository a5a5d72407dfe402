/* leader_epoch.h: under which leader a record was written (KIP-320). Each leader numbers its time, and its records carry
 * the number: an offset alone names another record once a log has been truncated and grown again, an offset with the epoch
 * of the record before it does not. A commit carries both. Known where the librdkafka that is loaded tells them (2.1 on),
 * whatever version this was built with. */
#pragma once
#include <librdkafka/rdkafka.h>
#include <stdbool.h>
#include <stdint.h>

/* What librdkafka has for it; NULL where it has not. */
struct leader_epochs {
	int32_t (*of_record)(const rd_kafka_message_t *);
	int32_t (*of_offset)(const rd_kafka_topic_partition_t *);
	void (*store)(rd_kafka_topic_partition_t *, int32_t);
};

struct leader_epochs leader_epochs_find(void);

/* -1 unknown. */
int32_t leader_epoch_of_record(const struct leader_epochs *epochs, const rd_kafka_message_t *record);
int32_t leader_epoch_of_offset(const struct leader_epochs *epochs, const rd_kafka_topic_partition_t *offset);

/* Makes an offset carry it. A seek to it then asks the leader first whether its log has this epoch up to there, and says
 * so if it has not (librdkafka 2.4 on; before, that question may be asked without end, or a failed one be taken for a
 * truncation: nothing is stored for a seek then, see leader_epochs_can_validate()). */
void leader_epoch_store(const struct leader_epochs *epochs, rd_kafka_topic_partition_t *offset, int32_t epoch);
bool leader_epochs_can_validate(const struct leader_epochs *epochs);
/* It could by its version, but not all was found: in a program that librdkafka is linked into, nothing of it is. */
bool leader_epochs_are_hidden(const struct leader_epochs *epochs);
