/* aloqctl verify: the auditor. Reads both sides and compares them (comparison.h). */
#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sysexits.h>
#include "base/cleanup.h"
#include "base/clock.h"
#include "base/memory.h"
#include "core/provenance.h"
#include "ctl/answer.h"
#include "ctl/commands.h"
#include "ctl/comparison.h"
#include "ctl/connection.h"
#include "ctl/content_hash.h"
#include "ctl/option_value.h"
#include "ctl/progress.h"
#include "ctl/verdict_print.h"
#include "kafka/topic_reader.h"

enum { POLL_MS = 100, EXIT_NOT_CLEAN = 1 };
#define MEBIBYTE (UINT64_C(1) << 20)

/* Of --memory: what the program and two clients take that hold nothing. */
#define BASE_BYTES (20 * MEBIBYTE)
#define PREFETCH_BYTES_MAX (64 * MEBIBYTE)

struct verification {
	const struct call *call;
	const char *source_topic, *target_topic;
	enum isolation isolation;
	uint64_t memory_bytes;
	int64_t grace_ms; /* 0: none */
	int64_t shown;
	int64_t timeout_ms;
	bool headers, timestamps, by_content, may_repeat;

	struct topic_reader *source, *target;
	char *source_cluster; /* its id; NULL: not known */
	int64_t *source_ends; /* at the start, by partition */
	struct content_hash_key hash_key;
	struct comparison *comparison;
	bool stamped_by_broker; /* a record of the target */
};

/* ---- options ---- */

static int parse(struct verification *verification, const struct call *call)
{
	int exit_code;

	*verification = (struct verification){
		.call = call,
		.source_topic = call->arguments[0],
		.target_topic = call->arguments[1],
		.memory_bytes = 256 * MEBIBYTE,
		.shown = 10,
		.timeout_ms = 30000,
		.headers = !call_has(call, "ignore-headers"),
		.timestamps = call_has(call, "timestamps"),
		.by_content = call_has(call, "by-content"),
		.may_repeat = call_has(call, "allow-repeated"),
	};
	exit_code = option_isolation(call, "isolation", &verification->isolation);
	if (exit_code == 0)
		exit_code = option_size(call, "memory", 32 * MEBIBYTE, &verification->memory_bytes);
	if (exit_code == 0)
		exit_code = option_duration_ms(call, "grace", &verification->grace_ms);
	if (exit_code == 0)
		exit_code = option_number(call, "show", 0, 1000000, &verification->shown);
	if (exit_code == 0)
		exit_code = option_duration_ms(call, "timeout", &verification->timeout_ms);
	return exit_code;
}

/* Both sides are one cluster unless each is named. */
static int connect_side(struct connection *connection, const struct call *call, const char *cluster, const char *brokers)
{
	bool own = call_has(call, cluster) || call_has(call, brokers);

	return connection_open(connection, call, own ? cluster : "cluster", own ? brokers : "brokers");
}

/* ---- what is there ---- */

static struct topic_reader *open_side(const struct verification *verification, const struct connection *connection,
    const char *topic, struct error *err)
{
	uint64_t prefetch_bytes = (verification->memory_bytes - BASE_BYTES) / 8;
	const struct topic_reader_options options = {
		.cluster = &connection->cluster,
		.isolation = verification->isolation,
		.prefetch_bytes = prefetch_bytes < PREFETCH_BYTES_MAX ? prefetch_bytes : PREFETCH_BYTES_MAX,
		.timeout_ms = (int)verification->timeout_ms,
	};
	_cleanup_(topic_reader_freep) struct topic_reader *reader = topic_reader_new(&options, err);

	if (!reader || topic_reader_add(reader, topic, err) < 0)
		return NULL;
	return TAKE_PTR(reader);
}

static void end_where_the_log_ends(struct topic_reader *reader, const int64_t *ends)
{
	size_t count;
	struct reader_part *parts = topic_reader_parts(reader, &count);

	for (size_t i = 0; i < count; i++)
		parts[i].end = ends ? ends[i] : parts[i].log_end;
}

/* First where the source ends: what is before it must be in the target. Then where the target ends; then again where the
 * source ends, because what is in the target by then may have come from there. */
static int open_sides(struct verification *verification, const struct connection *source, const struct connection *target,
    struct error *err)
{
	const struct reader_part *parts;
	_cleanup_free_ int64_t *ends = NULL;
	size_t count;

	verification->source = open_side(verification, source, verification->source_topic, err);
	if (!verification->source)
		return err->code;
	parts = topic_reader_parts(verification->source, &count);
	verification->source_ends = xcalloc(count, sizeof *verification->source_ends);
	for (size_t i = 0; i < count; i++)
		verification->source_ends[i] = parts[i].log_end;
	verification->source_cluster = topic_reader_cluster_id(verification->source);
	if (verification->grace_ms > 0)
		poll(NULL, 0, (int)verification->grace_ms);
	verification->target = open_side(verification, target, verification->target_topic, err);
	if (!verification->target)
		return err->code;
	end_where_the_log_ends(verification->target, NULL);
	ends = xcalloc(count, sizeof *ends);
	if (topic_reader_ask_ends(verification->source, ends, err) < 0)
		return err->code;
	end_where_the_log_ends(verification->source, ends);
	return 0;
}

static int64_t *starts_of(struct topic_reader *reader, int32_t *partitions)
{
	size_t count;
	const struct reader_part *parts = topic_reader_parts(reader, &count);
	int64_t *starts = xcalloc(count, sizeof *starts);

	for (size_t i = 0; i < count; i++)
		starts[i] = parts[i].log_start;
	*partitions = (int32_t)count;
	return starts;
}

static void make_comparison(struct verification *verification)
{
	const char *directory = getenv("TMPDIR");
	struct comparison_options options = {
		/* the rest is the clients' */
		.memory_bytes = (verification->memory_bytes - BASE_BYTES) / 4 * 3,
		.directory = directory && *directory ? directory : "/var/tmp",
		.shown = (size_t)verification->shown,
	};
	_cleanup_free_ int64_t *source_starts = starts_of(verification->source, &options.source_partitions);
	_cleanup_free_ int64_t *target_starts = starts_of(verification->target, &options.target_partitions);

	options.source_starts = source_starts;
	options.target_starts = target_starts;
	verification->comparison = comparison_new(&options);
}

/* ---- records ---- */

/* Looks for the coordinates of the source, and hashes what is left of the headers. */
static void take_headers(const struct verification *verification, const struct read_record *record,
    struct content_hash *hash, struct compared_claim *claim)
{
	uint64_t hashed = 0;
	const char *name;
	const void *value;
	size_t value_bytes;

	for (size_t i = 0; read_header(record, i, &name, &value, &value_bytes); i++) {
		struct provenance provenance;

		if (strcmp(name, PROVENANCE_HEADER) != 0) {
			if (verification->headers) {
				content_hash_field(hash, name, strlen(name));
				content_hash_field(hash, value, value_bytes);
				hashed++;
			}
			continue;
		}
		if (verification->by_content || !provenance_parse(value, value_bytes, &provenance))
			continue;
		/* The last one of this source, wherever else it has been before and since. */
		if (provenance_is_of(&provenance, verification->source_cluster, verification->source_topic)) {
			claim->is_of_source = true;
			claim->partition = provenance.partition;
			claim->offset = provenance.offset;
		} else {
			claim->is_of_another = true;
		}
	}
	content_hash_number(hash, hashed);
}

static void take_record(const struct verification *verification, const struct read_record *record, int32_t partition,
    struct compared_record *compared, struct compared_claim *claim)
{
	struct content_hash hash;
	uint64_t key[2] = { 0 };

	*claim = (struct compared_claim){ .is_of_source = false };
	*compared = (struct compared_record){ .partition = partition, .offset = record->offset };
	content_hash_begin(&hash, &verification->hash_key);
	content_hash_field(&hash, record->key, record->key_bytes);
	if (record->key) {
		content_hash_end(&hash, key);
		compared->key = key[0] ? key[0] : 1;
	}
	content_hash_field(&hash, record->value, record->value_bytes);
	take_headers(verification, record, &hash, claim);
	if (verification->timestamps)
		content_hash_number(&hash, (uint64_t)record->timestamp_ms);
	content_hash_end(&hash, compared->content);
}

static int take_side(struct verification *verification, struct topic_reader *reader, const struct read_record *record,
    struct error *err)
{
	size_t count;
	const struct reader_part *part = &topic_reader_parts(reader, &count)[record->part];
	struct compared_record compared;
	struct compared_claim claim;

	if (read_headers_damaged(record))
		return error_set(err, -EBADMSG, REMEDY_PERSON, "%s [%d] offset %lld: the headers cannot be read", part->topic,
		    (int)part->partition, (long long)record->offset);
	take_record(verification, record, part->partition, &compared, &claim);
	if (reader == verification->source)
		return comparison_add_source(verification->comparison, &compared,
		    record->offset >= verification->source_ends[record->part], err);
	verification->stamped_by_broker |= record->stamped_by_broker;
	return comparison_add_target(verification->comparison, &compared, &claim, err);
}

static int read_side(struct verification *verification, struct topic_reader *reader, const char *what, struct error *err)
{
	size_t count;
	const struct reader_part *parts = topic_reader_parts(reader, &count);
	struct progress progress;
	uint64_t total = 0;
	int result;

	for (size_t i = 0; i < count; i++)
		total += parts[i].end > parts[i].start ? (uint64_t)(parts[i].end - parts[i].start) : 0;
	progress_begin(&progress, what, total);
	result = topic_reader_start(reader, err);
	while (result >= 0 && !topic_reader_done(reader)) {
		struct read_record record;

		result = topic_reader_poll(reader, POLL_MS, &record, err);
		if (result > 0)
			result = take_side(verification, reader, &record, err);
		progress_step(&progress, result >= 0);
	}
	progress_end(&progress);
	return result < 0 ? result : 0;
}

/* ---- the whole ---- */

static int show(const struct verification *verification, const struct comparison_verdict *verdict)
{
	const struct verdict_words words = {
		.source = verification->source_topic,
		.target = verification->target_topic,
		.may_repeat = verification->may_repeat,
		.isolation = isolation_name(verification->isolation),
		.headers = verification->headers,
		.timestamps = verification->timestamps,
	};

	if (verification->call->json)
		verdict_print_json(stdout, verdict, &words);
	else
		verdict_print_plain(stdout, verdict, &words);
	if (verification->timestamps && verification->stamped_by_broker)
		fputs("aloqctl verify: the target's brokers stamp its records themselves: --timestamps compares in vain\n",
		    stderr);
	if (fflush(stdout) == EOF || ferror(stdout))
		return answer_fail(EX_IOERR, "cannot write to the standard output");
	return comparison_is_clean(verdict, verification->may_repeat) ? EX_OK : EXIT_NOT_CLEAN;
}

static int verify(struct verification *verification, const struct connection *source, const struct connection *target)
{
	const struct comparison_verdict *verdict;
	struct error err = { 0 };
	uint64_t seed;

	if (getrandom(&seed, sizeof seed, 0) != sizeof seed)
		seed = (uint64_t)clock_monotonic_us();
	content_hash_key_fill(&verification->hash_key, seed);
	if (open_sides(verification, source, target, &err) < 0)
		return connection_fail(verification->call, &err);
	make_comparison(verification);
	/* The target first: only then is it known how the source's records are to be told apart. */
	if (read_side(verification, verification->target, "reading the target", &err) < 0 ||
	    read_side(verification, verification->source, "reading the source", &err) < 0)
		return connection_fail(verification->call, &err);
	topic_reader_free(TAKE_PTR(verification->source));
	topic_reader_free(TAKE_PTR(verification->target));
	verdict = comparison_finish(verification->comparison, &err);
	return verdict ? show(verification, verdict) : connection_fail(verification->call, &err);
}

static int run(const struct call *call)
{
	_cleanup_(connection_close) struct connection source = { .config = NULL }, target = { .config = NULL };
	struct verification verification;
	int exit_code = parse(&verification, call);

	if (exit_code == 0)
		exit_code = connect_side(&source, call, "source-cluster", "source-brokers");
	if (exit_code == 0)
		exit_code = connect_side(&target, call, "target-cluster", "target-brokers");
	if (exit_code == 0)
		exit_code = verify(&verification, &source, &target);
	comparison_free(verification.comparison);
	topic_reader_free(verification.source);
	topic_reader_free(verification.target);
	free(verification.source_cluster);
	free(verification.source_ends);
	return exit_code;
}

static const struct command_option options[] = {
	{ "source-cluster", '\0', "NAME", "the cluster of SOURCE, where it is another one" },
	{ "source-brokers", '\0', "LIST", "the brokers of SOURCE" },
	{ "target-cluster", '\0', "NAME", "the cluster of TARGET" },
	{ "target-brokers", '\0', "LIST", "the brokers of TARGET" },
	{ "allow-repeated", '\0', NULL, "repeated records are clean: at_least_once may repeat" },
	{ "grace", '\0', "DURATION", "what is on its way has so long to arrive (default: none)" },
	{ "isolation", '\0', "LEVEL", "read_committed (default) or read_uncommitted, of both" },
	{ "ignore-headers", '\0', NULL, "compare keys and values" },
	{ "timestamps", '\0', NULL, "compare timestamps, too" },
	{ "by-content", '\0', NULL, "do not trust headers that say where a record comes from" },
	{ "show", '\0', "N", "tell the first N of each kind of fault (default: 10)" },
	{ "memory", '\0', "SIZE", "use so much memory, and files for the rest (default: 256MiB)" },
	{ "timeout", '\0', "DURATION", "how long to wait for the brokers' first answers (default: 30s)" },
	CONNECTION_OPTIONS,
	{ NULL, '\0', NULL, NULL },
};

const struct command command_verify = {
	.name = "verify",
	.arguments = "SOURCE TARGET",
	.least = 2,
	.most = 2,
	.help = "is all of a topic in another: once, unchanged, in order?",
	.options = options,
	.json_help = "print the verdict as JSON",
	.asks_no_daemon = true,
	.run = run,
};
