/* The run over all pipelines: what one pipeline's own properties do is no other's affair. No broker is asked:
 * what is wrong here lets no client be made. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>
#include "base/log.h"
#include "kafka/audit.h"

enum { PIPELINES = 3 };

/* librdkafka refuses the cluster's when it makes a client, and the others at once, with their words. */
static struct config_property of_cluster[] = {
	{ .name = (char *)"security.protocol", .value = (char *)"ssl" },
	{ .name = (char *)"ssl.ca.location", .value = (char *)"/nonexistent/ca.pem" },
};
static struct config_property of_one[] = { { (char *)"security.protocol", (char *)"one's", { 0 } } };
static struct config_property of_another[] = { { (char *)"security.protocol", (char *)"another's", { 0 } } };

#define LIST(array) ((struct config_properties){ array, sizeof(array) / sizeof(array)[0] })

static char *topics[] = { (char *)"in" };

struct world {
	struct config_cluster cluster;
	struct config_pipeline pipelines[PIPELINES];
	struct config config;
	char failures[PIPELINES][512];
};

/* One cluster, which cannot be reached as it is configured, and pipelines within it. */
static void make_world(struct world *world)
{
	*world = (struct world){ .cluster = { .name = (char *)"main",
				     .brokers = (char *)"127.0.0.1:1",
				     .properties = LIST(of_cluster) } };
	for (size_t i = 0; i < PIPELINES; i++)
		world->pipelines[i] = (struct config_pipeline){
			.name = (char *)"orders",
			.enabled = true,
			.members = 1,
			.from = { .cluster = &world->cluster,
			    .topics = topics,
			    .topic_count = 1,
			    .group = (char *)"g" },
			.to = { .cluster = &world->cluster, .topic = (char *)"out" },
		};
	world->config = (struct config){ .holders = 1,
		.instance = (char *)"test",
		.clusters = &world->cluster,
		.cluster_count = 1,
		.pipelines = world->pipelines,
		.pipeline_count = PIPELINES };
}

static void note(void *context, const struct config_pipeline *pipeline, const struct audit_findings *findings)
{
	struct world *world = context;

	assert_true(findings->count > 0);
	snprintf(world->failures[pipeline - world->pipelines], sizeof world->failures[0], "%s",
	    findings->items[0].text);
}

static void expect(struct world *world, const char *first, const char *second, const char *third)
{
	audit_run(&world->config, note, world);
	assert_non_null(strstr(world->failures[0], first));
	assert_non_null(strstr(world->failures[1], second));
	assert_non_null(strstr(world->failures[2], third));
}

static void test_what_fails_by_a_pipelines_own_properties_is_not_said_of_those_behind_it(void **state)
{
	struct world world;

	make_world(&world);
	world.pipelines[0].from.properties = LIST(of_one);
	world.pipelines[2].from.properties = LIST(of_another);
	expect(&world, "one's", "ssl.ca.location", "another's");
}

static void test_own_properties_do_not_replace_what_is_known_of_the_cluster(void **state)
{
	struct world world;

	make_world(&world);
	world.pipelines[1].from.properties = LIST(of_one);
	expect(&world, "ssl.ca.location", "one's", "ssl.ca.location");
}

/* The client that asks has those of the source. */
static void test_within_one_cluster_properties_of_the_target_are_of_no_account(void **state)
{
	struct world world;

	make_world(&world);
	world.pipelines[0].from.properties = LIST(of_one);
	world.pipelines[0].to.properties = LIST(of_another);
	world.pipelines[1].to.properties = LIST(of_another);
	expect(&world, "one's", "ssl.ca.location", "ssl.ca.location");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
		    test_what_fails_by_a_pipelines_own_properties_is_not_said_of_those_behind_it),
		cmocka_unit_test(test_own_properties_do_not_replace_what_is_known_of_the_cluster),
		cmocka_unit_test(test_within_one_cluster_properties_of_the_target_are_of_no_account),
	};

	log_set_level(LOG_LEVEL_ERROR);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
