/* library.h: the librdkafka that this process has loaded, which may be newer than the one it was built with.
 */
#pragma once

/* "2.0.2". Static. Thread: any. */
const char *library_version(void);
