#include "kafka/start_notice.h"
#include "base/log.h"

void start_notice(const struct config_pipeline *pipeline, const char *topic, const char *other)
{
	static const char *const starts[] = { [START_EARLIEST] = "earliest", [START_LATEST] = "latest",
		[START_TIMESTAMP] = "timestamp", [START_NONE] = "none" };
	const struct log_place place = { .pipeline = pipeline->name, .member = pipeline->member, .topic = topic,
		.partition = -1, .offset = -1 };
	const char *group = pipeline->from.group;
	const char *start = starts[pipeline->from.start];

	if (other)
		log_warning(&place,
		    "the group \"%s\" has no committed offset on source topic %s, so from.start = \"%s\" applies; it "
		    "has some on %s: this topic is new to the group, or it was deleted and created again, or its "
		    "offsets have expired",
		    group, topic, start, other);
	else
		log_at(pipeline->from.start == START_EARLIEST ? LOG_LEVEL_NOTICE : LOG_LEVEL_WARNING, &place,
		    "the group \"%s\" has no committed offset on source topic %s, so from.start = \"%s\" applies: the "
		    "group is new, or the topic was deleted and created again, or the offsets have expired",
		    group, topic, start);
}
