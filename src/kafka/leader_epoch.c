#include "kafka/leader_epoch.h"
#include <dlfcn.h>
#include "kafka/library.h"

#define VALIDATES_SINCE LIBRARY_VERSION(2, 4)

struct leader_epochs leader_epochs_find(void)
{
	struct leader_epochs epochs;

	/* POSIX wants it to be possible; ISO C has no cast for it. */
	*(void **)&epochs.of_record = dlsym(RTLD_DEFAULT, "rd_kafka_message_leader_epoch");
	*(void **)&epochs.of_offset = dlsym(RTLD_DEFAULT, "rd_kafka_topic_partition_get_leader_epoch");
	*(void **)&epochs.store = dlsym(RTLD_DEFAULT, "rd_kafka_topic_partition_set_leader_epoch");
	return epochs;
}

int32_t leader_epoch_of_record(const struct leader_epochs *epochs, const rd_kafka_message_t *record)
{
	return epochs->of_record ? epochs->of_record(record) : -1;
}

int32_t leader_epoch_of_offset(const struct leader_epochs *epochs, const rd_kafka_topic_partition_t *offset)
{
	return epochs->of_offset ? epochs->of_offset(offset) : -1;
}

void leader_epoch_store(const struct leader_epochs *epochs, rd_kafka_topic_partition_t *offset, int32_t epoch)
{
	if (epochs->store && epoch >= 0)
		epochs->store(offset, epoch);
}

static bool has_all(const struct leader_epochs *epochs)
{
	return epochs->of_record && epochs->of_offset && epochs->store;
}

bool leader_epochs_can_validate(const struct leader_epochs *epochs)
{
	return library_number() >= VALIDATES_SINCE && has_all(epochs);
}

bool leader_epochs_are_hidden(const struct leader_epochs *epochs)
{
	return library_number() >= VALIDATES_SINCE && !has_all(epochs);
}
