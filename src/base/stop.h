/* stop.h: ending on SIGTERM or SIGINT, without handlers. */
#pragma once
#include <stdbool.h>

/* Blocks both signals. Before any thread is made: librdkafka's threads inherit the mask. */
void stop_prepare(void);

/* Has one of them come? Does not wait. True once for each signal. */
bool stop_requested(void);

/* Waits for one of them. */
void stop_wait(void);
