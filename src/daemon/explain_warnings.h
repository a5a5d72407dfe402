/* explain_warnings.h: what is allowed in a configuration, and has a price that its operator should know. Pure. */
#pragma once
#include "config/config.h"
#include "kafka/settings.h"

/* A sentence, with its remedy where there is one. */
typedef void (*explain_report)(void *context, const char *text);

/* Reports all of a pipeline. consumer and producer are its clients' settings. */
void explain_warnings(const struct config *config, const struct config_pipeline *pipeline,
    const struct settings *consumer, const struct settings *producer, explain_report report, void *context);
