/* option_value.h: the values of the Kafka tools' options. Each returns 0, or EX_USAGE after the user was told what is
 * wrong; an option that was not given leaves *value as it is. */
#pragma once
#include <stdint.h>
#include "ctl/command.h"
#include "core/delivery.h"

/* A whole number from min to max. */
int option_number(const struct call *call, const char *option, int64_t min, int64_t max, int64_t *value);

/* "30s", from 1 ms to a day. */
int option_duration_ms(const struct call *call, const char *option, int64_t *value);

/* "256MiB" */
int option_size(const struct call *call, const char *option, uint64_t min, uint64_t *value);

/* read_committed or read_uncommitted */
int option_isolation(const struct call *call, const char *option, enum isolation *value);
