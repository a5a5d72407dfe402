/* aloqctl unblock */
#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include "base/cleanup.h"
#include "base/clock.h"
#include "base/escape.h"
#include "base/memory.h"
#include "ctl/answer.h"
#include "ctl/commands.h"
#include "ctl/option_value.h"
#include "ctl/partition_answer.h"
#include "ctl/tell.h"

enum { LOOK_MS = 100, TIMEOUT_MS = 60 * 1000 };

/* What was asked for, and what is seen. */
struct unblocking {
	const struct call *call;
	const char *pipeline, *topic;
	char *shown_topic; /* escaped */
	int64_t number;
	const char *verb;
	int64_t offset; /* -1: where it is blocked */
	struct control_answer json;
	struct partition_answer partition;
	bool given_up; /* it is not read here any more */
};

static void unblocking_clear(struct unblocking *unblocking)
{
	free(unblocking->shown_topic);
	control_answer_clear(&unblocking->json);
	partition_answer_clear(&unblocking->partition);
}

/* ---- options ---- */

static int parse(struct unblocking *unblocking)
{
	static const char *const verbs[] = { "retry", "skip", "dead-letter" };
	const struct call *call = unblocking->call;
	const char *text = call->arguments[2];
	int exit_code;
	char *end;

	unblocking->pipeline = call->arguments[0];
	unblocking->topic = call->arguments[1];
	unblocking->shown_topic = escape_whole(unblocking->topic);
	errno = 0;
	unblocking->number = strtoll(text, &end, 10);
	if (errno || end == text || *end || unblocking->number < 0 || unblocking->number > INT32_MAX)
		return call_usage(call, "PARTITION is a number, from 0 on");
	for (size_t i = 0; i < sizeof verbs / sizeof verbs[0]; i++) {
		if (!call_has(call, verbs[i]))
			continue;
		if (unblocking->verb)
			return call_usage(call, "--%s and --%s: only one can be", unblocking->verb, verbs[i]);
		unblocking->verb = verbs[i];
	}
	if (!unblocking->verb)
		return call_usage(call, "what is to become of what blocks it: --retry, --skip or --dead-letter?");
	unblocking->offset = -1;
	exit_code = option_number(call, "offset", 0, INT64_MAX, &unblocking->offset);
	return exit_code;
}

/* ---- looking ---- */

/* Returns 0, or an exit code after the user has been told. */
static int look(struct unblocking *unblocking)
{
	_cleanup_free_ char *path = answer_pipeline_path(unblocking->pipeline, NULL);
	struct error err = { 0 };
	int exit_code;
	int result;

	control_answer_clear(&unblocking->json);
	partition_answer_clear(&unblocking->partition);
	result = control_get(unblocking->call->socket_path, path, &unblocking->json, &err);
	exit_code = answer_check(result, unblocking->pipeline, &unblocking->json, &err);
	if (exit_code != 0)
		return exit_code;
	result = partition_answer_parse(
	    unblocking->json.body, unblocking->topic, unblocking->number, &unblocking->partition, &err);
	unblocking->given_up = result == -ENOENT;
	if (result < 0)
		return answer_fail(result == -ENOENT ? EXIT_REFUSED : EX_PROTOCOL, err.message);
	return 0;
}

static void show(const struct unblocking *unblocking, const char *words)
{
	const struct partition_answer *partition = &unblocking->partition;
	bool is_person = !unblocking->call->json;

	if (!is_person)
		return;
	printf("%s [%" PRId64 "]: ", unblocking->shown_topic, unblocking->number);
	if (partition->blocked_at >= 0)
		printf("%sblocked at offset %" PRId64 " by a %s: %s\n", words, partition->blocked_at,
		    partition->blocked_by, partition->error ? partition->error : "");
	else
		printf("%s, committed up to %" PRId64 "\n", partition->state, partition->committed);
	fflush(stdout);
}

/* ---- acting ---- */

/* For exactly what has been shown. */
static int decide(struct unblocking *unblocking, int64_t *order)
{
	_cleanup_(control_answer_clear) struct control_answer answer = { 0 };
	_cleanup_free_ char *topic = control_escape(unblocking->topic);
	_cleanup_free_ char *act = xasprintf("partitions/%s/%" PRId64 "/%s?offset=%" PRId64, topic, unblocking->number,
	    unblocking->verb, unblocking->offset >= 0 ? unblocking->offset : unblocking->partition.blocked_at);
	_cleanup_free_ char *path = answer_pipeline_path(unblocking->pipeline, act);
	struct error err = { 0 };
	int result = control_post(unblocking->call->socket_path, path, &answer, &err);
	int exit_code = answer_check(result, unblocking->pipeline, &answer, &err);

	if (exit_code == 0 && partition_answer_order(answer.body, order, &err) < 0)
		return answer_fail(EX_PROTOCOL, err.message);
	return exit_code;
}

static int await_done(struct unblocking *unblocking, int64_t order)
{
	int64_t timeout_ms = TIMEOUT_MS, end_us;
	enum order_end end = ORDER_OPEN;
	int exit_code = option_duration_ms(unblocking->call, "timeout", &timeout_ms);

	if (exit_code != 0 || call_has(unblocking->call, "no-wait"))
		return exit_code;
	end_us = clock_after_us(clock_monotonic_us(), timeout_ms * USEC_PER_MSEC);
	while ((exit_code = look(unblocking)) == 0 &&
	       (end = partition_answer_order_end(&unblocking->partition, order)) == ORDER_OPEN) {
		if (clock_monotonic_us() >= end_us)
			return answer_fail(EX_TEMPFAIL, "it is not done yet: what lies before it is to be settled and "
							"committed first, or the pipeline is paused (aloqctl status PIPELINE)");
		poll(NULL, 0, LOOK_MS);
	}
	if (unblocking->given_up)
		return answer_fail(EX_TEMPFAIL, "a rebalance has taken the partition away before: tell the instance that "
						"has it now");
	if (exit_code != 0)
		return exit_code;
	if (end == ORDER_FAILED)
		return answer_fail(EX_TEMPFAIL, "it was not carried out: something else had been decided, the partition was given "
						"up before, or the record is not there any more; the log of aloqd tells which, and "
						"aloqctl status what blocks now");
	show(unblocking, "again ");
	if (unblocking->call->json)
		exit_code = answer_show(unblocking->call, &unblocking->json, NULL, stdout);
	return exit_code == 0 && unblocking->partition.blocked_at >= 0 ? EX_TEMPFAIL : exit_code;
}

static int run(const struct call *call)
{
	_cleanup_(unblocking_clear) struct unblocking unblocking = { .call = call };
	int64_t order = 0;
	int exit_code = parse(&unblocking);

	if (exit_code == 0)
		exit_code = look(&unblocking);
	if (exit_code != 0)
		return exit_code;
	if (unblocking.partition.blocked_at < 0) {
		_cleanup_free_ char *words = xasprintf("%s [%" PRId64 "] is not blocked; aloqctl status PIPELINE shows what is",
		    unblocking.shown_topic, unblocking.number);

		return answer_fail(EXIT_REFUSED, words);
	}
	show(&unblocking, "");
	exit_code = decide(&unblocking, &order);
	return exit_code ? exit_code : await_done(&unblocking, order);
}

static const struct command_option options[] = {
	{ "retry", '\0', NULL, "send the record once more, or look at the gap once more" },
	{ "skip", '\0', NULL, "go on without the record, or without what the gap has lost" },
	{ "dead-letter", '\0', NULL, "write the record to the topic for dead letters" },
	{ "offset", '\0', "N", "only if it is this offset that blocks the partition" },
	TELL_OPTIONS,
	{ NULL, '\0', NULL, NULL },
};

const struct command command_unblock = {
	.name = "unblock",
	.arguments = "PIPELINE TOPIC PARTITION",
	.least = 3,
	.most = 3,
	.help = "decide what becomes of what blocks a partition",
	.options = options,
	.notes = "What is skipped is counted and logged with its place. What lies before it is settled first.\n",
	.run = run,
};
