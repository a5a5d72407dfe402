/* The promises of kafka/cluster_ids.h, and of config/loops.h with what it finds out. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>
#include "base/cleanup.h"
#include "config/loops.h"
#include "kafka/cluster_ids.h"

enum { CLUSTERS = 3 };

static struct config_cluster clusters[CLUSTERS] = {
	{ .name = (char *)"a", .brokers = (char *)"one:9092" },
	{ .name = (char *)"b", .brokers = (char *)"two:9092" },
	{ .name = (char *)"c", .brokers = (char *)"one:9092" },
};
static char *here_topics[] = { (char *)"^orders-[0-9]+", (char *)"returns" };
static char *there_topics[] = { (char *)"copy.orders-7" };
static char *far_topics[] = { (char *)"x" };
static struct config_pipeline pipelines[] = {
	{ .name = (char *)"here",
	    .from = { .cluster = &clusters[0], .topics = here_topics, .topic_count = 2 },
	    .to = { .cluster = &clusters[0], .topic = (char *)"copy.{topic}" } },
	{ .name = (char *)"there",
	    .from = { .cluster = &clusters[1], .topics = there_topics, .topic_count = 1 },
	    .to = { .cluster = &clusters[1], .topic = (char *)"orders-7" } },
	{ .name = (char *)"far",
	    .from = { .cluster = &clusters[1], .topics = far_topics, .topic_count = 1 },
	    .to = { .cluster = &clusters[1], .topic = (char *)"y" },
	    .on_error = ON_ERROR_DEAD_LETTER,
	    .dead_letter = (char *)"x" },
};
static struct config config = { .holders = 1,
	.clusters = clusters,
	.cluster_count = CLUSTERS,
	.pipelines = pipelines,
	.pipeline_count = 3 };

static void assert_same(struct cluster_ids *ids, size_t b, size_t c)
{
	_cleanup_free_ size_t *cluster_of = NULL;

	config_free(cluster_ids_copy(ids, &cluster_of));
	assert_int_equal(cluster_of[0], 0);
	assert_int_equal(cluster_of[1], b);
	assert_int_equal(cluster_of[2], c);
}

static void test_clusters_are_one_by_brokers_until_their_ids_tell(void **state)
{
	struct cluster_ids *ids = cluster_ids_new(&config);

	assert_same(ids, 1, 0);
	cluster_ids_note(ids, &clusters[1], "K");
	assert_same(ids, 1, 0);
	cluster_ids_note(ids, &clusters[0], "K");
	assert_same(ids, 0, 0);
	/* The same names, resolved to another cluster: its id counts. */
	cluster_ids_note(ids, &clusters[2], "L");
	assert_same(ids, 0, 2);
	cluster_ids_note(ids, &clusters[0], "L");
	assert_same(ids, 1, 0);
	cluster_ids_free(ids);
}

static void test_what_is_known_of_a_cluster_outlasts_a_reload_that_leaves_it_as_it_is(void **state)
{
	struct config_cluster later[] = {
		{ .name = (char *)"new", .brokers = (char *)"three:9092" },
		{ .name = (char *)"a", .brokers = (char *)"one:9092" },
		{ .name = (char *)"b", .brokers = (char *)"elsewhere:9092" },
	};
	struct config next = { .holders = 1, .clusters = later, .cluster_count = CLUSTERS };
	struct cluster_ids *ids = cluster_ids_new(&config);
	_cleanup_free_ size_t *cluster_of = NULL;
	struct config *newest;

	cluster_ids_note(ids, &clusters[0], "K");
	cluster_ids_note(ids, &clusters[1], "K");
	cluster_ids_replace(ids, &next);
	assert_int_equal(config.holders, 1);
	/* b has other brokers now: what it was, and what an old pipeline still says of it, is no more */
	cluster_ids_note(ids, &clusters[1], "K");
	assert_same(ids, 1, 2);
	cluster_ids_note(ids, &later[0], "K");
	newest = cluster_ids_copy(ids, &cluster_of);
	assert_ptr_equal(newest, &next);
	assert_int_equal(cluster_of[1], 0);
	assert_int_equal(cluster_of[2], 2);
	cluster_ids_free(ids);
	config_free(newest);
	assert_int_equal(next.holders, 1);
}

static void test_a_topic_closes_a_loop_where_two_clusters_are_one(void **state)
{
	const size_t apart[CLUSTERS] = { 0, 1, 0 };
	const size_t one[CLUSTERS] = { 0, 0, 0 };
	struct loops *loops = loops_new(&config, apart);
	char way[256];

	assert_false(loops_close_with(loops, 0, "orders-7", way, sizeof way));
	loops_free(loops);
	loops = loops_new(&config, one);
	assert_true(loops_close_with(loops, 0, "orders-7", way, sizeof way));
	assert_string_equal(way, "orders-7 -> copy.orders-7 (here), copy.orders-7 -> orders-7 (there)");
	/* From the other end too, and not with its neighbours. */
	assert_true(loops_close_with(loops, 1, "copy.orders-7", way, sizeof way));
	assert_false(loops_close_with(loops, 0, "orders-8", way, sizeof way));
	assert_false(loops_close_with(loops, 0, "returns", way, sizeof way));
	/* What the pipeline does not read is no affair of its. */
	assert_false(loops_close_with(loops, 1, "orders-7", way, sizeof way));
	loops_free(loops);
}

static void test_dead_letters_close_loops_and_those_of_others_are_theirs(void **state)
{
	const size_t apart[CLUSTERS] = { 0, 1, 0 };
	struct loops *loops = loops_new(&config, apart);
	char way[256];

	assert_true(loops_close_with(loops, 2, "x", way, sizeof way));
	assert_string_equal(way, "x -> x (far)");
	pipelines[1].to.topic = (char *)"x";
	assert_false(loops_close_with(loops, 1, "copy.orders-7", way, sizeof way));
	pipelines[1].to.topic = (char *)"orders-7";
	loops_free(loops);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_clusters_are_one_by_brokers_until_their_ids_tell),
		cmocka_unit_test(test_what_is_known_of_a_cluster_outlasts_a_reload_that_leaves_it_as_it_is),
		cmocka_unit_test(test_a_topic_closes_a_loop_where_two_clusters_are_one),
		cmocka_unit_test(test_dead_letters_close_loops_and_those_of_others_are_theirs),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
