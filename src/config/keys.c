#include "config/keys.h"
#include <string.h>
#include "base/nearest.h"
#include "config/config.h"

#define SECOND_MS  INT64_C(1000)
#define SECOND_US  INT64_C(1000000)
#define HOUR_MS    (3600 * SECOND_MS)
#define MEBIBYTE   (INT64_C(1) << 20)
#define TEBIBYTE   (INT64_C(1) << 40)

static const struct key_choice log_level_choices[] = {
	{ "error", LOG_LEVEL_ERROR },
	{ "warning", LOG_LEVEL_WARNING },
	{ "notice", LOG_LEVEL_NOTICE },
	{ "info", LOG_LEVEL_INFO },
	{ "debug", LOG_LEVEL_DEBUG },
	{ NULL, 0 },
};

static const struct key_choice mechanism_choices[] = {
	{ "SCRAM-SHA-512", 0 },
	{ "SCRAM-SHA-256", 0 },
	{ "PLAIN", 0 },
	{ "OAUTHBEARER", 0 },
	{ "GSSAPI", 0 },
	{ NULL, 0 },
};

static const struct key_choice delivery_choices[] = {
	{ "at_least_once", DELIVERY_AT_LEAST_ONCE },
	{ "at_most_once", DELIVERY_AT_MOST_ONCE },
	{ "exactly_once", DELIVERY_EXACTLY_ONCE },
	{ NULL, 0 },
};

static const struct key_choice on_error_choices[] = {
	{ "block", ON_ERROR_BLOCK },
	{ "skip", ON_ERROR_SKIP },
	{ "dead_letter", ON_ERROR_DEAD_LETTER },
	{ NULL, 0 },
};

static const struct key_choice isolation_choices[] = {
	{ "read_committed", ISOLATION_READ_COMMITTED },
	{ "read_uncommitted", ISOLATION_READ_UNCOMMITTED },
	{ NULL, 0 },
};

static const struct key_choice start_choices[] = {
	{ "earliest", START_EARLIEST },
	{ "latest", START_LATEST },
	{ "none", START_NONE },
	{ "timestamp:TIME", START_TIMESTAMP },
	{ NULL, 0 },
};

static const struct key_choice on_gap_choices[] = {
	{ "block", GAP_BLOCK },
	{ "earliest", GAP_EARLIEST },
	{ "latest", GAP_LATEST },
	{ NULL, 0 },
};

static const struct key_choice acks_choices[] = {
	{ "all", ACKS_ALL },
	{ "-1", ACKS_ALL },
	{ "1", ACKS_LEADER },
	{ "0", ACKS_NONE },
	{ NULL, 0 },
};

static const struct key_choice compression_choices[] = {
	{ "none", 0 },
	{ "gzip", 0 },
	{ "snappy", 0 },
	{ "lz4", 0 },
	{ "zstd", 0 },
	{ NULL, 0 },
};

static const struct key_choice partition_choices[] = {
	{ "same", PARTITION_SAME },
	{ "key", PARTITION_KEY },
	{ NULL, 0 },
};

static const struct key_choice commit_mode_choices[] = {
	{ "async", COMMIT_ASYNC },
	{ "sync", COMMIT_SYNC },
	{ NULL, 0 },
};

#define FIELD(structure, member) .offset = offsetof(struct structure, member)

/* clang-format off */
static const struct key keys[] = {
	{ PLACE_ALOQD, "log_level", KEY_CHOICE, FIELD(config, log_level), .choices = log_level_choices,
	  .default_text = "info",
	  .help = "least level that is logged" },
	{ PLACE_ALOQD, "http", KEY_LISTENER, FIELD(config, http), .default_text = "off", .restart = true,
	  .help = "address and port of the read-only HTTP listener" },
	{ PLACE_ALOQD, "control", KEY_TEXT, FIELD(config, control), .min = 1, .max = 107, .restart = true,
	  .default_note = "$RUNTIME_DIRECTORY/control.sock, else /run/aloqd/control.sock",
	  .help = "path of the control socket, which aloqctl talks to" },
	{ PLACE_ALOQD, "drain_timeout", KEY_DURATION_MS, FIELD(config, drain_timeout_ms), .min = 0,
	  .max = HOUR_MS, .default_text = "30s",
	  .help = "longest time to settle and commit what is in flight when stopping" },
	{ PLACE_ALOQD, "memory", KEY_SIZE, FIELD(config, memory_bytes), .min = 32 * MEBIBYTE, .max = TEBIBYTE,
	  .default_text = "256MiB",
	  .help = "bound of the whole process's memory, shared by the pipelines" },
	{ PLACE_ALOQD, "instance", KEY_INSTANCE, FIELD(config, instance), .min = 1, .max = 100, .restart = true,
	  .default_note = "made from the machine's id and the unit's instance",
	  .help = "tells this instance from others that run the same configuration" },

	{ PLACE_CLUSTER, "brokers", KEY_BROKERS, FIELD(config_cluster, brokers), .min = 1, .max = 4096,
	  .required = true,
	  .help = "host:port of some brokers, separated by commas" },
	{ PLACE_CLUSTER, "tls", KEY_GROUP, FIELD(config_cluster, tls), .group = PLACE_TLS, .optional = true,
	  .help = "encrypt the connections to the brokers, and make sure who they are" },
	{ PLACE_CLUSTER, "sasl", KEY_GROUP, FIELD(config_cluster, sasl), .group = PLACE_SASL, .optional = true,
	  .help = "log in to the brokers" },
	{ PLACE_CLUSTER, "properties", KEY_PROPERTIES, FIELD(config_cluster, properties),
	  .help = "librdkafka's settings for all clients of this cluster: \"name=value\"" },

	{ PLACE_TLS, "ca", KEY_FILE, FIELD(config_tls, ca), .default_note = "what the system trusts",
	  .help = "file with the certificates of the authorities that sign the brokers'" },
	{ PLACE_TLS, "certificate", KEY_FILE, FIELD(config_tls, certificate), .default_note = "none",
	  .help = "file with the client's certificate, where the brokers ask for one" },
	{ PLACE_TLS, "key", KEY_FILE, FIELD(config_tls, key), .default_note = "none",
	  .help = "file with the private key of certificate" },
	{ PLACE_TLS, "key_password", KEY_SECRET, FIELD(config_tls, key_password), .default_note = "none",
	  .help = "password of key, where it is encrypted" },
	{ PLACE_TLS, "verify", KEY_BOOL, FIELD(config_tls, verify), .default_text = "true",
	  .help = "check the brokers' certificates and host names" },

	{ PLACE_SASL, "mechanism", KEY_WORD, FIELD(config_sasl, mechanism), .choices = mechanism_choices,
	  .required = true,
	  .help = "how to log in: SCRAM-SHA-512, SCRAM-SHA-256, PLAIN, OAUTHBEARER or GSSAPI" },
	{ PLACE_SASL, "username", KEY_TEXT, FIELD(config_sasl, username), .min = 1, .max = 1024,
	  .default_note = "none",
	  .help = "name of the user; with OAUTHBEARER the client's id" },
	{ PLACE_SASL, "password", KEY_SECRET, FIELD(config_sasl, password), .default_note = "none",
	  .help = "password of the user; with OAUTHBEARER the client's secret" },
	{ PLACE_SASL, "token_endpoint", KEY_TEXT, FIELD(config_sasl, token_endpoint), .min = 1, .max = 1024,
	  .default_note = "none",
	  .help = "URL of the OpenID Connect provider that issues tokens, with OAUTHBEARER" },

	{ PLACE_PIPELINE, "enabled", KEY_BOOL, FIELD(config_pipeline, enabled), .default_text = "true",
	  .help = "whether the pipeline is to run" },
	{ PLACE_PIPELINE, "delivery", KEY_CHOICE, FIELD(config_pipeline, delivery),
	  .choices = delivery_choices, .default_text = "at_least_once",
	  .help = "the guarantee" },
	{ PLACE_PIPELINE, "from", KEY_GROUP, FIELD(config_pipeline, from), .group = PLACE_FROM,
	  .required = true,
	  .help = "what is read" },
	{ PLACE_PIPELINE, "to", KEY_GROUP, FIELD(config_pipeline, to), .group = PLACE_TO, .required = true,
	  .help = "where it is written" },
	{ PLACE_PIPELINE, "commit", KEY_GROUP, FIELD(config_pipeline, commit), .group = PLACE_COMMIT,
	  .help = "when offsets are committed" },
	{ PLACE_PIPELINE, "on_error", KEY_CHOICE, FIELD(config_pipeline, on_error),
	  .choices = on_error_choices, .default_text = "block",
	  .help = "what becomes of a record that the target refuses for ever" },
	{ PLACE_PIPELINE, "dead_letter", KEY_TEXT, FIELD(config_pipeline, dead_letter), .min = 1, .max = 249,
	  .default_note = "none",
	  .help = "topic for refused records, in the target's cluster; with on_error = \"block\" a person may choose it" },
	{ PLACE_PIPELINE, "revoke_timeout", KEY_DURATION_MS, FIELD(config_pipeline, revoke_timeout_ms),
	  .min = 0, .max = HOUR_MS, .default_text = "10s",
	  .help = "longest time to settle and commit a partition that goes to another member" },
	{ PLACE_PIPELINE, "members", KEY_INT32, FIELD(config_pipeline, members), .min = 1, .max = 64,
	  .default_text = "1",
	  .help = "members of the consumer group that this instance runs" },
	{ PLACE_PIPELINE, "rate", KEY_GROUP, .group = PLACE_RATE,
	  .help = "how much is relayed in a second at most" },
	{ PLACE_PIPELINE, "provenance", KEY_BOOL, FIELD(config_pipeline, provenance), .default_text = "false",
	  .help = "whether each record gets a header that says where it comes from" },
	{ PLACE_PIPELINE, "process", KEY_LATER,
	  .help = "records are relayed as they are" },

	{ PLACE_FROM, "cluster", KEY_CLUSTER, FIELD(config_from, cluster), .required = true,
	  .help = "name of the cluster to read from" },
	{ PLACE_FROM, "topics", KEY_TOPICS, FIELD(config_from, topics), .min = 1, .max = 1000,
	  .required = true,
	  .help = "source topics: names, and regular expressions that begin with ^" },
	{ PLACE_FROM, "group", KEY_TEXT, FIELD(config_from, group), .min = 1, .max = 255,
	  .default_note = "aloqd-NAME",
	  .help = "consumer group" },
	{ PLACE_FROM, "isolation", KEY_CHOICE, FIELD(config_from, isolation), .choices = isolation_choices,
	  .default_text = "read_committed",
	  .help = "whether records of open and aborted transactions are read" },
	{ PLACE_FROM, "start", KEY_START, FIELD(config_from, start), .choices = start_choices,
	  .default_text = "earliest",
	  .help = "where to begin while the group has committed nothing on the topic" },
	{ PLACE_FROM, "on_gap", KEY_CHOICE, FIELD(config_from, on_gap), .choices = on_gap_choices,
	  .default_text = "block",
	  .help = "what to do when committed records are gone from the source" },
	{ PLACE_FROM, "static_membership", KEY_BOOL, FIELD(config_from, static_membership), .default_text = "false",
	  .help = "the group keeps an instance's partitions for it while it restarts" },
	{ PLACE_FROM, "properties", KEY_PROPERTIES, FIELD(config_from, properties),
	  .help = "librdkafka's settings for the consumer: \"name=value\"" },

	{ PLACE_TO, "cluster", KEY_CLUSTER, FIELD(config_to, cluster), .default_note = "from.cluster",
	  .help = "name of the cluster to write to" },
	{ PLACE_TO, "topic", KEY_TEXT, FIELD(config_to, topic), .min = 1, .max = 249, .required = true,
	  .help = "target topic; {topic} stands for the source's name" },
	{ PLACE_TO, "acks", KEY_CHOICE, FIELD(config_to, acks), .choices = acks_choices,
	  .default_text = "all",
	  .help = "which replicas must have a record before it counts as written" },
	{ PLACE_TO, "compression", KEY_WORD, FIELD(config_to, compression), .choices = compression_choices,
	  .default_text = "none",
	  .help = "compression of the batches that are written" },
	{ PLACE_TO, "partition", KEY_PARTITION, FIELD(config_to, partition), .choices = partition_choices,
	  .max = INT32_MAX, .default_text = "same",
	  .help = "target partition: the source's, by key, or a fixed one" },
	{ PLACE_TO, "linger", KEY_DURATION_US, FIELD(config_to, linger_us), .max = 900 * SECOND_US,
	  .default_text = "1ms",
	  .help = "how long records wait for others to share a request with" },
	{ PLACE_TO, "create", KEY_GROUP, FIELD(config_to, create), .group = PLACE_CREATE,
	  .optional = true,
	  .help = "make target topics that are missing; without it the pipeline waits for them" },
	{ PLACE_TO, "properties", KEY_PROPERTIES, FIELD(config_to, properties),
	  .help = "librdkafka's settings for the producer: \"name=value\"" },

	{ PLACE_COMMIT, "mode", KEY_CHOICE, FIELD(config_commit, mode), .choices = commit_mode_choices,
	  .default_text = "async",
	  .help = "go on while a commit is under way, or wait for it" },
	{ PLACE_COMMIT, "records", KEY_INT64, FIELD(config_commit, records), .min = 1, .max = 1000000000,
	  .default_text = "1000", .exactly_once_default = "20000",
	  .help = "commit after that many records" },
	{ PLACE_COMMIT, "interval", KEY_DURATION_MS, FIELD(config_commit, interval_ms), .min = 1,
	  .max = HOUR_MS, .default_text = "1s", .exactly_once_default = "100ms",
	  .help = "commit after that time" },

	{ PLACE_RATE, "records", KEY_INT64, FIELD(config_pipeline, rate_records), .min = 0, .max = 1000000000,
	  .default_text = "0",
	  .help = "records in a second; 0: no limit" },
	{ PLACE_RATE, "bytes", KEY_SIZE, FIELD(config_pipeline, rate_bytes), .min = 0, .max = TEBIBYTE,
	  .default_text = "0",
	  .help = "bytes of keys and values in a second; 0: no limit" },

	{ PLACE_CREATE, "partitions", KEY_INT32, FIELD(config_create, partitions), .min = 0, .max = 100000,
	  .default_text = "0",
	  .help = "partitions of a new topic; 0: as many as its source has" },
	{ PLACE_CREATE, "replication_factor", KEY_INT32, FIELD(config_create, replication_factor), .min = -1,
	  .max = INT16_MAX, .default_text = "-1",
	  .help = "replicas of a new topic; -1: the broker's default" },
	{ PLACE_CREATE, "properties", KEY_PROPERTIES, FIELD(config_create, properties),
	  .help = "settings of a new topic: \"name=value\"" },
};
/* clang-format on */

const struct key *keys_all(size_t *count)
{
	*count = sizeof keys / sizeof keys[0];
	return keys;
}

const struct key *keys_find(enum key_place place, const char *name)
{
	for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++) {
		if (keys[i].place == place && strcmp(keys[i].name, name) == 0)
			return &keys[i];
	}
	return NULL;
}

const struct key *keys_nearest(enum key_place place, const char *name)
{
	const struct key *nearest = NULL;
	size_t least = SIZE_MAX;

	for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++) {
		size_t distance;

		if (keys[i].place != place || keys[i].type == KEY_LATER)
			continue;
		distance = nearest_distance(name, keys[i].name);
		if (distance < least) {
			least = distance;
			nearest = &keys[i];
		}
	}
	return nearest_is_near(least, name) ? nearest : NULL;
}

const char *keys_place_name(enum key_place place)
{
	static const char *const names[PLACE_COUNT] = {
		[PLACE_ALOQD] = "aloqd",
		[PLACE_CLUSTER] = "clusters.NAME",
		[PLACE_TLS] = "clusters.NAME.tls",
		[PLACE_SASL] = "clusters.NAME.sasl",
		[PLACE_PIPELINE] = "pipelines.NAME",
		[PLACE_FROM] = "pipelines.NAME.from",
		[PLACE_TO] = "pipelines.NAME.to",
		[PLACE_COMMIT] = "pipelines.NAME.commit",
		[PLACE_RATE] = "pipelines.NAME.rate",
		[PLACE_CREATE] = "pipelines.NAME.to.create",
	};

	return names[place];
}

const char *keys_choice_name(const struct key_choice *choices, int value)
{
	for (; choices->name; choices++) {
		if (choices->value == value)
			return choices->name;
	}
	return "?";
}
