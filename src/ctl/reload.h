/* reload.h: what `aloqctl reload` makes of aloqd's JSON. Pure. */
#pragma once
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include "base/error.h"

struct reload_answer {
	bool refused;
	bool finished; /* nothing more is to be waited for */
	int64_t late;  /* once finished: pipelines that still drain */
};

/* Reads /api/v1/reload. 0, or -EBADMSG when json is not what aloqd says. */
int reload_parse(const char *json, struct reload_answer *answer, struct error *err);

/* Shows the findings and the summary, a line each. The same. */
int reload_print(const char *json, FILE *out, struct error *err);
