/* The promises of daemon/supervisor.h about another configuration, on pipelines that do what the test says.
 */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <string.h>
#include <cmocka.h>
#include "base/cleanup.h"
#include "base/clock.h"
#include "base/log.h"
#include "daemon/supervisor.h"
#include "config_files.h"
#include "fake_pipeline.h"

#define DEADLINE_US 1000

#define CLUSTERS "clusters = { main = { brokers = \"a:1\"; }; };\n"
#define PIPELINE(number, rest)                                                                               \
	"p" number " = { from = { cluster = \"main\"; topics = [ \"in" number "\" ]; };\n"                   \
	"to = { topic = \"out" number "\"; }; " rest " };\n"
#define IN_GROUP(number, group)                                                                              \
	"p" number " = { from = { cluster = \"main\"; topics = [ \"in" number "\" ]; group = \"" group       \
	"\"; };\nto = { topic = \"out" number "\"; }; };\n"
#define PIPELINES(list) "pipelines = {\n" list "};\n"
#define TWO             CLUSTERS PIPELINES(PIPELINE("0", "") PIPELINE("1", ""))

static struct config *load(const char *text)
{
	struct config_findings findings = { 0 };
	int exit_code;
	struct config *config = config_files_load(text, &findings, &exit_code);

	if (!config) {
		_cleanup_free_ char *problems = config_files_describe(&findings);

		fail_msg("%s", problems);
	}
	config_findings_clear(&findings);
	return config;
}

/* The supervisor alone holds the configurations that it is given: what it has given up too early is found by
 * ASan. */
static struct supervisor *start(const char *text)
{
	struct config *config = load(text);
	struct supervisor *supervisor = supervisor_new(config, -1, 0);

	config_free(config);
	return supervisor;
}

static void apply(struct supervisor *supervisor, const char *text, size_t started, size_t changed,
    size_t removed, size_t unchanged)
{
	struct config *config = load(text);
	struct supervisor_changes changes = supervisor_apply(supervisor, config, DEADLINE_US, 1);

	config_free(config);
	assert_int_equal(changes.started, started);
	assert_int_equal(changes.changed, changed);
	assert_int_equal(changes.removed, removed);
	assert_int_equal(changes.unchanged, unchanged);
}

static const struct pipeline_snapshot *find(const struct supervisor *supervisor, const char *name)
{
	size_t count;
	const struct pipeline_snapshot *snapshots = supervisor_snapshots(supervisor, &count);

	for (size_t i = 0; i < count; i++) {
		if (strcmp(snapshots[i].name, name) == 0)
			return &snapshots[i];
	}
	return NULL;
}

static size_t seen(const struct supervisor *supervisor)
{
	size_t count;

	supervisor_snapshots(supervisor, &count);
	return count;
}

static void end(struct supervisor *supervisor, size_t number)
{
	fake_scripts[number].ended = true;
	supervisor_refresh(supervisor, 2);
}

static void test_what_has_not_changed_is_left_alone_and_outlives_its_configuration(void **state)
{
	struct supervisor *supervisor = start(TWO);

	for (int i = 0; i < 3; i++)
		apply(supervisor, "aloqd = { drain_timeout = \"7s\"; };\n" TWO, 0, 0, 0, 2);
	assert_int_equal(fake_scripts[0].starts, 1);
	assert_int_equal(fake_scripts[0].stop_deadline_us, 0);
	assert_int_equal(fake_scripts[1].starts, 1);
	assert_int_equal(supervisor_changing(supervisor, NULL), 0);
	supervisor_refresh(supervisor, 3);
	assert_string_equal(find(supervisor, "p0")->name, "p0");
	supervisor_free(supervisor);
}

static void test_a_pipeline_that_is_started_anew_has_been_away_since_it_was_last_ready(void **state)
{
	struct supervisor *supervisor = start(TWO);

	fake_scripts[0].state = PIPELINE_DRAINING;
	fake_scripts[0].unready_ms = 3000;
	apply(supervisor, CLUSTERS PIPELINES(PIPELINE("0", "on_error = \"skip\";") PIPELINE("1", "")), 0, 1, 0, 1);
	supervisor_refresh(supervisor, 10 * USEC_PER_SEC);
	fake_scripts[0].ended = true;
	supervisor_refresh(supervisor, 10 * USEC_PER_SEC);
	assert_int_equal(fake_scripts[0].starts, 2);
	fake_scripts[0].state = PIPELINE_STARTING;
	fake_scripts[0].unready_ms = -1; /* this run has not been ready */
	supervisor_refresh(supervisor, 12 * USEC_PER_SEC);
	assert_int_equal(find(supervisor, "p0")->unready_ms, 5000);
	fake_scripts[0].unready_ms = 0;
	supervisor_refresh(supervisor, 13 * USEC_PER_SEC);
	assert_int_equal(find(supervisor, "p0")->unready_ms, 0);
	fake_scripts[1].unready_ms = -1; /* nor was one before it */
	supervisor_refresh(supervisor, 14 * USEC_PER_SEC);
	assert_int_equal(find(supervisor, "p1")->unready_ms, -1);
	supervisor_free(supervisor);
}

static void test_a_changed_pipeline_starts_anew_only_when_its_old_self_has_ended(void **state)
{
	struct supervisor *supervisor = start(TWO);
	const char *name = NULL;

	fake_scripts[0].state = PIPELINE_DRAINING;
	apply(supervisor, CLUSTERS PIPELINES(PIPELINE("0", "on_error = \"skip\";") PIPELINE("1", "")), 0, 1,
	    0, 1);
	assert_int_equal(fake_scripts[0].stop_deadline_us, DEADLINE_US);
	supervisor_refresh(supervisor, 2);
	assert_int_equal(fake_scripts[0].starts, 1);
	assert_int_equal(find(supervisor, "p0")->state, PIPELINE_DRAINING);
	assert_int_equal(supervisor_changing(supervisor, &name), 1);
	assert_string_equal(name, "p0");
	fake_scripts[0].state = PIPELINE_RUNNING;
	end(supervisor, 0);
	assert_int_equal(fake_scripts[0].freed, 1);
	assert_int_equal(fake_scripts[0].starts, 2);
	assert_int_equal(supervisor_changing(supervisor, NULL), 0);
	assert_int_equal(fake_scripts[1].starts, 1);
	assert_int_equal(seen(supervisor), 2);
	supervisor_free(supervisor);
}

/* Whether it was told. */
static bool tell(struct supervisor *supervisor, const char *name, enum supervisor_order order)
{
	struct error err = { 0 };

	return supervisor_tell(supervisor, name, order, "by nobody", 2, &err) == 0;
}

static void test_a_paused_pipeline_that_is_changed_starts_anew_paused(void **state)
{
	struct supervisor *supervisor = start(TWO);

	assert_true(tell(supervisor, "p0", ORDER_PAUSE));
	apply(supervisor, CLUSTERS PIPELINES(PIPELINE("0", "on_error = \"skip\";") PIPELINE("1", "")), 0, 1,
	    0, 1);
	end(supervisor, 0);
	assert_int_equal(fake_scripts[0].starts, 2);
	assert_true(fake_scripts[0].paused);
	assert_false(fake_scripts[1].paused);
	assert_true(tell(supervisor, "p0", ORDER_RESUME));
	assert_false(fake_scripts[0].paused);
	supervisor_free(supervisor);
}

static void test_counters_do_not_fall_when_a_pipeline_starts_anew(void **state)
{
	struct supervisor *supervisor = start(CLUSTERS PIPELINES(PIPELINE("0", "members = 3;")));

	assert_int_equal(find(supervisor, "p0")->counters.acked_records, 15);
	apply(supervisor, CLUSTERS PIPELINES(PIPELINE("0", "members = 2;")), 0, 1, 0, 0);
	end(supervisor, 0);
	/* three lives that have ended, and two that run */
	assert_int_equal(find(supervisor, "p0")->counters.acked_records, 25);
	assert_int_equal(find(supervisor, "p0")->member_count, 2);
	assert_int_equal(find(supervisor, "p0")->members[0].counters.acked_records, 10);
	apply(supervisor, CLUSTERS PIPELINES(PIPELINE("0", "")), 0, 1, 0, 0);
	end(supervisor, 0);
	assert_int_equal(find(supervisor, "p0")->counters.acked_records, 30);
	supervisor_refresh(supervisor, 3);
	assert_int_equal(find(supervisor, "p0")->counters.acked_records, 30);
	assert_int_equal(supervisor_acked_records(supervisor), 30);
	/* what is removed is no longer seen, but it was relayed */
	apply(supervisor, CLUSTERS PIPELINES(PIPELINE("1", "")), 1, 0, 1, 0);
	end(supervisor, 0);
	assert_null(find(supervisor, "p0"));
	assert_int_equal(supervisor_acked_records(supervisor), 35);
	supervisor_free(supervisor);
}

static void test_what_is_removed_drains_and_goes_and_what_is_disabled_drains_and_is_stopped(void **state)
{
	struct supervisor *supervisor =
	    start(CLUSTERS PIPELINES(PIPELINE("0", "") PIPELINE("1", "") PIPELINE("2", "")));

	apply(
	    supervisor, CLUSTERS PIPELINES(PIPELINE("1", "enabled = false;") PIPELINE("2", "")), 0, 0, 2, 1);
	assert_int_equal(fake_scripts[0].stop_deadline_us, DEADLINE_US);
	assert_int_equal(fake_scripts[1].stop_deadline_us, DEADLINE_US);
	assert_int_equal(seen(supervisor), 3);
	end(supervisor, 0);
	assert_null(find(supervisor, "p0"));
	end(supervisor, 1);
	assert_int_equal(seen(supervisor), 2);
	assert_int_equal(find(supervisor, "p1")->state, PIPELINE_STOPPED);
	assert_string_equal(find(supervisor, "p1")->reason, "enabled = false");
	assert_int_equal(fake_scripts[2].starts, 1);
	assert_int_equal(fake_scripts[0].starts + fake_scripts[1].starts, 2);
	supervisor_free(supervisor);
}

static void test_new_ones_start_at_once_and_stand_where_the_configuration_has_them(void **state)
{
	struct supervisor *supervisor = start(CLUSTERS PIPELINES(PIPELINE("1", "")));
	size_t count;

	apply(supervisor, CLUSTERS PIPELINES(PIPELINE("0", "") PIPELINE("1", "") PIPELINE("2", "")), 2, 0, 0,
	    1);
	assert_int_equal(fake_scripts[0].starts, 1);
	assert_int_equal(fake_scripts[2].starts, 1);
	assert_string_equal(supervisor_snapshots(supervisor, &count)[0].name, "p0");
	assert_string_equal(supervisor_snapshots(supervisor, &count)[1].name, "p1");
	assert_int_equal(count, 3);
	supervisor_free(supervisor);
}

static void test_the_newest_of_several_reloads_is_what_starts(void **state)
{
	struct supervisor *supervisor = start(TWO);

	apply(supervisor, CLUSTERS PIPELINES(PIPELINE("0", "members = 2;") PIPELINE("1", "")), 0, 1, 0, 1);
	apply(supervisor, CLUSTERS PIPELINES(PIPELINE("0", "members = 2;") PIPELINE("1", "")), 0, 0, 0, 2);
	apply(supervisor, CLUSTERS PIPELINES(PIPELINE("0", "members = 3;") PIPELINE("1", "")), 0, 1, 0, 1);
	assert_int_equal(fake_scripts[0].starts, 1);
	end(supervisor, 0);
	assert_int_equal(find(supervisor, "p0")->member_count, 3);
	supervisor_free(supervisor);
}

static void test_what_is_wanted_again_as_it_was_starts_anew_because_it_drains_already(void **state)
{
	struct supervisor *supervisor = start(TWO);

	apply(supervisor, CLUSTERS PIPELINES(PIPELINE("1", "")), 0, 0, 1, 1);
	apply(supervisor, TWO, 0, 1, 0, 1);
	assert_int_equal(fake_scripts[0].starts, 1);
	end(supervisor, 0);
	assert_int_equal(fake_scripts[0].starts, 2);
	assert_int_equal(seen(supervisor), 2);
	supervisor_free(supervisor);
}

static void test_what_was_to_start_and_is_removed_meanwhile_does_not_start(void **state)
{
	struct supervisor *supervisor = start(TWO);

	apply(supervisor, CLUSTERS PIPELINES(PIPELINE("0", "members = 2;") PIPELINE("1", "")), 0, 1, 0, 1);
	apply(supervisor, CLUSTERS PIPELINES(PIPELINE("1", "")), 0, 0, 1, 1);
	end(supervisor, 0);
	assert_int_equal(fake_scripts[0].starts, 1);
	assert_int_equal(seen(supervisor), 1);
	supervisor_free(supervisor);
}

static void test_a_changed_cluster_changes_those_that_name_it(void **state)
{
	static const char *const pipelines =
	    PIPELINES(PIPELINE("0", "") "p1 = { from = { cluster = \"far\"; topics = [ \"x\" ]; };\n"
					"to = { topic = \"y\"; }; };\n");
	_cleanup_free_ char *before = NULL;
	_cleanup_free_ char *after = NULL;
	struct supervisor *supervisor;

	assert_true(asprintf(&before,
			"clusters = { main = { brokers = \"a:1\"; }; far = { brokers = \"b:1\"; }; };\n%s",
			pipelines) > 0);
	assert_true(asprintf(&after,
			"clusters = { main = { brokers = \"a:1\"; }; far = { brokers = \"b:1\";\n"
			"properties = [ \"ssl.key.password=new\" ]; }; };\n%s",
			pipelines) > 0);
	supervisor = start(before);
	apply(supervisor, after, 0, 1, 0, 1);
	assert_int_equal(fake_scripts[0].stop_deadline_us, 0);
	assert_int_equal(fake_scripts[1].stop_deadline_us, DEADLINE_US);
	supervisor_free(supervisor);
}

static void test_what_has_failed_and_not_changed_stays_failed(void **state)
{
	struct supervisor *supervisor;

	fake_scripts[0].cannot_start = true;
	fake_scripts[1].state = PIPELINE_FAILED;
	supervisor = start(TWO);
	fake_scripts[0].cannot_start = false;
	apply(supervisor, TWO, 0, 0, 0, 2);
	assert_int_equal(find(supervisor, "p0")->state, PIPELINE_FAILED);
	assert_int_equal(find(supervisor, "p1")->state, PIPELINE_FAILED);
	assert_int_equal(fake_scripts[0].starts, 0);
	/* changed, it is tried again, and at once: nothing of it drains */
	apply(supervisor, CLUSTERS PIPELINES(PIPELINE("0", "members = 2;") PIPELINE("1", "")), 0, 1, 0, 1);
	supervisor_refresh(supervisor, 2);
	assert_int_equal(fake_scripts[0].starts, 2);
	supervisor_free(supervisor);
}

static void test_a_stop_in_the_middle_of_a_reload_drains_old_and_new_and_starts_nothing(void **state)
{
	struct supervisor *supervisor = start(TWO);

	apply(supervisor, CLUSTERS PIPELINES(PIPELINE("0", "members = 2;") PIPELINE("2", "")), 1, 1, 1, 0);
	supervisor_stop(supervisor, 7);
	for (size_t i = 0; i < FAKE_PIPELINES; i++)
		assert_int_equal(fake_scripts[i].stop_deadline_us, 7);
	end(supervisor, 0);
	end(supervisor, 2);
	assert_int_equal(fake_scripts[0].starts, 1);
	assert_false(supervisor_has_ended(supervisor));
	assert_false(supervisor_drained_cleanly(supervisor));
	end(supervisor, 1);
	assert_true(supervisor_has_ended(supervisor));
	assert_true(supervisor_drained_cleanly(supervisor));
	supervisor_free(supervisor);
}

static void test_a_run_keeps_its_share_of_the_memory_and_new_ones_get_the_new_share(void **state)
{
	struct supervisor *supervisor = start("aloqd = { memory = \"60MiB\"; };\n" TWO);

	assert_int_equal(fake_scripts[0].memory_bytes, 30 << 20);
	apply(supervisor,
	    "aloqd = { memory = \"120MiB\"; };\n" CLUSTERS PIPELINES(
		PIPELINE("0", "") PIPELINE("1", "on_error = \"skip\";") PIPELINE("2", "")),
	    1, 1, 0, 1);
	end(supervisor, 1);
	assert_int_equal(fake_scripts[0].memory_bytes, 30 << 20);
	assert_int_equal(fake_scripts[0].starts, 1);
	assert_int_equal(fake_scripts[1].memory_bytes, 40 << 20);
	assert_int_equal(fake_scripts[2].memory_bytes, 40 << 20);
	apply(supervisor, "aloqd = { memory = \"120MiB\"; };\n" CLUSTERS PIPELINES(PIPELINE("0", "")), 0, 0,
	    2, 1);
	end(supervisor, 1);
	end(supervisor, 2);
	apply(supervisor, "aloqd = { memory = \"120MiB\"; };\n" TWO, 1, 0, 0, 1);
	assert_int_equal(fake_scripts[1].memory_bytes, 60 << 20);
	supervisor_free(supervisor);
}

static void test_a_renamed_pipeline_waits_until_its_old_self_has_left_the_group(void **state)
{
	struct supervisor *supervisor = start(CLUSTERS PIPELINES(IN_GROUP("1", "g") PIPELINE("2", "")));
	const char *name = NULL;

	/* another reload that finds it waiting changes nothing; the cluster was renamed as well */
	for (int i = 0; i < 2; i++) {
		apply(supervisor,
		    "clusters = { near = { brokers = \"a:1\"; }; };\n"
		    "pipelines = { p0 = { from = { cluster = \"near\"; topics = [ \"in\" ]; group = \"g\"; "
		    "};\n"
		    "to = { topic = \"out\"; }; }; };\n",
		    i == 0, 0, i == 0 ? 2 : 0, i == 1);
		supervisor_refresh(supervisor, 2);
		assert_int_equal(fake_scripts[0].starts, 0);
		assert_int_equal(find(supervisor, "p0")->state, PIPELINE_STARTING);
		assert_string_equal(find(supervisor, "p0")->reason,
		    "waits for pipeline p1, which drains, to leave the group \"g\"");
	}
	end(supervisor, 2); /* in a group of its own */
	assert_int_equal(fake_scripts[0].starts, 0);
	assert_int_equal(supervisor_changing(supervisor, &name), 1);
	assert_string_equal(name, "p1");
	end(supervisor, 1);
	assert_int_equal(fake_scripts[0].starts, 1);
	assert_int_equal(find(supervisor, "p0")->counters.acked_records, 5);
	assert_int_equal(supervisor_acked_records(supervisor), 15);
	assert_int_equal(supervisor_changing(supervisor, NULL), 0);
	assert_int_equal(seen(supervisor), 1);
	supervisor_free(supervisor);
}

static void test_two_that_exchange_their_groups_wait_for_each_other(void **state)
{
	struct supervisor *supervisor = start(CLUSTERS PIPELINES(IN_GROUP("0", "g") IN_GROUP("1", "h")));

	apply(supervisor, CLUSTERS PIPELINES(IN_GROUP("0", "h") IN_GROUP("1", "g")), 0, 2, 0, 0);
	end(supervisor, 0);
	assert_int_equal(fake_scripts[0].starts, 1);
	assert_int_equal(supervisor_changing(supervisor, NULL), 1);
	assert_true(tell(supervisor, "p0", ORDER_PAUSE)); /* while it waits */
	end(supervisor, 1);
	assert_int_equal(fake_scripts[0].starts, 2);
	assert_int_equal(fake_scripts[1].starts, 2);
	assert_true(fake_scripts[0].paused);
	assert_int_equal(supervisor_changing(supervisor, NULL), 0);
	supervisor_free(supervisor);
}

static void test_what_waits_for_a_group_and_is_removed_or_stopped_does_not_start(void **state)
{
	struct supervisor *supervisor = start(CLUSTERS PIPELINES(IN_GROUP("1", "g")));

	apply(supervisor, CLUSTERS PIPELINES(IN_GROUP("0", "g")), 1, 0, 1, 0);
	apply(supervisor, CLUSTERS PIPELINES(IN_GROUP("1", "g")), 0, 1, 1, 0);
	end(supervisor, 1);
	assert_null(find(supervisor, "p0"));
	assert_int_equal(fake_scripts[1].starts, 2);
	apply(supervisor, CLUSTERS PIPELINES(IN_GROUP("0", "g")), 1, 0, 1, 0);
	supervisor_stop(supervisor, 7);
	end(supervisor, 1);
	assert_true(supervisor_has_ended(supervisor));
	assert_true(supervisor_drained_cleanly(supervisor));
	assert_int_equal(fake_scripts[0].starts, 0);
	supervisor_free(supervisor);
}

static void test_all_may_go_and_come_again(void **state)
{
	struct supervisor *supervisor = start(CLUSTERS PIPELINES(PIPELINE("0", "")));

	apply(supervisor, CLUSTERS PIPELINES(PIPELINE("0", "enabled = false;")), 0, 0, 1, 0);
	end(supervisor, 0);
	assert_int_equal(find(supervisor, "p0")->state, PIPELINE_STOPPED);
	assert_int_equal(supervisor_changing(supervisor, NULL), 0);
	apply(supervisor, TWO, 2, 0, 0, 0);
	assert_int_equal(seen(supervisor), 2);
	supervisor_free(supervisor);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(
		    test_what_has_not_changed_is_left_alone_and_outlives_its_configuration, fake_reset),
		cmocka_unit_test_setup(
		    test_a_changed_pipeline_starts_anew_only_when_its_old_self_has_ended, fake_reset),
		cmocka_unit_test_setup(
		    test_a_pipeline_that_is_started_anew_has_been_away_since_it_was_last_ready, fake_reset),
		cmocka_unit_test_setup(test_a_paused_pipeline_that_is_changed_starts_anew_paused, fake_reset),
		cmocka_unit_test_setup(test_counters_do_not_fall_when_a_pipeline_starts_anew, fake_reset),
		cmocka_unit_test_setup(
		    test_what_is_removed_drains_and_goes_and_what_is_disabled_drains_and_is_stopped, fake_reset),
		cmocka_unit_test_setup(
		    test_new_ones_start_at_once_and_stand_where_the_configuration_has_them, fake_reset),
		cmocka_unit_test_setup(test_the_newest_of_several_reloads_is_what_starts, fake_reset),
		cmocka_unit_test_setup(
		    test_what_is_wanted_again_as_it_was_starts_anew_because_it_drains_already, fake_reset),
		cmocka_unit_test_setup(
		    test_what_was_to_start_and_is_removed_meanwhile_does_not_start, fake_reset),
		cmocka_unit_test_setup(test_a_changed_cluster_changes_those_that_name_it, fake_reset),
		cmocka_unit_test_setup(test_what_has_failed_and_not_changed_stays_failed, fake_reset),
		cmocka_unit_test_setup(
		    test_a_stop_in_the_middle_of_a_reload_drains_old_and_new_and_starts_nothing, fake_reset),
		cmocka_unit_test_setup(
		    test_a_run_keeps_its_share_of_the_memory_and_new_ones_get_the_new_share, fake_reset),
		cmocka_unit_test_setup(
		    test_a_renamed_pipeline_waits_until_its_old_self_has_left_the_group, fake_reset),
		cmocka_unit_test_setup(test_two_that_exchange_their_groups_wait_for_each_other, fake_reset),
		cmocka_unit_test_setup(
		    test_what_waits_for_a_group_and_is_removed_or_stopped_does_not_start, fake_reset),
		cmocka_unit_test_setup(test_all_may_go_and_come_again, fake_reset),
	};
	int failed;

	log_set_level(LOG_LEVEL_ERROR);
	config_files_begin();
	failed = cmocka_run_group_tests(tests, NULL, NULL);
	config_files_end();
	return failed;
}
