/* library.h: the librdkafka that this process has loaded, which may be newer than the one it was built with.
 */
#pragma once
#include <stdint.h>

/* A version as library_number() has it. */
#define LIBRARY_VERSION(major, minor) ((uint32_t)(major) << 24 | (uint32_t)(minor) << 16)

/* Cooperative rebalances (KIP-429): before the first its assignor can abort (until 2.3), it may never end once it is
 * closed and resume from where it had been before (#4528, #4686); before the second a commit that meets a rebalance counts
 * as the loss of all partitions (#4059). */
#define COOPERATES_SINCE      LIBRARY_VERSION(2, 4)
#define COOPERATES_WELL_SINCE LIBRARY_VERSION(2, 10)

/* "2.0.2". Static. Thread: any. */
const char *library_version(void);

/* The same, to compare. Thread: any. */
uint32_t library_number(void);

/* What is to be feared of it in a group that rebalances cooperatively; NULL: nothing. Static. Thread: any. */
const char *library_cooperation_faults(void);
