/* library.h: the librdkafka that this process has loaded, which may be newer than the one it was built with.
 */
#pragma once
#include <stdint.h>

/* A version as library_number() has it. */
#define LIBRARY_VERSION(major, minor) ((uint32_t)(major) << 24 | (uint32_t)(minor) << 16)

/* "2.0.2". Static. Thread: any. */
const char *library_version(void);

/* The same, to compare. Thread: any. */
uint32_t library_number(void);
