/* pipeline_answer.h: what those who tell a pipeline something read of aloqd's JSON. Pure. */
#pragma once
#include <stdbool.h>
#include <stdio.h>
#include "base/error.h"

struct pipeline_answer {
	char state[32];
	bool has_reason;
	bool starts_anew;     /* another run follows once this one has ended */
	bool drain_was_clean; /* once stopped: nothing will be read again */
};

/* Is it in this state? */
bool pipeline_answer_is(const struct pipeline_answer *answer, const char *state);

/* Reads a pipeline of /api/v1/pipelines/. 0, or -EBADMSG when json is not what aloqd says. */
int pipeline_answer_parse(const char *json, struct pipeline_answer *answer, struct error *err);

/* For people: its name, its state and the reason. The same terms. */
int pipeline_answer_print(const char *json, FILE *out, struct error *err);
