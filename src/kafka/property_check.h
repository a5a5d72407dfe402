/* property_check.h: librdkafka's own word on the properties of a configuration. */
#pragma once
#include "config/config.h"

/* Unknown properties, bad values and those of the other side become findings. Returns the number of errors
 * added. Thread: any. */
int property_check(const struct config *config, struct config_findings *findings);
