/* config.h: the configuration as the program uses it: checked, complete, with all defaults filled in.
 *
 * Everything in it is immutable once config_load() has returned and whoever loaded it has begun to share it.
 * Threads share it by holding it: with a reload there are several, and each lives until the last of its
 * holders is done. */
#pragma once
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "base/log.h"
#include "core/delivery.h"

/* Where a value was written, for messages. file is owned by the config. line 0: a default. */
struct config_origin {
	const char *file;
	int line;
};

/* "name=value" of a properties list, split. */
struct config_property {
	char *name;
	char *value;
	struct config_origin origin;
};

struct config_properties {
	struct config_property *items;
	size_t count;
};

/* A secret, and how it was given. */
struct config_secret {
	char *text;  /* "credential:NAME", "file:PATH" or the secret itself; NULL: none */
	char *value; /* the secret; NULL: none, or with CONFIG_TO_TEST one that only a start will have */
};

/* A file of the operator's, and how it was given. */
struct config_file {
	char *text; /* "credential:NAME" or the path itself; NULL: none */
	char *path; /* NULL: none, or with CONFIG_TO_TEST one that only a start will have */
	uint64_t contents_hash; /* FNV-1a: tells whether it has changed */
};

struct config_tls {
	bool enabled; /* the group is there, and may be empty */
	struct config_file ca; /* none: those that the system trusts */
	struct config_file certificate, key; /* of the client; both or none */
	struct config_secret key_password;
	bool verify; /* the server's certificate and host name */
	struct config_origin origin;
};

struct config_sasl {
	bool enabled;
	char *mechanism; /* as Kafka spells it */
	char *username;	 /* the client's id with OAUTHBEARER */
	struct config_secret password;
	char *token_endpoint; /* with OAUTHBEARER; NULL there: the properties say how a token is got */
	struct config_origin origin;
};

struct config_cluster {
	char *name;
	char *brokers; /* bootstrap list as librdkafka takes it */
	struct config_tls tls;
	struct config_sasl sasl;
	struct config_properties properties; /* of either side: each client takes those that it knows */
	struct config_origin origin;
};

enum start_policy { START_EARLIEST, START_LATEST, START_TIMESTAMP, START_NONE };
enum gap_policy { GAP_BLOCK, GAP_EARLIEST, GAP_LATEST };
enum commit_mode { COMMIT_ASYNC, COMMIT_SYNC };
enum partition_policy { PARTITION_SAME, PARTITION_KEY, PARTITION_FIXED };

struct config_from {
	const struct config_cluster *cluster;
	char **topics; /* literal names; at least one, none twice */
	size_t topic_count;
	char *group;
	enum isolation isolation;
	enum start_policy start;
	int64_t start_timestamp_ms; /* with START_TIMESTAMP */
	enum gap_policy on_gap;
	bool static_membership;
	struct config_properties properties;
};

/* to.create = { partitions = N; replication_factor = N; properties = [ "retention.ms=..." ]; } makes missing
 * target topics. partitions 0: as many as the source topic has. replication_factor -1: the broker's
 * default. */
struct config_create {
	bool enabled;
	int32_t partitions;
	int32_t replication_factor;
	struct config_properties properties; /* topic configs */
};

struct config_to {
	const struct config_cluster *cluster;
	char *topic; /* may hold "{topic}" any number of times */
	enum acks acks;
	char *compression; /* none, gzip, snappy, lz4, zstd */
	enum partition_policy partition;
	int32_t fixed_partition; /* with PARTITION_FIXED */
	int64_t linger_us;
	struct config_create create;
	struct config_properties properties;
};

struct config_commit {
	enum commit_mode mode;
	int64_t records;
	int64_t interval_ms;
};

struct config_pipeline {
	char *name;
	bool enabled;
	enum delivery delivery;
	struct config_from from;
	struct config_to to;
	struct config_commit commit;
	enum error_policy on_error;
	char *dead_letter; /* topic in to.cluster; not NULL with ON_ERROR_DEAD_LETTER, NULL with ON_ERROR_SKIP */
	int64_t revoke_timeout_ms;
	int32_t members;      /* of the group, in this process; at least 1 */
	int32_t member;	      /* in the copy that one of several has: which it is, from 1 on; else 0 */
	bool provenance;      /* each record gets a header that says where it comes from: core/provenance.h */
	int64_t rate_records; /* at most that many in a second; 0: no limit */
	uint64_t rate_bytes;  /* at most that many in a second; 0: no limit */
	struct config_origin origin;
};

/* Where something happens that concerns a pipeline, or the one of its members that has these settings. */
#define LOG_SETTINGS(settings) LOG_MEMBER((settings)->name, (settings)->member)

struct config {
	enum log_level log_level;
	char *http;    /* "127.0.0.1:9797", "[::1]:9797", or NULL: off */
	char *control; /* path of the control socket */
	int64_t drain_timeout_ms;
	uint64_t memory_bytes;
	char *instance;
	struct config_cluster *clusters;
	size_t cluster_count;
	struct config_pipeline *pipelines;
	size_t pipeline_count;
	char **files; /* all that were read, in order: what the origins point to */
	size_t file_count;
	atomic_uint holders; /* config_hold() and config_free() alone use it */
};

/* Problems and warnings found in one run, in file order. */
struct config_finding {
	bool is_error; /* else a warning */
	char *text;    /* "FILE:LINE: KEY.PATH: what is wrong; what would be right" */
};
struct config_findings {
	struct config_finding *items;
	size_t count;
	size_t error_count;
};

/* For those above who know more of a configuration than this layer (librdkafka, of its properties): says all
 * that is wrong, by report. Also asked when errors were found before: what was wrong is then missing, or has
 * its default. */
typedef void (*config_report)(
    void *context, const struct config_origin *origin, const char *path, const char *text);
typedef void (*config_check)(const struct config *config, config_report report, void *context);

/* What it is read for. Credentials come from the service manager, with a start alone: without $CREDENTIALS_DIRECTORY
 * a test warns of each, and the config lacks them. */
enum config_purpose { CONFIG_TO_RUN, CONFIG_TO_TEST };

/* Reads and checks a configuration. conf_d: also read FILE's conf.d directory (for the default main file).
 * check may be NULL. Returns the config, or NULL when there are errors. findings is always filled (errors and
 * warnings) and freed by the caller with config_findings_clear(). *exit_code (sysexits) says 77 for an unreadable file,
 * else 78. Does not print. Thread: any, one at a time. */
struct config *config_load(const char *file, bool conf_d, enum config_purpose purpose, config_check check,
    struct config_findings *findings, int *exit_code);

/* One more holder, who gives it up with config_free(), as does the one who loaded it; the last frees it.
 * Whoever keeps a pointer into it (settings, a cluster, an origin) is a holder, or is outlived by one.
 * Returns config. Thread: any. */
struct config *config_hold(struct config *config);
/* Accepts NULL. */
void config_free(struct config *config);
/* One more, of what is known above this layer. */
void config_findings_add_warning(struct config_findings *findings, const char *text);
void config_findings_clear(struct config_findings *findings);

/* Why a client of this cluster (NULL: not known) may not be given this property: as delivery_property_refusal(), and what
 * the cluster's groups tls and sasl decide. NULL when it may. Static. */
const char *config_property_refusal(const struct config_cluster *cluster, const struct delivery_choice *choice,
    enum client_side side, const char *property, const char *value);

/* The effective configuration in the config's own language, secrets redacted; the output, read again,
 * dumps the same. The caller frees. */
char *config_dump(const struct config *config);

/* A hash of everything that decides what a pipeline does, hex, 8 digits: goes into the client id, so that
 * hosts that disagree can be seen. Not of what hosts may well differ in: members, enabled, and the property client.rack,
 * which says where one stands. buffer holds at least 9 bytes. */
void config_pipeline_hash(const struct config_pipeline *pipeline, char *buffer);

/* The target topic of a source topic: to.topic with {topic} replaced. The caller frees. */
char *config_target_topic(const struct config_pipeline *pipeline, const char *source_topic);
