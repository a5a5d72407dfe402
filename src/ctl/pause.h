/* pause.h: what `aloqctl pause` and `resume` make of aloqd's JSON. Pure. */
#pragma once
#include <stdbool.h>
#include <stdio.h>
#include "base/error.h"

/* How far a pipeline is that was told to pause or to resume. */
struct pause_answer {
	bool paused;     /* nothing is read, and all that was read is settled and committed */
	bool on_its_way; /* it starts, relays or drains: may get there by itself, soon */
};

/* Reads a pipeline of /api/v1/pipelines/. 0, or -EBADMSG when json is not what aloqd says. */
int pause_parse(const char *json, struct pause_answer *answer, struct error *err);

/* For people: its name, its state and the reason. The same terms. */
int pause_print(const char *json, FILE *out, struct error *err);
