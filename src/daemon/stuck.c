#include "daemon/stuck.h"
#include <inttypes.h>
#include "base/cleanup.h"
#include "base/memory.h"
#include "base/units.h"

static bool may_last(const struct partition_snapshot *partition)
{
	switch (partition->waits_for) {
	case WAIT_NOTHING:
	case WAIT_PERSON:
	case WAIT_RATE:
		return true;
	case WAIT_FETCH: /* unless the source is known to have some */
		return partition->lag <= 0;
	default:
		return partition_wait_is_idle(partition->waits_for);
	}
}

const struct partition_snapshot *stuck_partition(const struct pipeline_snapshot *snapshot, int64_t longer_than_ms)
{
	const struct partition_snapshot *worst = NULL;

	for (size_t i = 0; i < snapshot->partition_count; i++) {
		const struct partition_snapshot *partition = &snapshot->partitions[i];

		if (may_last(partition) || partition->waits_ms <= longer_than_ms)
			continue;
		if (!worst || partition->waits_ms > worst->waits_ms)
			worst = partition;
	}
	return worst;
}

char *stuck_words(const struct partition_snapshot *partition)
{
	const char *words = partition_wait_words(partition->waits_for);

	if (partition->waits_for != WAIT_REPORT || partition->waits_for_broker < 0)
		return xstrdup(words);
	return xasprintf("%s, where broker %" PRId32 " leads the partition", words, partition->waits_for_broker);
}

char *stuck_sentence(const struct partition_snapshot *partition)
{
	_cleanup_free_ char *words = stuck_words(partition);
	char age[UNITS_TEXT_SIZE];

	return xasprintf("%s [%" PRId32 "] stands still at offset %" PRId64 " for %s: it waits for %s", partition->topic,
	    partition->partition, partition->mark, units_format_age_ms(age, sizeof age, partition->waits_ms),
	    words);
}
