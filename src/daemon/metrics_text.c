#include "daemon/metrics_text.h"
#include <inttypes.h>
#include <string.h>
#include "base/utf8.h"

void metrics_head(FILE *out, const char *family, const char *type, const char *help)
{
	fprintf(out, "# HELP %s %s\n# TYPE %s %s\n", family, help, family, type);
}

/* With the three characters escaped that the format knows. One byte that is not UTF-8 would cost the whole page: it is
 * written as \xHH. */
static void write_value(FILE *out, const char *value)
{
	const unsigned char *at = (const unsigned char *)value;
	size_t left = strlen(value);

	while (left > 0) {
		uint32_t character;
		size_t length = utf8_decode(at, left, &character);

		if (length == 0)
			fprintf(out, "\\\\x%02x", *at);
		else if (*at == '\\' || *at == '"')
			fprintf(out, "\\%c", *at);
		else if (*at == '\n')
			fputs("\\n", out);
		else
			fwrite(at, 1, length, out);
		length = length ? length : 1;
		at += length;
		left -= length;
	}
}

/* family{name="value",le="bound"}; le NULL: without. */
static void write_series(FILE *out, const char *family, const char *suffix, const struct metrics_label *labels,
    size_t count, const char *le)
{
	const char *separator = "{";

	fprintf(out, "%s%s", family, suffix);
	for (size_t i = 0; i < count; i++) {
		fprintf(out, "%s%s=\"", separator, labels[i].name);
		write_value(out, labels[i].value);
		fputc('"', out);
		separator = ",";
	}
	if (le)
		fprintf(out, "%sle=\"%s\"", separator, le);
	fputs(count > 0 || le ? "} " : " ", out);
}

void metrics_count(FILE *out, const char *family, const struct metrics_label *labels, size_t count, uint64_t value)
{
	write_series(out, family, "", labels, count, NULL);
	fprintf(out, "%" PRIu64 "\n", value);
}

void metrics_seconds(FILE *out, const char *family, const struct metrics_label *labels, size_t count, int64_t ms)
{
	write_series(out, family, "", labels, count, NULL);
	fprintf(out, "%" PRId64 ".%03d\n", ms / 1000, (int)(ms % 1000));
}

void metrics_histogram(FILE *out, const char *family, const struct metrics_label *labels, size_t count,
    const struct histogram *histogram)
{
	uint64_t below = 0;
	char bound[32];

	for (unsigned b = 0; b + 1 < HISTOGRAM_BUCKETS; b++) {
		below += histogram->count[b];
		/* ten digits tell the largest bound exactly, and leave no zeros behind */
		snprintf(bound, sizeof bound, "%.10g", (double)histogram_bound_us(b) / 1e6);
		write_series(out, family, "_bucket", labels, count, bound);
		fprintf(out, "%" PRIu64 "\n", below);
	}
	write_series(out, family, "_bucket", labels, count, "+Inf");
	fprintf(out, "%" PRIu64 "\n", histogram->total);
	write_series(out, family, "_sum", labels, count, NULL);
	fprintf(out, "%.6f\n", histogram_sum_s(histogram));
	write_series(out, family, "_count", labels, count, NULL);
	fprintf(out, "%" PRIu64 "\n", histogram->total);
}
