/* check: reads a topic of orders and the topic it was relayed to, and says whether the promise held. */
#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sysexits.h>
#include "base/clock.h"
#include "base/memory.h"
#include "kafka/topic_reader.h"
#include "ctl/order.h"
#include "sandbox/arguments.h"
#include "sandbox/audit.h"
#include "sandbox/commands.h"

enum { PREFETCH_BYTES = 16 << 20, POLL_MS = 200, ANSWER_MS = 30 * 1000, EXIT_BROKEN = 1 };

struct options {
	const char *brokers;
	const char *target_brokers; /* where they are others */
	const char *source;
	const char *target;
};

static int parse_options(int argc, char **argv, struct options *options)
{
	static const struct option known[] = {
		{ "brokers", required_argument, NULL, 'b' },
		{ "source", required_argument, NULL, 's' },
		{ "target", required_argument, NULL, 't' },
		{ "target-brokers", required_argument, NULL, 'T' },
		{ 0 },
	};
	int option;

	*options = (struct options){ 0 };
	while ((option = getopt_long(argc, argv, "", known, NULL)) != -1) {
		switch (option) {
		case 'b':
			options->brokers = optarg;
			break;
		case 's':
			options->source = optarg;
			break;
		case 't':
			options->target = optarg;
			break;
		case 'T':
			options->target_brokers = optarg;
			break;
		default:
			return -EINVAL;
		}
	}
	if (argument_required("check", "brokers", options->brokers) < 0 ||
	    argument_required("check", "source", options->source) < 0 ||
	    argument_required("check", "target", options->target) < 0)
		return -EINVAL;
	if (!options->target_brokers)
		options->target_brokers = options->brokers;
	return argument_none_left("check", argc, argv, optind);
}

/* All of a record that must survive, as one string of bytes: two records are the same exactly when these are.
 */
struct image {
	char *bytes;
	size_t size, capacity;
};

static void image_append(struct image *image, const void *bytes, size_t size)
{
	if (image->size + size > image->capacity) {
		image->capacity = (image->size + size) * 2;
		image->bytes = xreallocarray(image->bytes, image->capacity, 1);
	}
	if (size)
		memcpy(image->bytes + image->size, bytes, size);
	image->size += size;
}

/* Null and empty differ. */
static void image_append_field(struct image *image, const void *bytes, size_t size)
{
	int64_t length = bytes ? (int64_t)size : -1;

	image_append(image, &length, sizeof length);
	if (bytes)
		image_append(image, bytes, size);
}

static void image_take(struct image *image, const struct read_record *record)
{
	const char *name;
	const void *value;
	size_t value_bytes;
	int64_t timestamp_ms;

	image->size = 0;
	/* As the producer set it; -1: none, or stamped by the broker. */
	timestamp_ms = record->stamped_by_broker ? -1 : record->timestamp_ms;
	image_append(image, &timestamp_ms, sizeof timestamp_ms);
	image_append_field(image, record->key, record->key_bytes);
	image_append_field(image, record->value, record->value_bytes);
	for (size_t i = 0; read_header(record, i, &name, &value, &value_bytes); i++) {
		image_append_field(image, name, strlen(name));
		image_append_field(image, value, value_bytes);
	}
}

/* A record of the source that cannot be told from others makes the check impossible. */
static int add_to_source(
    struct audit *audit, const struct audit_record *record, const char *topic, struct error *err)
{
	switch (audit_add_source(audit, record)) {
	case 0:
		return 0;
	case -EEXIST:
		return error_set(err, -EEXIST, REMEDY_PERSON,
		    "topic %s, partition %" PRId32 ", offset %" PRId64 ": order %" PRId64
		    " is there twice; only topics in which each id is once can be checked",
		    topic, record->partition, record->offset, record->identity);
	default:
		return error_set(err, -EINVAL, REMEDY_PERSON,
		    "topic %s, partition %" PRId32 ", offset %" PRId64
		    ": not an order; only topics of `aloq-sandbox orders` can be checked",
		    topic, record->partition, record->offset);
	}
}

/* Reads a topic as far as it goes now. */
static int read_topic(struct audit *audit, const struct options *options, bool is_source, struct error *err)
{
	const char *topic = is_source ? options->source : options->target;
	const char *brokers = is_source ? options->brokers : options->target_brokers;
	const struct config_cluster cluster = { .name = (char *)"sandbox", .brokers = (char *)(uintptr_t)brokers };
	const struct topic_reader_options reader_options = {
		.cluster = &cluster, .prefetch_bytes = PREFETCH_BYTES, .timeout_ms = ANSWER_MS
	};
	_cleanup_(topic_reader_freep) struct topic_reader *reader = NULL;
	struct reader_part *parts;
	size_t part_count;
	int64_t deadline_us = clock_monotonic_us() + ANSWER_MS * USEC_PER_MSEC;
	struct image image = { 0 };
	int result = 0;

	reader = topic_reader_new(&reader_options, err);
	if (!reader || topic_reader_add(reader, topic, err) < 0)
		return err->code;
	parts = topic_reader_parts(reader, &part_count);
	for (size_t i = 0; i < part_count; i++)
		parts[i].end = parts[i].log_end;
	result = topic_reader_start(reader, err);
	while (result >= 0 && !topic_reader_done(reader)) {
		struct read_record record;
		struct audit_record audited;
		struct order order;

		result = topic_reader_poll(reader, POLL_MS, &record, err);
		if (result == 0 && clock_monotonic_us() > deadline_us)
			result = error_set(err, -ETIMEDOUT, REMEDY_RETRY,
			    "topic %s: its end was not reached: no record came for %d s", topic,
			    ANSWER_MS / 1000);
		if (result <= 0)
			continue;
		deadline_us = clock_monotonic_us() + ANSWER_MS * USEC_PER_MSEC;
		image_take(&image, &record);
		audited = (struct audit_record){ -1, parts[record.part].partition, record.offset, image.bytes, image.size };
		if (order_decode(&order, record.value, record.value_bytes) == 0)
			audited.identity = order.id;
		if (is_source)
			result = add_to_source(audit, &audited, topic, err);
		else
			audit_add_target(audit, &audited);
	}
	free(image.bytes);
	return result < 0 ? result : 0;
}

static void print_fault(const struct audit_fault *fault, const struct options *options)
{
	static const char *const names[] = {
		[FAULT_LOST] = "lost",
		[FAULT_OUT_OF_ORDER] = "out of order",
		[FAULT_ALTERED] = "altered",
	};
	const char *topic = fault->kind == FAULT_LOST ? options->source : options->target;

	printf("  %s: ", names[fault->kind]);
	if (fault->identity >= 0)
		printf("order %" PRId64 ", ", fault->identity);
	printf("%s partition %" PRId32 " offset %" PRId64 "\n", topic, fault->partition, fault->offset);
}

static void print_verdict(const struct audit_verdict *verdict, const struct options *options)
{
	const struct {
		const char *name;
		uint64_t count;
	} rows[] = {
		{ "produced", verdict->produced },
		{ "relayed", verdict->relayed },
		{ "lost", verdict->lost },
		{ "repeated", verdict->repeated },
		{ "out of order", verdict->out_of_order },
		{ "altered", verdict->altered },
	};

	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
		printf("  %-14s%8" PRIu64 "\n", rows[i].name, rows[i].count);
	for (size_t i = 0; i < verdict->fault_count; i++)
		print_fault(&verdict->faults[i], options);
}

int command_check(int argc, char **argv)
{
	_cleanup_(audit_freep) struct audit *audit = audit_new();
	struct audit_verdict verdict;
	struct options options;
	struct error err;

	if (parse_options(argc, argv, &options) < 0)
		return EX_USAGE;
	if (read_topic(audit, &options, true, &err) < 0 || read_topic(audit, &options, false, &err) < 0) {
		fprintf(stderr, "aloq-sandbox check: %s\n", err.message);
		return err.remedy == REMEDY_RETRY ? EX_UNAVAILABLE : EX_DATAERR;
	}
	audit_judge(audit, &verdict);
	print_verdict(&verdict, &options);
	return audit_holds(&verdict) ? EX_OK : EXIT_BROKEN;
}
