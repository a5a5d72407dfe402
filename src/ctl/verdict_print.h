/* verdict_print.h: what a comparison has found, for people or as JSON. Pure. */
#pragma once
#include <stdio.h>
#include "ctl/comparison.h"

struct verdict_words {
	const char *source, *target; /* topics */
	bool may_repeat;	     /* --allow-repeated */
	const char *isolation;
	bool headers, timestamps; /* were compared */
};

void verdict_print_plain(FILE *out, const struct comparison_verdict *verdict, const struct verdict_words *words);
void verdict_print_json(FILE *out, const struct comparison_verdict *verdict, const struct verdict_words *words);
