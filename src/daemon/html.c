#include "daemon/html.h"
#include <inttypes.h>
#include <stdbool.h>
#include <string.h>
#include <time.h>
#include "base/cleanup.h"
#include "base/escape.h"
#include "base/memory.h"
#include "base/units.h"

#define NARROW_SPACE "\xe2\x80\xaf"
#define MSEC_PER_DAY INT64_C(86400000)

static const char *reference_of(char character)
{
	switch (character) {
	case '&':
		return "&amp;";
	case '<':
		return "&lt;";
	case '>':
		return "&gt;";
	case '"':
		return "&quot;";
	case '\'':
		return "&#39;";
	default:
		return NULL;
	}
}

static void put_safe(FILE *out, const char *safe)
{
	for (; *safe; safe++) {
		const char *reference = reference_of(*safe);

		if (reference)
			fputs(reference, out);
		else
			fputc(*safe, out);
	}
}

void html_text(FILE *out, const char *text)
{
	_cleanup_free_ char *safe = text ? escape_whole(text) : NULL;

	put_safe(out, safe ? safe : HTML_NONE);
}

void html_text_cut(FILE *out, const char *text, size_t bytes)
{
	char safe[HTML_CUT_MAX + 1];

	if (!text) {
		fputs(HTML_NONE, out);
		return;
	}
	escape_text(safe, bytes < HTML_CUT_MAX ? bytes + 1 : sizeof safe, text, strlen(text));
	put_safe(out, safe);
}

static int is_plain(unsigned char byte)
{
	return (byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z') || (byte >= '0' && byte <= '9') ||
	       byte == '-' || byte == '_' || byte == '.';
}

void html_segment(FILE *out, const char *name)
{
	for (const unsigned char *byte = (const unsigned char *)name; *byte; byte++) {
		if (is_plain(*byte))
			fputc(*byte, out);
		else
			fprintf(out, "%%%02X", *byte);
	}
}

void html_count(FILE *out, int64_t count)
{
	char digits[UNITS_TEXT_SIZE];
	size_t length;

	if (count < 0) {
		fputs(HTML_NONE, out);
		return;
	}
	length = (size_t)snprintf(digits, sizeof digits, "%" PRId64, count);
	for (size_t i = 0; i < length; i++) {
		if (i > 0 && (length - i) % 3 == 0)
			fputs(NARROW_SPACE, out);
		fputc(digits[i], out);
	}
}

void html_offset(FILE *out, int64_t offset)
{
	if (offset < 0)
		fputs(HTML_NONE, out);
	else
		fprintf(out, "%" PRId64, offset);
}

void html_bytes(FILE *out, uint64_t bytes)
{
	static const char *const units[] = { "B", "KiB", "MiB", "GiB", "TiB" };
	double value = (double)bytes;
	size_t unit = 0;

	for (; value >= 1024 && unit + 1 < sizeof units / sizeof units[0]; unit++)
		value /= 1024;
	fprintf(out, "%.*f" NARROW_SPACE "%s", unit > 0, value, units[unit]);
}

void html_age(FILE *out, int64_t age_ms)
{
	char age[UNITS_TEXT_SIZE];

	fputs(age_ms < 0 ? HTML_NONE : units_format_age_ms(age, sizeof age, age_ms), out);
}

void html_latency(FILE *out, int64_t latency_us)
{
	if (latency_us < 1000)
		fprintf(out, "%" PRId64 NARROW_SPACE "\xc2\xb5s", latency_us);
	else if (latency_us < 1000000)
		fprintf(out, "%.*f" NARROW_SPACE "ms", latency_us < 10000, (double)latency_us / 1000);
	else
		fprintf(out, "%.1f" NARROW_SPACE "s", (double)latency_us / 1000000);
}

/* The day, unless it is left out, and the time of the day, with what stands between the two and behind. Whatever at_ms
 * is: somebody else's clock may have had a say in it. */
static void put_utc(FILE *out, int64_t at_ms, bool with_day, char between, const char *zone)
{
	time_t at = (time_t)(at_ms / 1000);
	struct tm utc;

	if (at_ms < 0 || !gmtime_r(&at, &utc)) {
		fprintf(out, "%" PRId64, at_ms);
		return;
	}
	if (with_day)
		fprintf(out, "%04d-%02d-%02d%c", utc.tm_year + 1900, utc.tm_mon + 1, utc.tm_mday, between);
	fprintf(out, "%02d:%02d:%02d%s", utc.tm_hour, utc.tm_min, utc.tm_sec, zone);
}

static void begin_time(FILE *out, int64_t at_ms)
{
	fputs("<time datetime=\"", out);
	put_utc(out, at_ms, true, 'T', "Z");
	fputs("\">", out);
}

void html_past(FILE *out, int64_t at_ms, int64_t now_ms)
{
	begin_time(out, at_ms);
	html_age(out, at_ms < now_ms ? now_ms - at_ms : 0);
	fputs(" ago, ", out);
	put_utc(out, at_ms, at_ms / MSEC_PER_DAY != now_ms / MSEC_PER_DAY, ' ', " UTC");
	fputs("</time>", out);
}

void html_time(FILE *out, int64_t at_ms)
{
	begin_time(out, at_ms);
	put_utc(out, at_ms, true, ' ', " UTC");
	fputs("</time>", out);
}
