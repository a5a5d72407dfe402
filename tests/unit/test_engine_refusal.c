/* How the engine finds a record that the target refuses, and what it makes of it. The target takes what was submitted
 * as one batch each time it is asked (or as two), and refuses all of one that holds a record at fault. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>
#include "base/clock.h"
#include "relay/engine.h"

enum { RECORDS = 1000 };

struct item {
	uint64_t handle;
	int64_t offset;
	bool dead_letter;
};

struct fake {
	struct engine *engine;
	bool at_fault[RECORDS];
	bool at_fault_as_dead_letter[RECORDS];
	bool refused_at_once; /* records at fault never get further than submit */
	struct item flight[RECORDS];
	size_t flight_count;
	bool broken; /* the producer has died of a refusal */
	bool purged; /* it is given up */
	bool known;  /* the target has taken something of it */
	bool first_alone; /* what is in flight is two batches: a large record does not go with others */
	unsigned harmed_dead_letters; /* so many are not taken, through no fault of their own */
	enum error_remedy remedy; /* what it says of a refusal */
	unsigned damaged;	  /* so many times what is sent alone comes to harm on its way */
	unsigned requests, recreations;
	bool ready;
	unsigned written[RECORDS], dead_letters[RECORDS];
	int64_t last_written;
	int64_t next_offset;
	bool assign;
	int64_t committed;
	bool answer_commit, hold_commits;
	struct mark answer;
	unsigned told[RECORDS];
	int64_t blocked_at;
	struct error blocked;
	bool may_lose;
	unsigned chunks_out;
	uint64_t epoch;
	bool rewound, crossed; /* the source was asked to read again; to cross a gap */
	bool crossed_always;   /* as on_gap says */
	int64_t log_start;     /* what lies before it is gone */
	int64_t truncated_to, log_end; /* the log has grown again since */
	uint64_t version;      /* of the records that are read now */
	unsigned done, forgotten;
	enum unblock_end how_forgotten;
};

static void tell_gap(struct fake *fake)
{
	struct error gap;

	error_set(&gap, ENGINE_GAP_CODE, REMEDY_PERSON, "a gap");
	engine_on_source_blocked(fake->engine, 0, fake->committed, &gap);
}

static void answer_rewind(struct fake *fake)
{
	fake->rewound = false;
	fake->last_written = fake->committed - 1;
	if (fake->committed < fake->log_start && !fake->crossed && !fake->crossed_always) {
		tell_gap(fake);
		return;
	}
	fake->next_offset = fake->committed < fake->log_start ? fake->log_start : fake->committed;
	if (fake->next_offset > fake->truncated_to) {
		fake->next_offset = fake->truncated_to;
		fake->last_written = fake->truncated_to - 1;
	}
	engine_on_assigned(fake->engine, 0, ++fake->epoch, fake->next_offset);
}

static void source_serve(void *context)
{
	struct fake *fake = context;

	if (fake->assign) {
		fake->assign = false;
		fake->next_offset = 0;
		engine_on_assigned(fake->engine, 0, ++fake->epoch, 0);
	}
	if (fake->rewound && !fake->answer_commit)
		answer_rewind(fake);
	if (fake->answer_commit && !fake->hold_commits) {
		fake->answer_commit = false;
		fake->committed = fake->answer.offset;
		engine_on_commit_done(fake->engine, &fake->answer, 1, NULL);
	}
}

static uint32_t source_fetch(void *context, uint32_t part, uint32_t max_records)
{
	struct fake *fake = context;
	uint32_t count = 0;

	for (; count < max_records && fake->next_offset < fake->log_end; count++) {
		const struct chunk chunk = { .part = 0, .epoch = fake->epoch, .first = fake->next_offset,
			.next = fake->next_offset + 1, .records = 1, .bytes = 10, .leader_epoch = -1,
			.payload = &fake->at_fault[fake->next_offset] };

		fake->next_offset++;
		fake->chunks_out++;
		engine_on_chunk(fake->engine, &chunk);
	}
	return count;
}

static void source_commit(void *context, const struct mark *marks, size_t count)
{
	struct fake *fake = context;

	assert_int_equal(count, 1);
	fake->answer = marks[0];
	fake->answer_commit = true;
}

static void source_rewind(void *context, uint32_t part, bool cross_gap)
{
	struct fake *fake = context;

	assert_false(fake->answer_commit); /* what lies before is committed, and that is answered */
	fake->rewound = true;
	fake->crossed = cross_gap;
}

static void source_release_partition(void *context, uint32_t part)
{
}

static void source_release_chunk(void *context, void *payload)
{
	((struct fake *)context)->chunks_out--;
}

static uint64_t source_fingerprint(void *context, const void *payload)
{
	const struct fake *fake = context;

	return fake->version << 32 | (uint64_t)((const bool *)payload - fake->at_fault);
}

static const struct source_ops source_ops = {
	.serve = source_serve,
	.fetch = source_fetch,
	.commit = source_commit,
	.rewind = source_rewind,
	.release_partition = source_release_partition,
	.release_chunk = source_release_chunk,
	.fingerprint = source_fingerprint,
};

static bool refuses(const struct fake *fake, const struct item *item)
{
	return item->dead_letter ? fake->at_fault_as_dead_letter[item->offset] : fake->at_fault[item->offset];
}

static void write_all(struct fake *fake, const struct item *items, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		const struct item *item = &items[i];

		if (item->dead_letter) {
			fake->dead_letters[item->offset]++;
			continue;
		}
		assert_true(item->offset > fake->last_written);
		fake->last_written = item->offset;
		fake->written[item->offset]++;
		fake->known = true;
	}
}

/* Behind a batch that was refused none fits, but where the target knows nothing of the producer yet. */
static enum report_outcome answer_batch(struct fake *fake, const struct item *items, size_t count)
{
	enum report_outcome outcome = fake->purged || (fake->broken && fake->known) ? REPORT_RETRY : REPORT_ACKED;

	if (outcome != REPORT_ACKED)
		return outcome;
	for (size_t i = 0; i < count; i++)
		if (refuses(fake, &items[i]))
			outcome = REPORT_REFUSED;
	if (count == 1 && outcome == REPORT_ACKED && fake->damaged > 0) {
		fake->damaged--;
		outcome = REPORT_REFUSED;
	}
	if (outcome == REPORT_ACKED)
		write_all(fake, items, count);
	else
		fake->broken = true;
	return outcome;
}

static void report_batch(
    struct fake *fake, const struct item *items, size_t count, enum report_outcome outcome, const struct error *err)
{
	for (size_t i = 0; i < count; i++)
		engine_on_report(
		    fake->engine, items[i].handle, 1, outcome, false, outcome == REPORT_ACKED ? NULL : err);
}

/* The target answers what is in flight. */
static void answer(struct fake *fake)
{
	enum report_outcome outcome, outcome_of_rest = REPORT_ACKED;
	struct item items[RECORDS];
	size_t count = fake->flight_count;
	size_t first = fake->first_alone && count > 0 ? 1 : count;
	struct error err;

	error_set(&err, -EIO, fake->remedy, "as the test says");
	memcpy(items, fake->flight, count * sizeof items[0]);
	fake->flight_count = 0;
	fake->requests += count > 0;
	outcome = answer_batch(fake, items, first);
	if (count > first)
		outcome_of_rest = answer_batch(fake, items + first, count - first);
	report_batch(fake, items, first, outcome, &err);
	report_batch(fake, items + first, count - first, outcome_of_rest, &err);
}

/* The others are answered as ever. */
static void answer_without_dead_letters(struct fake *fake)
{
	struct item harmed[RECORDS];
	size_t harmed_count = 0, count = 0;
	struct error err;

	for (size_t i = 0; i < fake->flight_count; i++)
		if (fake->flight[i].dead_letter && harmed_count < fake->harmed_dead_letters)
			harmed[harmed_count++] = fake->flight[i];
		else
			fake->flight[count++] = fake->flight[i];
	fake->flight_count = count;
	fake->harmed_dead_letters -= (unsigned)harmed_count;
	answer(fake);
	error_set(&err, -EIO, REMEDY_RETRY, "not delivered");
	report_batch(fake, harmed, harmed_count, REPORT_RETRY, &err);
}

static void sink_serve(void *context)
{
	struct fake *fake = context;

	if (fake->ready) {
		fake->ready = fake->broken = fake->purged = fake->known = false;
		engine_on_sink_ready(fake->engine);
	}
	answer_without_dead_letters(fake);
}

static int take(struct fake *fake, const struct item *item, enum report_outcome *outcome, struct error *err)
{
	if (fake->refused_at_once && refuses(fake, item)) {
		*outcome = REPORT_REFUSED;
		return error_set(err, -EMSGSIZE, REMEDY_SKIP, "too large");
	}
	assert_true(fake->flight_count < RECORDS);
	fake->flight[fake->flight_count++] = *item;
	return 0;
}

static int sink_submit(void *context, uint64_t handle, uint32_t part, void *payload, enum report_outcome *outcome,
    struct error *err)
{
	struct fake *fake = context;
	const struct item item = { .handle = handle, .offset = (bool *)payload - fake->at_fault };

	assert_int_equal(fake->told[item.offset], 0);
	return take(fake, &item, outcome, err);
}

static int sink_dead_letter(void *context, uint64_t handle, uint32_t part, void *payload, const struct error *reason,
    enum report_outcome *outcome, struct error *err)
{
	struct fake *fake = context;
	const struct item item = { .handle = handle, .offset = (bool *)payload - fake->at_fault, .dead_letter = true };

	assert_int_equal(fake->told[item.offset], 1);
	assert_non_null(strstr(reason->message, fake->refused_at_once ? "too large" : "as the test says"));
	return take(fake, &item, outcome, err);
}

static void sink_purge(void *context, bool in_flight_too)
{
	((struct fake *)context)->purged = true;
}

static void sink_recreate(void *context)
{
	struct fake *fake = context;

	assert_int_equal(fake->flight_count, 0);
	fake->recreations++;
	fake->ready = true;
}

static const struct sink_ops sink_ops = {
	.serve = sink_serve,
	.submit = sink_submit,
	.dead_letter = sink_dead_letter,
	.purge = sink_purge,
	.recreate = sink_recreate,
};

static void host_blocked(void *context, uint32_t part, int64_t offset, const struct error *err)
{
	struct fake *fake = context;

	fake->blocked_at = offset;
	fake->blocked = *err;
}

static void host_refused(
    void *context, uint32_t part, int64_t offset, enum error_policy policy, const struct error *err)
{
	struct fake *fake = context;

	assert_true(fake->at_fault[offset]);
	fake->told[offset]++;
}

static void host_failed(void *context, const struct error *err)
{
	fail_msg("%s", err->message);
}

static void host_trouble(void *context, uint32_t part, int64_t offset, const struct error *err)
{
}

static void host_lost(void *context, uint32_t part, int64_t first, int64_t next, uint64_t records,
    const struct error *err)
{
	if (!((struct fake *)context)->may_lose)
		fail_msg("loses %d", (int)first);
}

static void host_unblocked(void *context, uint32_t part, int64_t offset, enum unblock how, enum unblock_end end)
{
	struct fake *fake = context;

	fake->done += end == UNBLOCK_CARRIED_OUT;
	fake->forgotten += end != UNBLOCK_CARRIED_OUT;
	fake->how_forgotten = end;
}

static const struct engine_host_ops host_ops = {
	.partition_blocked = host_blocked,
	.refused = host_refused,
	.failed = host_failed,
	.trouble = host_trouble,
	.lost = host_lost,
	.unblocked = host_unblocked,
};

static void begin(struct fake *fake, enum delivery delivery, enum error_policy on_error)
{
	const struct engine_config config = {
		.delivery = delivery,
		.on_error = on_error,
		.dead_letters = true,
		.idempotent = true,
		.first_goes_alone = delivery != DELIVERY_EXACTLY_ONCE,
		.commit_records = RECORDS,
		.commit_interval_us = 1,
		.revoke_timeout_us = 10 * USEC_PER_SEC,
		.limits = { .window_bytes = 10000000, .window_records = RECORDS, .partition_window_bytes = 10000000,
			.partition_window_records = RECORDS, .fetch_burst = RECORDS },
	};

	*fake = (struct fake){ .assign = true, .next_offset = RECORDS, .blocked_at = -1, .last_written = -1,
		.remedy = REMEDY_SKIP, .truncated_to = RECORDS, .log_end = RECORDS };
	fake->engine = engine_new(&config, &source_ops, fake, &sink_ops, fake, &host_ops, fake);
}

/* Until all is committed, up to `end`. */
static void run_to(struct fake *fake, int64_t end)
{
	int64_t now_us = 100 * USEC_PER_SEC;

	for (int i = 0; i < 20000 && fake->committed < end; i++)
		engine_step(fake->engine, now_us += USEC_PER_MSEC);
	assert_int_equal(fake->committed, end);
}

static void check_all_but(struct fake *fake, unsigned faults)
{
	const struct engine_counters *counters = engine_counters(fake->engine);

	for (int64_t offset = 0; offset < RECORDS; offset++) {
		assert_int_equal(fake->told[offset], fake->at_fault[offset]);
		assert_int_equal(fake->written[offset], !fake->at_fault[offset]);
	}
	assert_int_equal(counters->skipped_records + counters->dead_lettered_records, faults);
	assert_int_equal(counters->acked_records, RECORDS - faults);
	assert_int_equal(counters->lost_records, 0);
	engine_free(fake->engine);
	assert_int_equal(fake->chunks_out, 0);
}

static void test_one_among_a_thousand_is_found_in_few_steps(void **state)
{
	static const int64_t places[] = { 0, 1, 2, 499, 511, 512, 513, 998, 999 };

	for (size_t i = 0; i < sizeof places / sizeof places[0]; i++) {
		struct fake fake;

		begin(&fake, DELIVERY_AT_LEAST_ONCE, ON_ERROR_SKIP);
		fake.at_fault[places[i]] = true;
		run_to(&fake, RECORDS);
		assert_in_range(fake.requests, 2, 42);
		assert_in_range(fake.recreations, 2, 12);
		check_all_but(&fake, 1);
	}
}

static void test_all_of_many_are_found_and_no_good_one_with_them(void **state)
{
	struct fake fake;
	unsigned faults = 0;

	begin(&fake, DELIVERY_AT_LEAST_ONCE, ON_ERROR_DEAD_LETTER);
	for (int64_t offset = 1; offset < RECORDS; offset += offset < 300 ? 2 : 1 + offset % 50, faults++)
		fake.at_fault[offset] = true;
	run_to(&fake, RECORDS);
	for (int64_t offset = 0; offset < RECORDS; offset++)
		assert_int_equal(fake.dead_letters[offset], fake.at_fault[offset]);
	assert_int_equal(engine_counters(fake.engine)->dead_lettered_records, faults);
	check_all_but(&fake, faults);
}

static void test_what_is_refused_at_once_needs_no_search(void **state)
{
	struct fake fake;

	begin(&fake, DELIVERY_AT_LEAST_ONCE, ON_ERROR_DEAD_LETTER);
	fake.refused_at_once = true;
	for (int64_t offset = 0; offset < RECORDS; offset += 10)
		fake.at_fault[offset] = true;
	run_to(&fake, RECORDS);
	assert_int_equal(fake.recreations, 0);
	check_all_but(&fake, RECORDS / 10);
}

static void test_a_good_record_that_comes_to_harm_once_while_it_is_alone_is_not_taken_for_refused(void **state)
{
	struct fake fake;

	begin(&fake, DELIVERY_AT_LEAST_ONCE, ON_ERROR_SKIP);
	fake.remedy = REMEDY_RETRY;
	fake.at_fault[500] = true;
	fake.damaged = 1;
	run_to(&fake, RECORDS);
	assert_int_equal(fake.damaged, 0);
	check_all_but(&fake, 1);
}

static void test_what_is_taken_for_damaged_each_time_is_refused(void **state)
{
	struct fake fake;

	begin(&fake, DELIVERY_AT_LEAST_ONCE, ON_ERROR_DEAD_LETTER);
	fake.remedy = REMEDY_RETRY;
	fake.at_fault[0] = fake.at_fault[1] = fake.at_fault[RECORDS - 1] = true;
	run_to(&fake, RECORDS);
	check_all_but(&fake, 3);

	begin(&fake, DELIVERY_AT_LEAST_ONCE, ON_ERROR_BLOCK);
	fake.remedy = REMEDY_RETRY;
	fake.at_fault[700] = true;
	for (int i = 1; i < 1000 && fake.blocked_at < 0; i++)
		engine_step(fake.engine, i * USEC_PER_MSEC);
	assert_int_equal(fake.blocked_at, 700);
	/* It waits for somebody, and not for time. */
	assert_int_not_equal(fake.blocked.remedy, REMEDY_RETRY);
	engine_free(fake.engine);
	assert_int_equal(fake.chunks_out, 0);
}

static void test_a_dead_letter_settles_by_its_own_report(void **state)
{
	struct fake fake;
	int64_t now_us = 0;

	begin(&fake, DELIVERY_AT_LEAST_ONCE, ON_ERROR_DEAD_LETTER);
	fake.refused_at_once = true;
	fake.at_fault[0] = true;
	while (fake.told[0] == 0)
		engine_step(fake.engine, now_us += USEC_PER_MSEC);
	/* It is on its way, and not written. */
	assert_int_equal(fake.dead_letters[0], 0);
	assert_false(fake.answer_commit);
	assert_int_equal(engine_counters(fake.engine)->dead_lettered_records, 0);
	run_to(&fake, RECORDS);
	assert_int_equal(fake.dead_letters[0], 1);
	check_all_but(&fake, 1);
}

static void test_a_dead_letter_that_is_refused_blocks(void **state)
{
	for (int at_once = 0; at_once <= 1; at_once++) {
		struct fake fake;

		begin(&fake, DELIVERY_AT_LEAST_ONCE, ON_ERROR_DEAD_LETTER);
		fake.refused_at_once = at_once;
		fake.at_fault[700] = fake.at_fault_as_dead_letter[700] = true;
		for (int i = 1; i < 1000 && fake.blocked_at < 0; i++)
			engine_step(fake.engine, i * USEC_PER_MSEC);
		assert_int_equal(fake.blocked_at, 700);
		assert_non_null(strstr(fake.blocked.message, "the topic for dead letters refuses it too: "));
		assert_int_equal(engine_counters(fake.engine)->dead_lettered_records, 0);
		engine_free(fake.engine);
		assert_int_equal(fake.chunks_out, 0);
	}
}

static void test_at_most_once_gives_back_what_it_had_committed_before_it_stops(void **state)
{
	struct fake fake;
	int64_t now_us = 0;

	begin(&fake, DELIVERY_AT_MOST_ONCE, ON_ERROR_BLOCK);
	fake.at_fault[700] = true;
	for (int i = 0; i < 1000 && fake.blocked_at < 0; i++)
		engine_step(fake.engine, now_us += USEC_PER_MSEC);
	assert_int_equal(fake.blocked_at, 700);
	for (int i = 0; i < 10; i++)
		engine_step(fake.engine, now_us += USEC_PER_MSEC);
	assert_int_equal(fake.committed, 700);
	for (int64_t offset = 0; offset < RECORDS; offset++)
		assert_int_equal(fake.written[offset], offset < 700);
	engine_drain(fake.engine, now_us + USEC_PER_SEC);
	engine_step(fake.engine, now_us += USEC_PER_MSEC);
	assert_true(engine_is_drained(fake.engine));
	assert_int_equal(engine_counters(fake.engine)->lost_records, 0);
	engine_free(fake.engine);
	assert_int_equal(fake.chunks_out, 0);
}

static void test_at_most_once_counts_what_it_could_not_give_back_once(void **state)
{
	const struct engine_counters *counters;
	struct fake fake;
	struct error gap;

	begin(&fake, DELIVERY_AT_MOST_ONCE, ON_ERROR_BLOCK);
	counters = engine_counters(fake.engine);
	fake.may_lose = fake.at_fault[700] = true;
	for (int i = 1; i < 1000 && fake.blocked_at < 0; i++)
		engine_step(fake.engine, i * USEC_PER_MSEC);
	/* Before the commit that gives them back is answered. */
	fake.answer_commit = false;
	engine_on_lost(fake.engine, 0);
	assert_int_equal(counters->lost_records, RECORDS - 700);
	/* It comes back, stops at a gap before anything is read, and goes. */
	error_set(&gap, -ENODATA, REMEDY_PERSON, "gap");
	engine_on_source_blocked(fake.engine, 0, 600, &gap);
	engine_on_lost(fake.engine, 0);
	assert_int_equal(counters->lost_records, RECORDS - 700);
	engine_free(fake.engine);
	assert_int_equal(fake.chunks_out, 0);
}

static void test_at_most_once_sends_the_good_ones_of_a_refused_batch_again(void **state)
{
	struct fake fake;

	begin(&fake, DELIVERY_AT_MOST_ONCE, ON_ERROR_SKIP);
	fake.at_fault[0] = fake.at_fault[333] = fake.at_fault[334] = true;
	run_to(&fake, RECORDS);
	for (int i = 1; i < 1000 && engine_counters(fake.engine)->skipped_records < 3; i++)
		engine_step(fake.engine, USEC_PER_SEC + i * USEC_PER_SEC);
	for (int i = 0; i < 20 && fake.last_written < RECORDS - 1; i++)
		engine_step(fake.engine, 2000 * USEC_PER_SEC + i * USEC_PER_SEC);
	check_all_but(&fake, 3);
}

/* at_most_once commits first. */
static void run_on(struct fake *fake, unsigned dead_letters)
{
	run_to(fake, RECORDS);
	for (int i = 0; i < 20000 && (engine_counters(fake->engine)->dead_lettered_records < dead_letters ||
				       fake->last_written < RECORDS - 1);
	     i++)
		engine_step(fake->engine, 1000 * USEC_PER_SEC + i * USEC_PER_MSEC);
	for (int64_t offset = 0; offset < RECORDS; offset++)
		assert_int_equal(fake->dead_letters[offset], fake->at_fault[offset]);
}

static void test_at_most_once_loses_nothing_where_the_first_request_of_a_producer_is_refused(void **state)
{
	struct fake fake;
	unsigned faults = 0;

	begin(&fake, DELIVERY_AT_MOST_ONCE, ON_ERROR_DEAD_LETTER);
	fake.first_alone = true;
	for (int64_t offset = 0; offset < RECORDS; offset += 67, faults++)
		fake.at_fault[offset] = true;
	run_on(&fake, faults);
	check_all_but(&fake, faults);
}

static void test_at_most_once_sends_a_dead_letter_though_later_records_are_written(void **state)
{
	struct fake fake;

	begin(&fake, DELIVERY_AT_MOST_ONCE, ON_ERROR_DEAD_LETTER);
	fake.refused_at_once = true;
	fake.harmed_dead_letters = 1;
	fake.at_fault[500] = true;
	run_on(&fake, 1);
	assert_int_equal(fake.harmed_dead_letters, 0);
	assert_int_equal(fake.recreations, 1);
	check_all_but(&fake, 1);
}

/* ---- what a person decides ---- */

/* Blocked at 700, and all before it relayed. */
static void begin_blocked(struct fake *fake, enum delivery delivery)
{
	begin(fake, delivery, ON_ERROR_BLOCK);
	fake->at_fault[700] = true;
	for (int i = 1; i < 2000 && (fake->blocked_at < 0 || fake->committed != 700); i++)
		engine_step(fake->engine, i * USEC_PER_MSEC);
	assert_int_equal(fake->blocked_at, 700);
	assert_int_equal(fake->committed, 700);
}

static void unblock(struct fake *fake, enum unblock how)
{
	struct error err = { 0 };

	assert_int_equal(engine_unblock(fake->engine, 0, 700, how, 7, &err), 0);
}

static struct part_view look(const struct fake *fake)
{
	struct part_view view;

	engine_part_view(fake->engine, 0, &view);
	return view;
}

static void end(struct fake *fake)
{
	engine_free(fake->engine);
	assert_int_equal(fake->chunks_out, 0);
}

static void check_gone_on(struct fake *fake, bool at_fault_too)
{
	assert_int_equal(fake->done, 1);
	assert_int_equal(look(fake).order_done, 7);
	assert_int_equal(look(fake).order, 0);
	assert_int_equal(look(fake).state, PART_READING);
	for (int64_t offset = 0; offset < RECORDS; offset++)
		assert_int_equal(fake->written[offset], offset != 700 || at_fault_too);
}

static void test_a_blocked_record_that_is_skipped_is_counted_and_the_rest_arrives_once(void **state)
{
	static const enum delivery deliveries[] = { DELIVERY_AT_LEAST_ONCE, DELIVERY_AT_MOST_ONCE };

	for (size_t i = 0; i < 2; i++) {
		struct fake fake;

		begin_blocked(&fake, deliveries[i]);
		unblock(&fake, UNBLOCK_SKIP);
		run_to(&fake, RECORDS);
		for (int k = 0; k < 10; k++) /* at_most_once commits first */
			engine_step(fake.engine, 1000 * USEC_PER_SEC + k * USEC_PER_MSEC);
		check_gone_on(&fake, false);
		assert_int_equal(fake.told[700], 1);
		assert_int_equal(engine_counters(fake.engine)->skipped_records, 1);
		assert_int_equal(engine_counters(fake.engine)->repeated_records, 0);
		end(&fake);
	}
}

static void test_what_lies_before_is_committed_before_the_partition_is_read_again(void **state)
{
	struct fake fake;

	begin(&fake, DELIVERY_AT_LEAST_ONCE, ON_ERROR_BLOCK);
	fake.at_fault[700] = fake.hold_commits = true;
	for (int i = 1; i < 2000 && (fake.blocked_at < 0 || fake.last_written < 699); i++)
		engine_step(fake.engine, i * USEC_PER_MSEC);
	unblock(&fake, UNBLOCK_SKIP);
	for (int i = 1; i < 100; i++)
		engine_step(fake.engine, 100 * USEC_PER_SEC + i * USEC_PER_MSEC);
	assert_false(fake.rewound);
	assert_int_equal(look(&fake).state, PART_BLOCKED);
	fake.hold_commits = false;
	run_to(&fake, RECORDS);
	engine_step(fake.engine, 1000 * USEC_PER_SEC);
	check_gone_on(&fake, false);
	assert_int_equal(engine_counters(fake.engine)->repeated_records, 0);
	end(&fake);
}

static void test_a_blocked_record_becomes_a_dead_letter_as_decided(void **state)
{
	struct fake fake;

	begin_blocked(&fake, DELIVERY_AT_LEAST_ONCE);
	unblock(&fake, UNBLOCK_DEAD_LETTER);
	run_to(&fake, RECORDS);
	engine_step(fake.engine, 1000 * USEC_PER_SEC);
	check_gone_on(&fake, false);
	assert_int_equal(fake.dead_letters[700], 1);
	assert_int_equal(engine_counters(fake.engine)->dead_lettered_records, 1);
	end(&fake);
}

static void test_a_retry_relays_what_is_taken_now_and_blocks_again_at_what_is_not(void **state)
{
	struct fake fake;
	int64_t now_us = 2000 * USEC_PER_SEC;

	begin_blocked(&fake, DELIVERY_AT_LEAST_ONCE);
	fake.blocked_at = -1;
	unblock(&fake, UNBLOCK_RETRY);
	for (int i = 0; i < 1000 && fake.blocked_at < 0; i++)
		engine_step(fake.engine, now_us += USEC_PER_MSEC);
	assert_int_equal(fake.blocked_at, 700);
	assert_int_equal(look(&fake).order_done, 7);
	assert_int_equal(fake.done, 0);
	fake.at_fault[700] = false;
	unblock(&fake, UNBLOCK_RETRY);
	run_to(&fake, RECORDS);
	engine_step(fake.engine, 4000 * USEC_PER_SEC);
	check_gone_on(&fake, true);
	end(&fake);
}

static void test_the_next_record_at_fault_blocks_again_and_was_not_decided_about(void **state)
{
	struct fake fake;

	begin_blocked(&fake, DELIVERY_AT_LEAST_ONCE);
	fake.at_fault[701] = true;
	unblock(&fake, UNBLOCK_SKIP);
	run_to(&fake, 701);
	engine_step(fake.engine, 1000 * USEC_PER_SEC);
	assert_int_equal(fake.blocked_at, 701);
	assert_int_equal(engine_counters(fake.engine)->skipped_records, 1);
	assert_int_equal(look(&fake).blocked_by, BLOCK_RECORD);
	assert_int_equal(look(&fake).order_done, 7);
	end(&fake);
}

static void test_a_decision_is_for_the_offset_that_was_seen_and_for_one_that_is_blocked(void **state)
{
	struct fake fake;
	struct error err = { 0 };

	begin(&fake, DELIVERY_AT_LEAST_ONCE, ON_ERROR_BLOCK);
	assert_int_equal(engine_unblock(fake.engine, 0, 0, UNBLOCK_SKIP, 1, &err), -ESTALE);
	fake.at_fault[700] = true;
	run_to(&fake, 700);
	for (int i = 1; i < 100 && fake.blocked_at < 0; i++)
		engine_step(fake.engine, 500 * USEC_PER_SEC + i * USEC_PER_MSEC);
	assert_int_equal(engine_unblock(fake.engine, 0, 699, UNBLOCK_SKIP, 2, &err), -ESTALE);
	assert_int_equal(look(&fake).order_done, 0);
	assert_int_equal(look(&fake).order_failed, 2);
	unblock(&fake, UNBLOCK_SKIP);
	assert_int_equal(look(&fake).order, 7);
	assert_int_equal(engine_unblock(fake.engine, 0, 700, UNBLOCK_RETRY, 8, &err), -EALREADY);
	assert_int_equal(engine_unblock(fake.engine, 5, 700, UNBLOCK_RETRY, 9, &err), -ESTALE);
	/* Who waits for 7 must not take the refusal of 8 for its end. */
	assert_int_equal(look(&fake).order, 7);
	assert_int_equal(look(&fake).order_done, 0);
	assert_int_equal(look(&fake).order_failed, 8);
	run_to(&fake, RECORDS);
	engine_step(fake.engine, 1000 * USEC_PER_SEC);
	assert_int_equal(look(&fake).order, 0);
	assert_int_equal(look(&fake).order_done, 7);
	assert_int_equal(look(&fake).order_failed, 8);
	end(&fake);
}

static void test_a_decision_is_forgotten_with_the_partition_and_that_is_said(void **state)
{
	struct fake fake;

	begin_blocked(&fake, DELIVERY_AT_LEAST_ONCE);
	unblock(&fake, UNBLOCK_SKIP);
	engine_on_revoke_begin(fake.engine, 0);
	assert_int_equal(fake.forgotten, 1);
	assert_int_equal(fake.how_forgotten, UNBLOCK_GIVEN_UP);
	assert_int_equal(look(&fake).order_done, 0);
	assert_int_equal(look(&fake).order_failed, 7);
	for (int i = 1; i < 10; i++)
		engine_step(fake.engine, 3000 * USEC_PER_SEC + i * USEC_PER_MSEC);
	assert_false(fake.rewound);
	assert_int_equal(look(&fake).state, PART_UNASSIGNED);
	fake.blocked_at = -1;
	fake.assign = true;
	fake.last_written = -1;
	for (int i = 1; i < 1000 && fake.blocked_at < 0; i++)
		engine_step(fake.engine, 4000 * USEC_PER_SEC + i * USEC_PER_MSEC);
	assert_int_equal(fake.blocked_at, 700);
	assert_int_equal(engine_counters(fake.engine)->skipped_records, 0);
	end(&fake);
}

static void check_relayed_as_any_other(struct fake *fake)
{
	assert_int_equal(fake->done, 0);
	assert_int_equal(fake->forgotten, 1);
	assert_int_equal(fake->how_forgotten, UNBLOCK_REPLACED);
	assert_int_equal(look(fake).order, 0);
	assert_int_equal(look(fake).order_done, 0);
	assert_int_equal(look(fake).order_failed, 7);
	assert_int_equal(look(fake).state, PART_READING);
	assert_int_equal(fake->written[700], 1);
	assert_int_equal(fake->told[700], 0);
	assert_int_equal(engine_counters(fake->engine)->skipped_records, 0);
	assert_int_equal(engine_counters(fake->engine)->dead_lettered_records, 0);
}

/* The log was truncated to the committed offset, or its topic created anew, and another record has come there. */
static void test_a_decision_is_not_about_another_record_at_the_same_offset(void **state)
{
	static const enum unblock decisions[] = { UNBLOCK_SKIP, UNBLOCK_DEAD_LETTER };

	for (size_t i = 0; i < 2; i++) {
		struct fake fake;

		begin_blocked(&fake, DELIVERY_AT_LEAST_ONCE);
		unblock(&fake, decisions[i]);
		fake.at_fault[700] = false;
		fake.version++;
		run_to(&fake, RECORDS);
		engine_step(fake.engine, 1000 * USEC_PER_SEC);
		check_relayed_as_any_other(&fake);
		end(&fake);
	}
}

/* Nothing was skipped, and no dead letter written: what was decided is not done, although the partition goes on. */
static void test_a_decision_about_what_retention_has_taken_is_forgotten(void **state)
{
	static const enum unblock decisions[] = { UNBLOCK_SKIP, UNBLOCK_DEAD_LETTER };

	for (size_t i = 0; i < 2; i++) {
		struct fake fake;

		begin_blocked(&fake, DELIVERY_AT_LEAST_ONCE);
		unblock(&fake, decisions[i]);
		fake.log_start = 710;
		fake.crossed_always = true;
		run_to(&fake, RECORDS);
		engine_step(fake.engine, 1000 * USEC_PER_SEC);
		assert_int_equal(fake.done, 0);
		assert_int_equal(fake.forgotten, 1);
		assert_int_equal(fake.how_forgotten, UNBLOCK_REPLACED);
		assert_int_equal(look(&fake).order_failed, 7);
		assert_int_equal(look(&fake).state, PART_READING);
		assert_int_equal(fake.dead_letters[700], 0);
		assert_int_equal(engine_counters(fake.engine)->skipped_records, 0);
		end(&fake);
	}
}

/* The log may never get there again. */
static void test_a_decision_about_what_the_log_has_lost_is_forgotten_at_once(void **state)
{
	struct fake fake;

	begin_blocked(&fake, DELIVERY_AT_LEAST_ONCE);
	unblock(&fake, UNBLOCK_SKIP);
	fake.at_fault[700] = false;
	fake.truncated_to = 650;
	fake.log_end = 660;
	for (int i = 1; i < 1000 && fake.forgotten == 0; i++)
		engine_step(fake.engine, 2000 * USEC_PER_SEC + i * USEC_PER_MSEC);
	assert_int_equal(fake.forgotten, 1);
	fake.log_end = RECORDS;
	run_to(&fake, RECORDS);
	engine_step(fake.engine, 4000 * USEC_PER_SEC);
	check_relayed_as_any_other(&fake);
	assert_int_equal(fake.written[650], 2);
	end(&fake);
}

static void test_a_gap_is_looked_at_again_or_crossed_and_is_no_dead_letter(void **state)
{
	struct fake fake;
	struct error err = { 0 };
	int64_t now_us = USEC_PER_SEC;

	begin(&fake, DELIVERY_AT_LEAST_ONCE, ON_ERROR_BLOCK);
	fake.assign = false;
	fake.log_start = 500;
	tell_gap(&fake);
	assert_int_equal(look(&fake).blocked_by, BLOCK_GAP);
	assert_int_equal(engine_unblock(fake.engine, 0, 0, UNBLOCK_DEAD_LETTER, 1, &err), -EOPNOTSUPP);
	assert_int_equal(engine_unblock(fake.engine, 0, 0, UNBLOCK_RETRY, 2, &err), 0);
	for (int i = 0; i < 5; i++)
		engine_step(fake.engine, now_us += USEC_PER_MSEC);
	assert_int_equal(look(&fake).state, PART_BLOCKED); /* it is still there */
	assert_int_equal(look(&fake).order_done, 2);
	assert_int_equal(engine_unblock(fake.engine, 0, 0, UNBLOCK_SKIP, 7, &err), 0);
	fake.last_written = 499;
	run_to(&fake, RECORDS);
	assert_true(fake.crossed);
	assert_int_equal(fake.done, 1);
	for (int64_t offset = 0; offset < RECORDS; offset++)
		assert_int_equal(fake.written[offset], offset >= 500);
	end(&fake);
}

static void test_what_is_neither_record_nor_gap_is_only_tried_again(void **state)
{
	struct fake fake;
	struct error err;

	begin(&fake, DELIVERY_AT_LEAST_ONCE, ON_ERROR_BLOCK);
	fake.assign = false;
	error_set(&err, -ENOSPC, REMEDY_PERSON, "no room");
	engine_on_source_blocked(fake.engine, 0, 0, &err);
	assert_int_equal(look(&fake).blocked_by, BLOCK_SOURCE);
	assert_int_equal(engine_unblock(fake.engine, 0, 0, UNBLOCK_SKIP, 1, &err), -EOPNOTSUPP);
	assert_int_equal(engine_unblock(fake.engine, 0, 0, UNBLOCK_RETRY, 7, &err), 0);
	run_to(&fake, RECORDS);
	check_gone_on(&fake, true);
	end(&fake);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_one_among_a_thousand_is_found_in_few_steps),
		cmocka_unit_test(test_all_of_many_are_found_and_no_good_one_with_them),
		cmocka_unit_test(test_what_is_refused_at_once_needs_no_search),
		cmocka_unit_test(test_a_good_record_that_comes_to_harm_once_while_it_is_alone_is_not_taken_for_refused),
		cmocka_unit_test(test_what_is_taken_for_damaged_each_time_is_refused),
		cmocka_unit_test(test_a_dead_letter_settles_by_its_own_report),
		cmocka_unit_test(test_a_dead_letter_that_is_refused_blocks),
		cmocka_unit_test(test_at_most_once_gives_back_what_it_had_committed_before_it_stops),
		cmocka_unit_test(test_at_most_once_counts_what_it_could_not_give_back_once),
		cmocka_unit_test(test_at_most_once_sends_the_good_ones_of_a_refused_batch_again),
		cmocka_unit_test(test_at_most_once_loses_nothing_where_the_first_request_of_a_producer_is_refused),
		cmocka_unit_test(test_at_most_once_sends_a_dead_letter_though_later_records_are_written),
		cmocka_unit_test(test_a_blocked_record_that_is_skipped_is_counted_and_the_rest_arrives_once),
		cmocka_unit_test(test_what_lies_before_is_committed_before_the_partition_is_read_again),
		cmocka_unit_test(test_a_blocked_record_becomes_a_dead_letter_as_decided),
		cmocka_unit_test(test_a_retry_relays_what_is_taken_now_and_blocks_again_at_what_is_not),
		cmocka_unit_test(test_the_next_record_at_fault_blocks_again_and_was_not_decided_about),
		cmocka_unit_test(test_a_decision_is_for_the_offset_that_was_seen_and_for_one_that_is_blocked),
		cmocka_unit_test(test_a_decision_is_forgotten_with_the_partition_and_that_is_said),
		cmocka_unit_test(test_a_decision_is_not_about_another_record_at_the_same_offset),
		cmocka_unit_test(test_a_decision_about_what_retention_has_taken_is_forgotten),
		cmocka_unit_test(test_a_decision_about_what_the_log_has_lost_is_forgotten_at_once),
		cmocka_unit_test(test_a_gap_is_looked_at_again_or_crossed_and_is_no_dead_letter),
		cmocka_unit_test(test_what_is_neither_record_nor_gap_is_only_tried_again),
	};

	return cmocka_run_group_tests_name("engine_refusal", tests, NULL, NULL);
}
