/* The promises of daemon/supervisor.h about what a person tells a pipeline, on pipelines that do what the test says. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <errno.h>
#include <string.h>
#include <cmocka.h>
#include "base/cleanup.h"
#include "base/clock.h"
#include "base/log.h"
#include "daemon/supervisor.h"
#include "config_files.h"
#include "fake_pipeline.h"

#define DEADLINE_US 1000
#define DRAIN_US    (7 * USEC_PER_SEC)

#define CLUSTERS                                                                                             \
	"aloqd = { drain_timeout = \"7s\"; };\n"                                                             \
	"clusters = { main = { brokers = \"a:1\"; }; };\n"
#define PIPELINE(number, rest)                                                                               \
	"p" number " = { from = { cluster = \"main\"; topics = [ \"in" number "\" ]; };\n"                   \
	"to = { topic = \"out" number "\"; }; " rest " };\n"
#define PIPELINES(list) "pipelines = {\n" list "};\n"
#define TWO             CLUSTERS PIPELINES(PIPELINE("0", "") PIPELINE("1", ""))
#define FIRST_DISABLED  CLUSTERS PIPELINES(PIPELINE("0", "enabled = false;") PIPELINE("1", ""))
#define FIRST_CHANGED   CLUSTERS PIPELINES(PIPELINE("0", "on_error = \"skip\";") PIPELINE("1", ""))

static struct config *load(const char *text)
{
	struct config_findings findings = { 0 };
	int exit_code;
	struct config *config = config_files_load(text, &findings, &exit_code);

	assert_non_null(config);
	config_findings_clear(&findings);
	return config;
}

static struct supervisor *start(const char *text)
{
	struct config *config = load(text);
	struct supervisor *supervisor = supervisor_new(config, -1, 0);

	config_free(config);
	return supervisor;
}

static struct supervisor_changes apply(struct supervisor *supervisor, const char *text)
{
	struct config *config = load(text);
	struct supervisor_changes changes = supervisor_apply(supervisor, config, DEADLINE_US, 1);

	config_free(config);
	return changes;
}

static const struct pipeline_snapshot *first(const struct supervisor *supervisor)
{
	size_t count;

	return &supervisor_snapshots(supervisor, &count)[0];
}

static void tell(struct supervisor *supervisor, enum supervisor_order order)
{
	struct error err = { 0 };

	assert_int_equal(supervisor_tell(supervisor, "p0", order, "by uid 7, at noon", 1, &err), 0);
}

static void end(struct supervisor *supervisor)
{
	fake_scripts[0].ended = true;
	supervisor_refresh(supervisor, 2);
}

/* p0, which has drained. */
static struct supervisor *stopped(const char *text)
{
	struct supervisor *supervisor = start(text);

	tell(supervisor, ORDER_STOP);
	end(supervisor);
	assert_int_equal(first(supervisor)->state, PIPELINE_STOPPED);
	return supervisor;
}

static void test_a_stop_drains_within_its_bound_and_then_says_who_and_when(void **state)
{
	struct supervisor *supervisor = start(TWO);

	tell(supervisor, ORDER_STOP);
	assert_int_equal(fake_scripts[0].stop_deadline_us, 1 + DRAIN_US);
	assert_int_equal(first(supervisor)->state, PIPELINE_RUNNING); /* as the fake says: it drains */
	assert_int_equal(fake_scripts[0].freed, 0);
	end(supervisor);
	assert_int_equal(fake_scripts[0].freed, 1);
	assert_int_equal(first(supervisor)->state, PIPELINE_STOPPED);
	assert_string_equal(first(supervisor)->reason, "by uid 7, at noon");
	assert_false(first(supervisor)->starts_anew);
	assert_int_equal(first(supervisor)->counters.acked_records, 5); /* still counted */
	assert_int_equal(supervisor_acked_records(supervisor), 10);
	tell(supervisor, ORDER_STOP); /* nothing to do */
	supervisor_refresh(supervisor, 3);
	assert_int_equal(fake_scripts[0].starts, 1);
	assert_int_equal(fake_scripts[1].stop_deadline_us, 0);
	supervisor_free(supervisor);
}

static void test_a_stop_that_was_not_clean_says_so_once(void **state)
{
	struct supervisor *supervisor = start(TWO);

	fake_scripts[0].clean = false;
	tell(supervisor, ORDER_STOP);
	end(supervisor);
	assert_string_equal(first(supervisor)->reason,
	    "by uid 7, at noon; its drain did not end in time: records will be read again");
	assert_false(first(supervisor)->drain_was_clean);
	fake_scripts[1].stop = STOP_AT_ONCE;
	supervisor_stop(supervisor, 5);
	supervisor_refresh(supervisor, 5);
	assert_true(supervisor_drained_cleanly(supervisor)); /* a person was told then */
	supervisor_free(supervisor);
}

static void test_a_stopped_pipeline_starts_with_its_counts_and_not_paused(void **state)
{
	struct supervisor *supervisor = start(TWO);

	tell(supervisor, ORDER_PAUSE);
	tell(supervisor, ORDER_STOP);
	end(supervisor);
	tell(supervisor, ORDER_START);
	assert_int_equal(fake_scripts[0].starts, 2);
	assert_false(fake_scripts[0].paused);
	assert_int_equal(first(supervisor)->state, PIPELINE_RUNNING);
	assert_int_equal(first(supervisor)->counters.acked_records, 10);
	tell(supervisor, ORDER_START); /* it runs */
	assert_int_equal(fake_scripts[0].starts, 2);
	assert_int_equal(fake_scripts[0].stop_deadline_us, 0);
	supervisor_free(supervisor);
}

static void test_a_start_while_it_still_drains_waits_for_its_end(void **state)
{
	struct supervisor *supervisor = start(TWO);

	tell(supervisor, ORDER_STOP);
	tell(supervisor, ORDER_START);
	assert_int_equal(fake_scripts[0].starts, 1);
	assert_true(first(supervisor)->starts_anew);
	end(supervisor);
	assert_int_equal(fake_scripts[0].starts, 2);
	assert_false(first(supervisor)->starts_anew);
	supervisor_free(supervisor);
}

static void test_a_restart_starts_only_what_has_ended_and_keeps_a_pause(void **state)
{
	struct supervisor *supervisor = start(TWO);

	tell(supervisor, ORDER_PAUSE);
	tell(supervisor, ORDER_RESTART);
	assert_int_equal(fake_scripts[0].stop_deadline_us, 1 + DRAIN_US);
	assert_int_equal(fake_scripts[0].starts, 1);
	assert_true(first(supervisor)->starts_anew);
	end(supervisor);
	assert_int_equal(fake_scripts[0].freed, 1);
	assert_int_equal(fake_scripts[0].starts, 2);
	assert_true(fake_scripts[0].paused);
	tell(supervisor, ORDER_RESTART);
	tell(supervisor, ORDER_STOP); /* the last word counts */
	end(supervisor);
	assert_int_equal(fake_scripts[0].starts, 2);
	tell(supervisor, ORDER_RESTART); /* starts what is stopped */
	assert_int_equal(fake_scripts[0].starts, 3);
	supervisor_free(supervisor);
}

static void test_a_failed_pipeline_is_started_anew(void **state)
{
	struct supervisor *supervisor = start(TWO);

	fake_scripts[0].state = PIPELINE_FAILED;
	tell(supervisor, ORDER_START);
	assert_true(fake_scripts[0].stop_deadline_us > 0);
	fake_scripts[0].state = PIPELINE_RUNNING;
	end(supervisor);
	assert_int_equal(fake_scripts[0].starts, 2);
	supervisor_free(supervisor);
}

static void test_what_was_stopped_stays_so_through_reloads_and_starts_as_the_last_one_says(void **state)
{
	struct supervisor *supervisor = stopped(TWO);
	struct supervisor_changes changes = apply(supervisor, TWO);

	assert_int_equal(changes.unchanged, 2);
	assert_string_equal(first(supervisor)->reason, "by uid 7, at noon");
	changes = apply(supervisor, CLUSTERS PIPELINES(PIPELINE("0", "members = 3;") PIPELINE("1", "")));
	assert_int_equal(changes.changed, 1);
	assert_int_equal(changes.unchanged, 1);
	assert_int_equal(first(supervisor)->state, PIPELINE_STOPPED);
	assert_string_equal(first(supervisor)->reason, "by uid 7, at noon");
	assert_int_equal(supervisor_changing(supervisor, NULL), 0);
	supervisor_refresh(supervisor, 3);
	assert_int_equal(fake_scripts[0].starts, 1);
	tell(supervisor, ORDER_START);
	assert_int_equal(first(supervisor)->member_count, 3);
	supervisor_free(supervisor);
}

static void test_a_stop_outlives_a_reload_that_comes_while_it_drains(void **state)
{
	struct supervisor *supervisor = start(TWO);

	tell(supervisor, ORDER_STOP);
	apply(supervisor, FIRST_CHANGED);
	assert_int_equal(supervisor_changing(supervisor, NULL), 0);
	end(supervisor);
	assert_int_equal(first(supervisor)->state, PIPELINE_STOPPED);
	assert_int_equal(fake_scripts[0].starts, 1);
	supervisor_free(supervisor);
}

static void test_a_disabled_pipeline_starts_by_command_and_runs_on_through_reloads(void **state)
{
	struct supervisor *supervisor = start(FIRST_DISABLED);

	tell(supervisor, ORDER_START);
	assert_int_equal(fake_scripts[0].starts, 1);
	assert_true(fake_scripts[0].memory_bytes > 0);
	assert_int_equal(apply(supervisor, FIRST_DISABLED).unchanged, 2);
	assert_int_equal(fake_scripts[0].stop_deadline_us, 0);
	tell(supervisor, ORDER_STOP);
	end(supervisor);
	assert_string_equal(first(supervisor)->reason, "by uid 7, at noon");
	supervisor_free(supervisor);
}

static void test_a_reload_that_enables_or_disables_has_the_last_word(void **state)
{
	struct supervisor *supervisor = stopped(TWO);

	apply(supervisor, FIRST_DISABLED);
	assert_string_equal(first(supervisor)->reason, "enabled = false");
	assert_int_equal(apply(supervisor, TWO).started, 1);
	assert_int_equal(fake_scripts[0].starts, 2);
	assert_int_equal(first(supervisor)->counters.acked_records, 10);
	supervisor_free(supervisor);
}

static void test_what_is_removed_is_gone_also_when_it_was_stopped(void **state)
{
	struct supervisor *supervisor = stopped(TWO);
	struct error err = { 0 };
	size_t count;

	assert_int_equal(apply(supervisor, CLUSTERS PIPELINES(PIPELINE("1", ""))).removed, 1);
	supervisor_refresh(supervisor, 3);
	supervisor_snapshots(supervisor, &count);
	assert_int_equal(count, 1);
	assert_int_equal(supervisor_acked_records(supervisor), 10);
	assert_int_equal(supervisor_tell(supervisor, "p0", ORDER_START, "by", 4, &err), -ENOENT);
	supervisor_free(supervisor);
}

static void test_what_cannot_be_told_says_why(void **state)
{
	struct supervisor *supervisor = stopped(TWO);
	struct error err = { 0 };

	assert_int_equal(supervisor_tell(supervisor, "p0", ORDER_PAUSE, "by", 4, &err), -EPERM);
	assert_non_null(strstr(err.message, "aloqctl start p0"));
	apply(supervisor, CLUSTERS PIPELINES(PIPELINE("0", "")));
	assert_int_equal(supervisor_tell(supervisor, "p1", ORDER_RESTART, "by", 4, &err), -EPERM); /* drains */
	assert_non_null(strstr(err.message, "not in the configuration any more"));
	supervisor_free(supervisor);
}

/* What p0, blocked at 57, comes to: the order's number, or a negative errno. */
static int64_t unblock(struct supervisor *supervisor, int32_t partition, int64_t offset, enum unblock how)
{
	struct error err = { 0 };
	int64_t order = supervisor_unblock(supervisor, "p0", "in", partition, &offset, how, 5, &err);

	assert_int_equal(order < 0, err.message[0] != '\0');
	assert_true(order < 0 || offset == 57);
	return order;
}

static void test_a_decision_reaches_the_pipeline_for_the_offset_that_is_blocked(void **state)
{
	struct supervisor *supervisor = start(CLUSTERS PIPELINES(PIPELINE("0", "dead_letter = \"dead\";")));

	fake_scripts[0].has_partition = true;
	fake_scripts[0].blocked_at = 57;
	fake_scripts[0].blocked_by = BLOCK_RECORD;
	assert_int_equal(unblock(supervisor, 3, -1, UNBLOCK_SKIP), 1);
	assert_int_equal(fake_scripts[0].unblocked_at, 57);
	assert_int_equal(fake_scripts[0].unblocked_how, UNBLOCK_SKIP);
	assert_int_equal(fake_scripts[0].order, 1);
	assert_int_equal(unblock(supervisor, 3, 57, UNBLOCK_DEAD_LETTER), 2);
	assert_int_equal(fake_scripts[0].order, 2);
	assert_int_equal(unblock(supervisor, 3, 56, UNBLOCK_SKIP), -ESTALE);
	assert_int_equal(unblock(supervisor, 4, -1, UNBLOCK_SKIP), -ENOENT);
	fake_scripts[0].carried_out = 2;
	assert_int_equal(unblock(supervisor, 3, -1, UNBLOCK_SKIP), -EALREADY);
	fake_scripts[0].blocked_at = -1;
	assert_int_equal(unblock(supervisor, 3, -1, UNBLOCK_RETRY), -ESTALE);
	assert_int_equal(fake_scripts[0].order, 2);
	supervisor_free(supervisor);
}

static void test_what_cannot_be_decided_is_refused_before_it_reaches_the_pipeline(void **state)
{
	static const struct {
		enum block by;
		bool retry, skip, dead_letter;
	} cases[] = {
		{ BLOCK_RECORD, true, true, false }, /* there is no topic for dead letters */
		{ BLOCK_BATCH, true, false, false },
		{ BLOCK_GAP, true, true, false },
		{ BLOCK_SOURCE, true, false, false },
	};
	struct supervisor *supervisor = start(CLUSTERS PIPELINES(PIPELINE("0", "")));
	int64_t offset = -1;
	struct error err = { 0 };

	fake_scripts[0].has_partition = true;
	fake_scripts[0].blocked_at = 57;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		fake_scripts[0].blocked_by = (int)cases[i].by;
		assert_int_equal(unblock(supervisor, 3, -1, UNBLOCK_RETRY) > 0, cases[i].retry);
		assert_int_equal(unblock(supervisor, 3, -1, UNBLOCK_SKIP) > 0, cases[i].skip);
		assert_int_equal(unblock(supervisor, 3, -1, UNBLOCK_DEAD_LETTER), -EOPNOTSUPP);
	}
	assert_int_equal(
	    supervisor_unblock(supervisor, "p9", "in", 3, &offset, UNBLOCK_RETRY, 5, &err), -ENXIO);
	supervisor_free(supervisor);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_a_stop_drains_within_its_bound_and_then_says_who_and_when, fake_reset),
		cmocka_unit_test_setup(test_a_stop_that_was_not_clean_says_so_once, fake_reset),
		cmocka_unit_test_setup(test_a_stopped_pipeline_starts_with_its_counts_and_not_paused, fake_reset),
		cmocka_unit_test_setup(test_a_start_while_it_still_drains_waits_for_its_end, fake_reset),
		cmocka_unit_test_setup(test_a_restart_starts_only_what_has_ended_and_keeps_a_pause, fake_reset),
		cmocka_unit_test_setup(test_a_failed_pipeline_is_started_anew, fake_reset),
		cmocka_unit_test_setup(
		    test_what_was_stopped_stays_so_through_reloads_and_starts_as_the_last_one_says, fake_reset),
		cmocka_unit_test_setup(test_a_stop_outlives_a_reload_that_comes_while_it_drains, fake_reset),
		cmocka_unit_test_setup(
		    test_a_disabled_pipeline_starts_by_command_and_runs_on_through_reloads, fake_reset),
		cmocka_unit_test_setup(test_a_reload_that_enables_or_disables_has_the_last_word, fake_reset),
		cmocka_unit_test_setup(test_what_is_removed_is_gone_also_when_it_was_stopped, fake_reset),
		cmocka_unit_test_setup(test_what_cannot_be_told_says_why, fake_reset),
		cmocka_unit_test_setup(
		    test_a_decision_reaches_the_pipeline_for_the_offset_that_is_blocked, fake_reset),
		cmocka_unit_test_setup(
		    test_what_cannot_be_decided_is_refused_before_it_reaches_the_pipeline, fake_reset),
	};
	int failed;

	log_set_level(LOG_LEVEL_ERROR);
	config_files_begin();
	failed = cmocka_run_group_tests(tests, NULL, NULL);
	config_files_end();
	return failed;
}
