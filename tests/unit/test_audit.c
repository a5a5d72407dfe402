/* The audit's judgement: clean clusters give nothing to say, and each thing that is wrong its finding. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "base/memory.h"
#include "kafka/audit_judge.h"

/* One pipeline from orders to orders-relayed, in a cluster of three brokers where all is well. */
struct world {
	struct config_cluster cluster, other;
	struct config_pipeline pipeline;
	struct config config;
	size_t cluster_of[2];
	struct audit_facts facts;
};

static const char *const good_topic[][2] = {
	{ "min.insync.replicas", "2" },
	{ "unclean.leader.election.enable", "false" },
	{ "max.message.bytes", "1048588" },
	{ "retention.ms", "604800000" },
	{ "retention.bytes", "-1" },
	{ "cleanup.policy", "delete" },
	{ "message.timestamp.type", "CreateTime" },
	{ "message.timestamp.before.max.ms", "9223372036854775807" },
};

static const char *const good_broker[][2] = {
	{ "offsets.retention.minutes", "10080" },
	{ "group.min.session.timeout.ms", "6000" },
	{ "group.max.session.timeout.ms", "1800000" },
	{ "transaction.max.timeout.ms", "900000" },
	{ "transaction.state.log.min.isr", "2" },
	{ "transaction.state.log.replication.factor", "3" },
	{ "authorizer.class.name", "" },
};

static struct audit_topic *add_topic(struct audit_cluster *cluster, const char *name)
{
	size_t added = audit_topic_add(cluster, name);
	struct audit_topic *topic = &cluster->topics[added];

	topic->presence = AUDIT_PRESENT;
	topic->partitions = 4;
	topic->replicas = topic->in_sync = 3;
	for (size_t i = 0; i < sizeof good_topic / sizeof good_topic[0]; i++)
		audit_config_add(&topic->configs, good_topic[i][0], good_topic[i][1]);
	return topic;
}

static void add_cluster(struct audit_cluster *end, const struct config_cluster *cluster, const char *internal)
{
	end->cluster = cluster;
	end->brokers = 3;
	end->internal = (struct audit_topic){ .name = xstrdup(internal),
		.presence = AUDIT_PRESENT,
		.partitions = 50,
		.replicas = 3,
		.in_sync = 3 };
	for (size_t i = 0; i < sizeof good_broker / sizeof good_broker[0]; i++)
		audit_config_add(&end->broker_configs, good_broker[i][0], good_broker[i][1]);
}

static char *source_topics[] = { (char *)"orders" };

static void make_world(struct world *world, enum delivery delivery)
{
	memset(world, 0, sizeof *world);
	world->cluster = (struct config_cluster){ .name = (char *)"main", .brokers = (char *)"k:9092" };
	world->pipeline = (struct config_pipeline){
		.name = (char *)"orders",
		.enabled = true,
		.delivery = delivery,
		.from = { .cluster = &world->cluster,
		    .topics = source_topics,
		    .topic_count = 1,
		    .group = (char *)"aloqd-orders" },
		.to = { .cluster = &world->cluster,
		    .topic = (char *)"orders-relayed",
		    .acks = ACKS_ALL,
		    .compression = (char *)"none" },
		.members = 1,
	};
	world->config = (struct config){ .clusters = &world->cluster,
		.cluster_count = 1,
		.pipelines = &world->pipeline,
		.pipeline_count = 1,
		.instance = (char *)"here" };
	world->facts = (struct audit_facts){ .config = &world->config,
		.pipeline = &world->pipeline,
		.cluster_of = world->cluster_of,
		.library_version = "2.0.2",
		.group = AUDIT_PRESENT };
	add_cluster(&world->facts.source, &world->cluster, "__consumer_offsets");
	add_cluster(&world->facts.target, &world->cluster, "__transaction_state");
	add_topic(&world->facts.source, "orders");
	add_topic(&world->facts.target, "orders-relayed");
	world->facts.routes = xcalloc(1, sizeof *world->facts.routes);
	world->facts.route_count = 1;
}

static struct audit_topic *source_of(struct world *world)
{
	return &world->facts.source.topics[0];
}

static struct audit_topic *target_of(struct world *world)
{
	return &world->facts.target.topics[0];
}

static void set(struct audit_configs *configs, const char *name, const char *value)
{
	for (size_t i = 0; i < configs->count; i++) {
		if (strcmp(configs->items[i].name, name) != 0)
			continue;
		free(configs->items[i].value);
		configs->items[i].value = xstrdup(value);
		return;
	}
	audit_config_add(configs, name, value);
}

static void print_all(const struct audit_findings *findings)
{
	for (size_t i = 0; i < findings->count; i++)
		print_message("%s: %s: %s; %s\n", audit_severity_name(findings->items[i].severity),
		    findings->items[i].place, findings->items[i].text,
		    findings->items[i].remedy ? findings->items[i].remedy : "");
}

/* Judges, frees the world, and expects exactly one finding: of this severity, with these words in place, text
 * and remedy (NULL: none). */
static void expect_one(struct world *world, enum audit_severity severity, const char *place, const char *text,
    const char *remedy)
{
	struct audit_findings findings = { .items = NULL };
	const struct audit_finding *found;

	audit_judge(&world->facts, &findings);
	if (findings.count != 1)
		print_all(&findings);
	assert_int_equal(findings.count, 1);
	found = &findings.items[0];
	if (found->severity != severity || !strstr(found->place, place) || !strstr(found->text, text) ||
	    !found->remedy != !remedy || (remedy && !strstr(found->remedy, remedy)))
		print_all(&findings);
	assert_int_equal(found->severity, severity);
	assert_non_null(strstr(found->place, place));
	assert_non_null(strstr(found->text, text));
	assert_true(!found->remedy == !remedy && (!remedy || strstr(found->remedy, remedy)));
	audit_findings_clear(&findings);
	audit_facts_clear(&world->facts);
}

static void expect_nothing(struct world *world)
{
	struct audit_findings findings = { .items = NULL };

	audit_judge(&world->facts, &findings);
	print_all(&findings);
	assert_int_equal(findings.count, 0);
	audit_facts_clear(&world->facts);
}

static void test_clean_clusters_give_nothing_to_say(void **state)
{
	struct world world;

	for (int delivery = DELIVERY_AT_MOST_ONCE; delivery <= DELIVERY_EXACTLY_ONCE; delivery++) {
		make_world(&world, (enum delivery)delivery);
		expect_nothing(&world);
	}
}

/* ---- topics ---- */

struct topic_case {
	bool of_source;
	const char *setting, *value;
	enum audit_severity severity;
	const char *text, *remedy;
};

static void test_each_setting_of_a_topic_has_its_finding(void **state)
{
	static const struct topic_case cases[] = {
		{ false, "min.insync.replicas", "4", AUDIT_WARNING, "nothing can ever be written",
		    "min.insync.replicas=2" },
		{ false, "min.insync.replicas", "3", AUDIT_WARNING, "when one broker is down",
		    "min.insync.replicas=2" },
		{ false, "min.insync.replicas", "1", AUDIT_WARNING, "the leader's alone",
		    "min.insync.replicas=2" },
		{ false, "unclean.leader.election.enable", "true", AUDIT_WARNING,
		    "records that were acknowledged are gone", "unclean.leader.election.enable=false" },
		{ true, "unclean.leader.election.enable", "true", AUDIT_WARNING, "from.on_gap",
		    "unclean.leader.election.enable=false" },
		{ true, "max.message.bytes", "2000000", AUDIT_WARNING, "takes 2000000",
		    "max.message.bytes=2000000" },
		{ true, "retention.ms", "3600000", AUDIT_WARNING, "runs for 1h", "retention.ms=604800000" },
		{ true, "retention.ms", "172800000", AUDIT_NOTE, "runs for 2d", "retention.ms=604800000" },
		{ true, "retention.bytes", "1000000", AUDIT_NOTE, "how much is written", NULL },
		{ true, "retention.ms", "-1", AUDIT_NOTE, "keeps them for ever", NULL },
		{ false, "cleanup.policy", "compact", AUDIT_WARNING, "without a key",
		    "cleanup.policy=delete" },
		{ false, "message.timestamp.type", "LogAppendTime", AUDIT_NOTE,
		    "timestamps of the source are not kept", NULL },
		{ false, "message.timestamp.before.max.ms", "3600000", AUDIT_WARNING, "refuses older ones",
		    "raise it" },
		{ false, "retention.ms", "3600000", AUDIT_NOTE, "deleted soon after", NULL },
	};

	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		const struct topic_case *topic_case = &cases[i];
		struct world world;
		char place[128];

		make_world(&world, DELIVERY_AT_LEAST_ONCE);
		set(topic_case->of_source ? &source_of(&world)->configs : &target_of(&world)->configs,
		    topic_case->setting, topic_case->value);
		/* Where the two disagree, it is the target that is at fault. */
		snprintf(place, sizeof place, "cluster main, topic orders%s",
		    topic_case->of_source ? "" : "-relayed");
		expect_one(&world, topic_case->severity, place, topic_case->text, topic_case->remedy);
	}
}

static void test_a_compacted_source_has_keys_for_a_compacted_target(void **state)
{
	struct world world;

	make_world(&world, DELIVERY_AT_LEAST_ONCE);
	set(&source_of(&world)->configs, "cleanup.policy", "compact");
	set(&target_of(&world)->configs, "cleanup.policy", "compact");
	expect_one(
	    &world, AUDIT_NOTE, "topic orders, cleanup.policy=compact", "overwritten or deleted", NULL);
}

static void test_in_sync_replicas_are_of_no_concern_without_acks_all(void **state)
{
	struct world world;

	make_world(&world, DELIVERY_AT_MOST_ONCE);
	world.pipeline.to.acks = ACKS_LEADER;
	set(&target_of(&world)->configs, "min.insync.replicas", "4");
	expect_nothing(&world);
}

static void test_replicas_that_are_few_or_away_are_found(void **state)
{
	struct world world;

	make_world(&world, DELIVERY_AT_LEAST_ONCE);
	source_of(&world)->replicas = source_of(&world)->in_sync = 1;
	expect_one(
	    &world, AUDIT_WARNING, "topic orders, replication.factor=1", "the one broker", "more replicas");

	make_world(&world, DELIVERY_AT_LEAST_ONCE);
	target_of(&world)->in_sync = 1;
	expect_one(
	    &world, AUDIT_WARNING, "min.insync.replicas=2", "1 in-sync replica now", "missing brokers");

	make_world(&world, DELIVERY_AT_LEAST_ONCE);
	target_of(&world)->leaderless = 2;
	expect_one(&world, AUDIT_WARNING, "topic orders-relayed",
	    "2 of 4 partitions of the target topic have no leader", "missing brokers");
}

static void test_absent_topics_are_errors_with_the_command_that_makes_them(void **state)
{
	struct world world;

	make_world(&world, DELIVERY_AT_LEAST_ONCE);
	target_of(&world)->presence = AUDIT_MISSING;
	expect_one(&world, AUDIT_ERROR, "topic orders-relayed", "the target topic does not exist",
	    "kafka-topics.sh --bootstrap-server k:9092 --create --topic orders-relayed --partitions 4");

	make_world(&world, DELIVERY_AT_LEAST_ONCE);
	source_of(&world)->presence = AUDIT_MISSING;
	expect_one(&world, AUDIT_ERROR, "topic orders", "the source topic does not exist", "from.topics");

	make_world(&world, DELIVERY_AT_LEAST_ONCE);
	target_of(&world)->presence = AUDIT_HIDDEN;
	expect_one(
	    &world, AUDIT_ERROR, "topic orders-relayed", "may not see the target topic", "grant Write");

	make_world(&world, DELIVERY_AT_LEAST_ONCE);
	world.facts.route_count = 0;
	expect_one(
	    &world, AUDIT_WARNING, "cluster main", "no topic that the user may see matches", "from.topics");
}

static void test_what_is_created_is_said_and_must_be_possible(void **state)
{
	struct world world;

	make_world(&world, DELIVERY_AT_LEAST_ONCE);
	world.pipeline.to.create = (struct config_create){ .enabled = true, .replication_factor = 3 };
	target_of(&world)->presence = AUDIT_MISSING;
	expect_one(&world, AUDIT_NOTE, "topic orders-relayed", "will be made", NULL);

	make_world(&world, DELIVERY_AT_LEAST_ONCE);
	world.pipeline.to.create = (struct config_create){ .enabled = true, .replication_factor = 5 };
	target_of(&world)->presence = AUDIT_MISSING;
	expect_one(&world, AUDIT_ERROR, "topic orders-relayed", "cannot be made with 5 replicas",
	    "replication_factor");

	make_world(&world, DELIVERY_AT_LEAST_ONCE);
	world.pipeline.to.create = (struct config_create){ .enabled = true, .replication_factor = 3 };
	target_of(&world)->partitions = 2;
	expect_one(&world, AUDIT_NOTE, "topic orders-relayed", "will get 4", NULL);
}

static void test_a_narrow_target_is_an_error_unless_keys_choose_the_partition(void **state)
{
	struct world world;

	make_world(&world, DELIVERY_AT_LEAST_ONCE);
	target_of(&world)->partitions = 2;
	expect_one(
	    &world, AUDIT_ERROR, "topic orders-relayed", "2 partitions, but 4 are needed", "--partitions 4");

	make_world(&world, DELIVERY_AT_LEAST_ONCE);
	world.pipeline.to.partition = PARTITION_KEY;
	target_of(&world)->partitions = 2;
	expect_nothing(&world);
}

static void add_dead_letter(struct world *world)
{
	world->pipeline.on_error = ON_ERROR_DEAD_LETTER;
	world->pipeline.dead_letter = (char *)"dead";
	add_topic(&world->facts.target, "dead");
	world->facts.dead_letter = 1;
	set(&world->facts.target.topics[1].configs, "max.message.bytes", "2000000");
}

static void test_the_topic_for_dead_letters_is_judged_as_such(void **state)
{
	struct world world;

	make_world(&world, DELIVERY_AT_LEAST_ONCE);
	add_dead_letter(&world);
	expect_nothing(&world);

	make_world(&world, DELIVERY_AT_LEAST_ONCE);
	add_dead_letter(&world);
	world.facts.target.topics[1].presence = AUDIT_MISSING;
	expect_one(
	    &world, AUDIT_ERROR, "topic dead", "topic for dead letters does not exist", "--partitions 4");

	make_world(&world, DELIVERY_AT_LEAST_ONCE);
	add_dead_letter(&world);
	set(&world.facts.target.topics[1].configs, "max.message.bytes", "1048588");
	expect_one(
	    &world, AUDIT_WARNING, "topic dead, max.message.bytes=1048588", "too large for it", "raise it");
}

static void test_settings_that_cannot_be_seen_are_told(void **state)
{
	struct world world;

	make_world(&world, DELIVERY_AT_LEAST_ONCE);
	for (size_t i = 0; i < target_of(&world)->configs.count; i++) {
		free(target_of(&world)->configs.items[i].name);
		free(target_of(&world)->configs.items[i].value);
	}
	target_of(&world)->configs.count = 0;
	target_of(&world)->configs.unknown = xstrdup("denied");
	expect_one(&world, AUDIT_NOTE, "topic orders-relayed", "not judged: denied", "DescribeConfigs");
}

/* ---- clusters ---- */

static void test_each_setting_of_the_brokers_has_its_finding(void **state)
{
	static const struct {
		bool of_source;
		const char *setting, *value;
		enum audit_severity severity;
		const char *text;
	} cases[] = {
		{ true, "offsets.retention.minutes", "60", AUDIT_WARNING, "runs for 1h" },
		{ true, "group.min.session.timeout.ms", "11000", AUDIT_ERROR, "session.timeout.ms=10000" },
		{ true, "group.max.session.timeout.ms", "9000", AUDIT_ERROR, "session.timeout.ms=10000" },
		{ false, "transaction.max.timeout.ms", "14000", AUDIT_ERROR, "transaction.timeout.ms=15000" },
		{ false, "transaction.state.log.min.isr", "4", AUDIT_ERROR,
		    "no transaction can ever be committed" },
	};

	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct world world;

		make_world(&world, DELIVERY_EXACTLY_ONCE);
		set(cases[i].of_source ? &world.facts.source.broker_configs
				       : &world.facts.target.broker_configs,
		    cases[i].setting, cases[i].value);
		expect_one(&world, cases[i].severity, cases[i].setting, cases[i].text, "");
		if (cases[i].of_source)
			continue;
		make_world(&world, DELIVERY_AT_LEAST_ONCE); /* which has no transactions */
		set(&world.facts.target.broker_configs, cases[i].setting, cases[i].value);
		expect_nothing(&world);
	}
}

static void test_offsets_and_transactions_on_one_broker_are_found(void **state)
{
	struct world world;

	make_world(&world, DELIVERY_AT_LEAST_ONCE);
	world.facts.source.internal.replicas = 1;
	expect_one(&world, AUDIT_WARNING, "topic __consumer_offsets, replication.factor=1",
	    "committed offsets", "three");

	make_world(&world, DELIVERY_EXACTLY_ONCE);
	set(&world.facts.target.broker_configs, "transaction.state.log.min.isr", "1");
	world.facts.target.internal.replicas = 1;
	expect_one(&world, AUDIT_WARNING, "topic __transaction_state", "outcomes of transactions", "three");
}

static void test_a_cluster_that_does_not_answer_is_unreachable_and_one_that_refuses_an_error(void **state)
{
	struct world world;
	struct audit_findings findings = { .items = NULL };

	make_world(&world, DELIVERY_AT_LEAST_ONCE);
	error_set(&world.facts.source.failure, -ETIMEDOUT, REMEDY_RETRY, "no answer");
	world.facts.target.failure = world.facts.source.failure; /* the same cluster: told once */
	source_of(&world)->presence = target_of(&world)->presence = AUDIT_UNKNOWN;
	world.facts.group = AUDIT_UNKNOWN;
	expect_one(&world, AUDIT_UNREACHABLE, "cluster main", "no answer", "brokers");

	make_world(&world, DELIVERY_AT_LEAST_ONCE);
	world.other = (struct config_cluster){ .name = (char *)"far", .brokers = (char *)"f:9092" };
	world.pipeline.to.cluster = world.facts.target.cluster = &world.other;
	target_of(&world)->presence = AUDIT_UNKNOWN;
	error_set(&world.facts.target.failure, -EACCES, REMEDY_PERSON, "wrong password");
	/* Loops are by the configuration's clusters, of which it is none. */
	world.facts.route_count = 0;
	audit_judge(&world.facts, &findings);
	assert_true(findings.count > 0);
	assert_int_equal(findings.items[0].severity, AUDIT_ERROR);
	assert_string_equal(findings.items[0].place, "cluster far");
	assert_string_equal(findings.items[0].text, "wrong password");
	audit_findings_clear(&findings);
	audit_facts_clear(&world.facts);
}

static void test_records_that_would_go_round_are_an_error(void **state)
{
	struct world world;

	make_world(&world, DELIVERY_AT_LEAST_ONCE);
	world.pipeline.to.topic = (char *)"orders";
	expect_one(&world, AUDIT_ERROR, "topic orders", "go round for ever", "another target");
}

/* ---- access ---- */

/* A cluster with access rules, whose client may be told its own. */
static void guard(
    struct world *world, unsigned int source, unsigned int target, unsigned int group, unsigned int cluster)
{
	set(&world->facts.source.broker_configs, "authorizer.class.name", "A");
	set(&world->facts.target.broker_configs, "authorizer.class.name", "A");
	source_of(world)->operations = (struct audit_operations){ true, source };
	target_of(world)->operations = (struct audit_operations){ true, target };
	world->facts.group_operations = (struct audit_operations){ true, group };
	world->facts.target.operations = (struct audit_operations){ true, cluster };
}

static void test_rights_that_are_missing_are_errors_with_the_command_that_grants_them(void **state)
{
	struct world world;

	make_world(&world, DELIVERY_AT_LEAST_ONCE);
	guard(&world, AUDIT_READ, AUDIT_WRITE, AUDIT_READ, AUDIT_IDEMPOTENT_WRITE);
	expect_nothing(&world);

	make_world(&world, DELIVERY_AT_LEAST_ONCE);
	guard(&world, 0, AUDIT_WRITE, AUDIT_READ, AUDIT_IDEMPOTENT_WRITE);
	expect_one(
	    &world, AUDIT_ERROR, "topic orders", "lacks the right Read", "--operation Read --topic orders");

	make_world(&world, DELIVERY_AT_LEAST_ONCE);
	guard(&world, AUDIT_READ, AUDIT_READ, AUDIT_READ, AUDIT_IDEMPOTENT_WRITE);
	expect_one(&world, AUDIT_ERROR, "topic orders-relayed", "lacks the right Write",
	    "--operation Write --topic orders-relayed");

	make_world(&world, DELIVERY_AT_LEAST_ONCE);
	guard(&world, AUDIT_READ, AUDIT_WRITE, 0, AUDIT_IDEMPOTENT_WRITE);
	expect_one(
	    &world, AUDIT_ERROR, "cluster main", "Read on the group aloqd-orders", "--group aloqd-orders");

	make_world(&world, DELIVERY_AT_LEAST_ONCE);
	guard(&world, AUDIT_READ, AUDIT_WRITE, AUDIT_READ, 0);
	expect_one(
	    &world, AUDIT_NOTE, "cluster main", "IdempotentWrite", "--operation IdempotentWrite --cluster");
}

static void test_rights_to_create_and_widen_are_needed_where_that_is_to_be_done(void **state)
{
	struct world world;

	make_world(&world, DELIVERY_AT_LEAST_ONCE);
	guard(&world, AUDIT_READ, AUDIT_WRITE, AUDIT_READ, AUDIT_IDEMPOTENT_WRITE);
	world.pipeline.to.create = (struct config_create){ .enabled = true, .replication_factor = -1 };
	target_of(&world)->presence = AUDIT_MISSING;
	world.facts.target.operations.allowed |= AUDIT_CREATE;
	expect_one(&world, AUDIT_NOTE, "topic orders-relayed", "will be made", NULL);

	make_world(&world, DELIVERY_AT_LEAST_ONCE);
	guard(&world, AUDIT_READ, AUDIT_WRITE, AUDIT_READ, AUDIT_IDEMPOTENT_WRITE);
	world.pipeline.to.create = (struct config_create){ .enabled = true, .replication_factor = -1 };
	target_of(&world)->partitions = 5; /* wide enough: nothing to alter */
	expect_nothing(&world);
}

static void test_what_cannot_be_seen_is_told(void **state)
{
	struct audit_findings findings = { .items = NULL };
	struct world world;

	make_world(&world, DELIVERY_EXACTLY_ONCE);
	guard(&world, 0, 0, 0, 0);
	source_of(&world)->operations.known = target_of(&world)->operations.known = false;
	world.facts.group_operations.known = world.facts.target.operations.known = false;
	audit_judge(&world.facts, &findings);
	assert_int_equal(findings.count, 3);
	for (size_t i = 0; i < findings.count; i++)
		assert_int_equal(findings.items[i].severity, AUDIT_NOTE);
	assert_non_null(strstr(findings.items[0].text, "librdkafka 2.0.2 cannot ask"));
	assert_non_null(strstr(findings.items[2].text, "begin with aloqd.orders.here."));
	audit_findings_clear(&findings);
	audit_facts_clear(&world.facts);

	make_world(&world, DELIVERY_AT_LEAST_ONCE);
	guard(&world, 0, 0, 0, 0);
	source_of(&world)->operations.known = false;
	target_of(&world)->operations = (struct audit_operations){ true, AUDIT_WRITE };
	world.facts.target.operations = (struct audit_operations){ true, AUDIT_IDEMPOTENT_WRITE };
	world.facts.group_operations.known = false;
	world.facts.group = AUDIT_HIDDEN;
	expect_one(&world, AUDIT_ERROR, "cluster main", "Read on the group aloqd-orders", "kafka-acls.sh");
}

/* ---- members ---- */

/* A member by the client id that a client of these settings has. */
static void add_member(struct world *world, const struct config_pipeline *pipeline, const char *host)
{
	char hash[9];
	char *client_id;

	config_pipeline_hash(pipeline, hash);
	client_id = pipeline->member > 0 ? xasprintf("aloqd-%s-%s-%d", pipeline->name, hash, (int)pipeline->member)
					 : xasprintf("aloqd-%s-%s", pipeline->name, hash);
	audit_member_add(&world->facts, client_id, host);
	free(client_id);
}

static void test_members_with_other_settings_are_found_with_their_hosts(void **state)
{
	struct config_pipeline other;
	struct world world;
	char expected[64], hash[9];

	make_world(&world, DELIVERY_AT_LEAST_ONCE);
	other = world.pipeline;
	other.to.linger_us++;
	other.member = 2;
	config_pipeline_hash(&other, hash);
	add_member(&world, &world.pipeline, "/10.0.0.1");
	add_member(&world, &other, "/10.0.0.2");
	snprintf(expected, sizeof expected, ": aloqd-orders-%s-2 at 10.0.0.2", hash);
	expect_one(&world, AUDIT_WARNING, "cluster main", expected, "same configuration");

	/* One line, however many there are. */
	make_world(&world, DELIVERY_AT_LEAST_ONCE);
	other = world.pipeline;
	other.on_error = ON_ERROR_SKIP;
	for (int i = 0; i < 11; i++)
		add_member(&world, &other, "/10.0.0.3");
	expect_one(&world, AUDIT_WARNING, "cluster main", "at 10.0.0.3, and 3 more", "same configuration");
}

static void test_members_with_these_settings_and_others_clients_are_no_finding(void **state)
{
	static const char *const strangers[] = { "aloqd-order-00000000", "aloqd-orders-eu-00000000", "rdkafka",
		"aloqd-orders-", "aloqd-orders-0000000", "aloqd-orders-000000000", "aloqd-orders-00000000-x", "" };
	struct config_pipeline member;
	struct world world;

	make_world(&world, DELIVERY_AT_LEAST_ONCE);
	member = world.pipeline;
	add_member(&world, &member, "/10.0.0.1");
	member.enabled = false; /* and started by hand */
	member.members = 2;
	for (member.member = 1; member.member <= member.members; member.member++)
		add_member(&world, &member, "/10.0.0.2");
	for (size_t i = 0; i < sizeof strangers / sizeof strangers[0]; i++)
		audit_member_add(&world.facts, strangers[i], "/10.0.0.3");
	expect_nothing(&world);
}

static void test_members_that_cannot_be_seen_are_told(void **state)
{
	struct world world;

	make_world(&world, DELIVERY_AT_LEAST_ONCE);
	world.facts.members_unknown = xstrdup("no answer");
	expect_one(&world, AUDIT_NOTE, "cluster main", "who is in the group aloqd-orders cannot be seen", NULL);
}

static void test_the_gravest_come_first_and_the_rest_keep_their_order(void **state)
{
	static const enum audit_severity severities[] = { AUDIT_NOTE, AUDIT_WARNING, AUDIT_ERROR,
		AUDIT_WARNING, AUDIT_UNREACHABLE };
	static const char *const sorted[] = { "2", "4", "1", "3", "0" };
	const struct audit_place nowhere = { .cluster = NULL };
	struct audit_findings findings = { .items = NULL };

	for (int i = 0; i < 5; i++)
		audit_found(&findings, severities[i], &nowhere, NULL, "%d", i);
	audit_findings_sort(&findings);
	for (size_t i = 0; i < 5; i++) {
		assert_string_equal(findings.items[i].text, sorted[i]);
		assert_string_equal(findings.items[i].place, "");
	}
	audit_findings_clear(&findings);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_clean_clusters_give_nothing_to_say),
		cmocka_unit_test(test_each_setting_of_a_topic_has_its_finding),
		cmocka_unit_test(test_a_compacted_source_has_keys_for_a_compacted_target),
		cmocka_unit_test(test_in_sync_replicas_are_of_no_concern_without_acks_all),
		cmocka_unit_test(test_replicas_that_are_few_or_away_are_found),
		cmocka_unit_test(test_absent_topics_are_errors_with_the_command_that_makes_them),
		cmocka_unit_test(test_what_is_created_is_said_and_must_be_possible),
		cmocka_unit_test(test_a_narrow_target_is_an_error_unless_keys_choose_the_partition),
		cmocka_unit_test(test_the_topic_for_dead_letters_is_judged_as_such),
		cmocka_unit_test(test_settings_that_cannot_be_seen_are_told),
		cmocka_unit_test(test_each_setting_of_the_brokers_has_its_finding),
		cmocka_unit_test(test_offsets_and_transactions_on_one_broker_are_found),
		cmocka_unit_test(
		    test_a_cluster_that_does_not_answer_is_unreachable_and_one_that_refuses_an_error),
		cmocka_unit_test(test_records_that_would_go_round_are_an_error),
		cmocka_unit_test(test_rights_that_are_missing_are_errors_with_the_command_that_grants_them),
		cmocka_unit_test(test_rights_to_create_and_widen_are_needed_where_that_is_to_be_done),
		cmocka_unit_test(test_what_cannot_be_seen_is_told),
		cmocka_unit_test(test_members_with_other_settings_are_found_with_their_hosts),
		cmocka_unit_test(test_members_with_these_settings_and_others_clients_are_no_finding),
		cmocka_unit_test(test_members_that_cannot_be_seen_are_told),
		cmocka_unit_test(test_the_gravest_come_first_and_the_rest_keep_their_order),
	};

	return cmocka_run_group_tests_name("audit", tests, NULL, NULL);
}
