/* redact.h: what brokers, providers of tokens and libraries say may repeat what they were told. Pure. */
#pragma once
#include "config/config.h"

/* The text with each of the pipeline's secrets that it holds, as it stands in the configuration, become ***: those of
 * both clusters, and of properties. One of less than 4 bytes is none. The caller frees. NULL for NULL. */
char *config_redact(const struct config_pipeline *pipeline, const char *text);
