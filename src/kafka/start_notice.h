/* start_notice.h: says that a topic is read from where from.start says, because the group has no committed offset on
 * it. On the group's first day that is what was wanted. Later it means that they have gone: Kafka deletes them together
 * with the topic, and after offsets.retention.minutes, and tells nobody. */
#pragma once
#include "config/config.h"

/* Logs it: a warning where records may be passed over, or where the group has offsets on another topic (NULL: none is
 * known). */
void start_notice(const struct config_pipeline *pipeline, const char *topic, const char *other);
