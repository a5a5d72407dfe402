/* progress.h: a bar on the standard error, where that is a terminal; else nothing. Thread: the one that made it. */
#pragma once
#include <stdbool.h>
#include <stdint.h>

struct progress {
	bool shown;
	const char *what; /* static */
	uint64_t total, done;
	uint64_t steps; /* calls since the clock was looked at */
	int64_t begun_us, drawn_us;
};

/* what: "reading orders"; total: of what progress_step() counts. */
void progress_begin(struct progress *progress, const char *what, uint64_t total);

/* So much more is done. Cheap. */
void progress_step(struct progress *progress, uint64_t count);

/* Wipes it away. */
void progress_end(struct progress *progress);
