/* metrics_text.h: the text format of Prometheus, 0.0.4. Pure.
 *
 * A family is told once, with metrics_head(), and all its series follow. Labels are names and values by turns, the
 * values escaped. */
#pragma once
#include <stdint.h>
#include <stdio.h>
#include "core/histogram.h"

struct metrics_label {
	const char *name, *value;
};

/* "# HELP" and "# TYPE". help: one sentence, without newline or backslash. */
void metrics_head(FILE *out, const char *family, const char *type, const char *help);

/* One series with its value; suffix is "" but for histograms. */
void metrics_count(FILE *out, const char *family, const struct metrics_label *labels, size_t count, uint64_t value);
void metrics_seconds(FILE *out, const char *family, const struct metrics_label *labels, size_t count, int64_t ms);

/* All series of one histogram, in seconds, its buckets cumulative. */
void metrics_histogram(FILE *out, const char *family, const struct metrics_label *labels, size_t count,
    const struct histogram *histogram);
