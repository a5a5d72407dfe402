/* property_check.h: librdkafka's own word on the properties of a configuration. */
#pragma once
#include "config/config.h"

/* Reports unknown properties, bad values, properties of the other side, and those that are right each by itself but that
 * librdkafka refuses together (session.timeout.ms above max.poll.interval.ms): a config_check. Those that the
 * config layer refuses are not tried: librdkafka would load the code that some of them name. Thread: any. */
void property_check(const struct config *config, config_report report, void *context);
