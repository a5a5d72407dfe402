#include "ctl/verdict_print.h"
#include <inttypes.h>
#include "ctl/json_text.h"

static const char *const kind_names[FAULT_KINDS] = {
	[FAULT_LOST] = "lost",
	[FAULT_REPEATED] = "repeated",
	[FAULT_REORDERED] = "reordered",
	[FAULT_ALTERED] = "altered",
	[FAULT_UNKNOWN] = "unknown",
	[FAULT_SCATTERED] = "scattered",
};

/* ---- for people ---- */

static const char *plural(uint64_t count)
{
	return count == 1 ? "" : "s";
}

static void print_source(FILE *out, const struct comparison_fault *fault, const struct verdict_words *words)
{
	fprintf(out, "%s [%" PRId32 "] offset %" PRId64, words->source, fault->source_partition, fault->source_offset);
}

static void print_target(FILE *out, const struct comparison_fault *fault, const struct verdict_words *words)
{
	fprintf(out, "%s [%" PRId32 "] offset %" PRId64, words->target, fault->target_partition, fault->target_offset);
}

static void print_fault(
    FILE *out, enum fault_kind kind, const struct comparison_fault *fault, const struct verdict_words *words)
{
	fprintf(out, "%s: ", kind_names[kind]);
	if (fault->source_partition >= 0)
		print_source(out, fault, words);
	switch (kind) {
	case FAULT_LOST:
		if (fault->target_partition >= 0) {
			fputs(" or one of the same content; another one is in ", out);
			print_target(out, fault, words);
		} else if (fault->other > 1) {
			fprintf(out, " and others of the same content, %" PRId64 " in all", fault->other);
		}
		break;
	case FAULT_REPEATED:
		if (fault->source_partition >= 0)
			fputs(" again at ", out);
		print_target(out, fault, words);
		break;
	case FAULT_REORDERED:
		fputs(" at ", out);
		print_target(out, fault, words);
		fprintf(out, " follows offset %" PRId64, fault->other);
		break;
	case FAULT_ALTERED:
		fputs(" is not as it was at ", out);
		print_target(out, fault, words);
		break;
	case FAULT_UNKNOWN:
		print_target(out, fault, words);
		break;
	case FAULT_SCATTERED:
		fputs(" at ", out);
		print_target(out, fault, words);
		fprintf(out, ", others of its key in partition %" PRId64, fault->other);
		break;
	case FAULT_KINDS:
		break;
	}
	putc('\n', out);
}

static void print_faults(FILE *out, const struct comparison_verdict *verdict, const struct verdict_words *words)
{
	for (enum fault_kind kind = 0; kind < FAULT_KINDS; kind++) {
		const struct comparison_faults *faults = &verdict->faults[kind];

		for (size_t i = 0; i < faults->shown_count; i++)
			print_fault(out, kind, &faults->shown[i], words);
		if (faults->shown_count > 0 && faults->count > faults->shown_count)
			fprintf(out, "%s: and so on, %" PRIu64 " in all\n", kind_names[kind], faults->count);
	}
}

static void print_unjudged(FILE *out, uint64_t count, const char *what)
{
	if (count > 0)
		fprintf(out, "not judged: %" PRIu64 " %s\n", count, what);
}

void verdict_print_plain(FILE *out, const struct comparison_verdict *verdict, const struct verdict_words *words)
{
	const struct comparison_faults *faults = verdict->faults;

	fprintf(out, "%s -> %s: %s\n", words->source, words->target,
	    comparison_is_clean(verdict, words->may_repeat) ? "clean" : "NOT CLEAN");
	fprintf(out, "%" PRIu64 " record%s of the source, %" PRIu64 " of the target, %s; %" PRIu64 " by provenance, the others "
	    "by content\n", verdict->source_records, plural(verdict->source_records), verdict->target_records,
	    words->isolation, verdict->by_provenance);
	fprintf(out, "compared: keys, values%s%s\n", words->headers ? ", headers" : "; not headers",
	    words->timestamps ? ", timestamps" : "; not timestamps");
	for (enum fault_kind kind = 0; kind < FAULT_KINDS; kind++)
		fprintf(out, "%-10s %" PRIu64 "%s\n", kind_names[kind], faults[kind].count,
		    kind == FAULT_REPEATED && words->may_repeat && faults[kind].count > 0 ? ", which is allowed" : "");
	if (verdict->lost_at_end > 0)
		fprintf(out, "%" PRIu64 " of the lost are at the end of their partitions: if the relay runs, they may be on their "
		    "way; see --grace\n", verdict->lost_at_end);
	print_faults(out, verdict, words);
	print_unjudged(out, verdict->too_new, "source records that came after the start");
	print_unjudged(out, verdict->gone_from_target,
	    "source records before the first that is in the target: its log begins later, retention may have deleted them");
	print_unjudged(out, verdict->gone_from_source,
	    "target records before the first that is in the source: its log begins later, retention may have deleted theirs");
	print_unjudged(out, verdict->of_other_sources, "target records that come from other sources, as they say");
	print_unjudged(out, verdict->twins,
	    "source records for their order: others have the same content, only their number was compared");
}

/* ---- JSON ---- */

static void print_fault_json(FILE *out, const struct comparison_fault *fault, enum fault_kind kind)
{
	const char *comma = "";

	putc('{', out);
	if (fault->source_partition >= 0) {
		fprintf(out, "\"source_partition\":%" PRId32 ",\"source_offset\":%" PRId64, fault->source_partition,
		    fault->source_offset);
		comma = ",";
	}
	if (fault->target_partition >= 0) {
		fprintf(out, "%s\"target_partition\":%" PRId32 ",\"target_offset\":%" PRId64, comma,
		    fault->target_partition, fault->target_offset);
		comma = ",";
	}
	if (kind == FAULT_REORDERED)
		fprintf(out, ",\"follows_offset\":%" PRId64, fault->other);
	else if (kind == FAULT_SCATTERED)
		fprintf(out, ",\"other_target_partition\":%" PRId64, fault->other);
	else if (kind == FAULT_LOST && fault->other > 1)
		fprintf(out, "%s\"records\":%" PRId64, comma, fault->other);
	putc('}', out);
}

void verdict_print_json(FILE *out, const struct comparison_verdict *verdict, const struct verdict_words *words)
{
	fputs("{\"source\":", out);
	json_print_string(out, words->source);
	fputs(",\"target\":", out);
	json_print_string(out, words->target);
	fprintf(out, ",\"clean\":%s", comparison_is_clean(verdict, words->may_repeat) ? "true" : "false");
	fprintf(out, ",\"isolation\":\"%s\"", words->isolation);
	fprintf(out, ",\"source_records\":%" PRIu64 ",\"target_records\":%" PRIu64 ",\"found\":%" PRIu64
		     ",\"by_provenance\":%" PRIu64, verdict->source_records, verdict->target_records, verdict->found,
	    verdict->by_provenance);
	for (enum fault_kind kind = 0; kind < FAULT_KINDS; kind++)
		fprintf(out, ",\"%s\":%" PRIu64, kind_names[kind], verdict->faults[kind].count);
	fprintf(out, ",\"lost_at_end\":%" PRIu64, verdict->lost_at_end);
	fprintf(out, ",\"not_judged\":{\"too_new\":%" PRIu64 ",\"gone_from_target\":%" PRIu64 ",\"gone_from_source\":%" PRIu64
		     ",\"of_other_sources\":%" PRIu64 ",\"order_of_twins\":%" PRIu64 "}", verdict->too_new,
	    verdict->gone_from_target, verdict->gone_from_source, verdict->of_other_sources, verdict->twins);
	fputs(",\"faults\":{", out);
	for (enum fault_kind kind = 0; kind < FAULT_KINDS; kind++) {
		const struct comparison_faults *faults = &verdict->faults[kind];

		fprintf(out, "%s\"%s\":[", kind > 0 ? "," : "", kind_names[kind]);
		for (size_t i = 0; i < faults->shown_count; i++) {
			if (i > 0)
				putc(',', out);
			print_fault_json(out, &faults->shown[i], kind);
		}
		putc(']', out);
	}
	fputs("}}\n", out);
}
