/* probe.h: does a cluster answer again? librdkafka tells when all brokers are down, and not when they are back;
 * an idle client would never know. */
#pragma once
#include <stdbool.h>

/* Filled by source_probe() or sink_probe(), in the pipeline's thread; asked in the worker before any job that
 * was submitted later, so that the client still lives. */
struct probe {
	void *client; /* NULL: it is being replaced, there is nobody to ask */
};

/* False without a client. Blocks for a second at most: for a worker's job. */
bool probe_answers(const struct probe *probe);
