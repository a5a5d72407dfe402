/* dump.h: the configuration in its own language. */
#pragma once
#include "config/config.h"

/* All that decides what a pipeline does, its clusters included, secrets redacted. The caller frees. */
char *dump_pipeline_settings(const struct config_pipeline *pipeline);
