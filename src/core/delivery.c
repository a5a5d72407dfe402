#include "core/delivery.h"
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define ARRAY_SIZE(array) (sizeof(array) / sizeof((array)[0]))

/* Which choices a row of the derivation is for. */
enum applies {
	ALWAYS,
	EXACTLY_ONCE,
	NOT_EXACTLY_ONCE,
	ACKS_ARE_ALL,
	ACKS_ARE_LEADER,
	ACKS_ARE_NONE,
	IDEMPOTENT, /* acks = all, in every delivery */
	NOT_IDEMPOTENT,
	GAPLESS,       /* acks = all without transactions */
	MANY_REQUESTS, /* acks = all, but at_most_once */
	ONE_REQUEST,   /* at_most_once with acks = all */
	NO_RESEND,           /* at_most_once with acks 0 or 1 */
	RESEND,              /* all the others */
	READ_COMMITTED,
	READ_UNCOMMITTED,
};

struct rule {
	enum applies applies;
	struct derived_setting setting;
};

/* The derivation. At most one row of a property and side applies to any choice. */
/* clang-format off */
static const struct rule rules[] = {
	{ ALWAYS, { CLIENT_CONSUMER, "enable.auto.commit", "false",
	  "an offset may be committed only once its record is safe, which only the relay knows" } },
	{ ALWAYS, { CLIENT_CONSUMER, "enable.auto.offset.store", "false",
	  "librdkafka would store offsets of records that are not delivered yet" } },
	{ ALWAYS, { CLIENT_CONSUMER, "auto.offset.reset", "error",
	  "a gap in the source must never be crossed silently: from.start and from.on_gap decide" } },
	{ ALWAYS, { CLIENT_CONSUMER, "enable.partition.eof", "true",
	  "the end of a partition tells the offset behind transaction markers and compaction gaps" } },
	{ ALWAYS, { CLIENT_CONSUMER, "check.crcs", "true",
	  "a corrupted record must not be relayed as if it were whole" } },
	{ READ_COMMITTED, { CLIENT_CONSUMER, "isolation.level", "read_committed",
	  "records of aborted or open transactions must not be relayed: from.isolation" } },
	{ READ_UNCOMMITTED, { CLIENT_CONSUMER, "isolation.level", "read_uncommitted",
	  "from.isolation asks for the records of open and aborted transactions too" } },
	{ ALWAYS, { CLIENT_CONSUMER, "allow.auto.create.topics", "false",
	  "a mistyped source must be an error and not a new, empty topic" } },

	{ ACKS_ARE_ALL, { CLIENT_PRODUCER, "acks", "all",
	  "a record is safe once all in-sync replicas have it: to.acks" } },
	{ ACKS_ARE_LEADER, { CLIENT_PRODUCER, "acks", "1",
	  "to.acks asks for the leader's acknowledgement alone" } },
	{ ACKS_ARE_NONE, { CLIENT_PRODUCER, "acks", "0",
	  "to.acks asks for no acknowledgement" } },
	{ IDEMPOTENT, { CLIENT_PRODUCER, "enable.idempotence", "true",
	  "retries must neither repeat nor reorder records" } },
	{ NOT_IDEMPOTENT, { CLIENT_PRODUCER, "enable.idempotence", "false",
	  "the brokers offer idempotence only with acks = all" } },
	{ GAPLESS, { CLIENT_PRODUCER, "enable.gapless.guarantee", "true",
	  "no later record of a partition may be written past one that failed" } },
	{ MANY_REQUESTS, { CLIENT_PRODUCER, "max.in.flight.requests.per.connection", "5",
	  "the brokers keep the order of an idempotent producer over five requests at most" } },
	{ ONE_REQUEST, { CLIENT_PRODUCER, "max.in.flight.requests.per.connection", "1",
	  "what is on its way when a request fails may be written, and is lost: let it be little" } },
	{ NOT_IDEMPOTENT, { CLIENT_PRODUCER, "max.in.flight.requests.per.connection", "1",
	  "without idempotence a retry would overtake the request behind it" } },
	{ RESEND, { CLIENT_PRODUCER, "message.send.max.retries", "2147483647",
	  "a transient fault must end in a retry and not in a failed record" } },
	{ NO_RESEND, { CLIENT_PRODUCER, "message.send.max.retries", "0",
	  "what may have been written must not be sent again" } },
	{ NOT_EXACTLY_ONCE, { CLIENT_PRODUCER, "message.timeout.ms", "0",
	  "a record must never time out: it waits until the target has it" } },
	{ EXACTLY_ONCE, { CLIENT_PRODUCER, "transaction.timeout.ms", "15000",
	  "after a crash the successor waits that long at most for the open transaction" } },
	{ ALWAYS, { CLIENT_PRODUCER, "delivery.report.only.error", "false",
	  "only a delivery report settles a record" } },
	{ ALWAYS, { CLIENT_PRODUCER, "allow.auto.create.topics", "false",
	  "a target is created as to.create says, never by the broker's defaults" } },
};
/* clang-format on */

/* Other names that librdkafka takes for the same property. */
static const struct {
	const char *alias;
	const char *property;
} aliases[] = {
	{ "request.required.acks", "acks" },
	{ "max.in.flight", "max.in.flight.requests.per.connection" },
	{ "retries", "message.send.max.retries" },
	{ "delivery.timeout.ms", "message.timeout.ms" },
	{ "auto.commit.enable", "enable.auto.commit" },
	{ "bootstrap.servers", "metadata.broker.list" },
	{ "linger.ms", "queue.buffering.max.ms" },
	{ "compression.type", "compression.codec" },
	{ "max.partition.fetch.bytes", "fetch.message.max.bytes" },
};

#define OWN_MEMORY  "aloqd sizes the clients' buffers from its own bound: set aloqd.memory"
#define RUNS_CODE   "it runs or loads code, which a configuration file of a daemon must not do"
#define OWN_OFFSETS "aloqd alone decides when an offset is committed: see commit.mode, .records and .interval"
#define OWN_GROUP   "the classic group protocol is the only one in this version"
#define OLD_BROKERS "without the brokers' true version headers and idempotence would be lost silently"
#define NOT_TEXT    "it is a program's pointer, which has no value in a configuration file"

/* Put between quotes into the command line that logs in to Kerberos. */
static bool is_unsafe_in_a_shell(const char *value)
{
	static const char safe[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789/._@:+-";

	return value[strspn(value, safe)] != '\0';
}

/* aloqd waits about as long for an answer to a question (log_ends.c, probe.c). */
enum { FETCH_WAIT_MAX_MS = 500 };

static bool is_long_fetch(const char *value)
{
	return strtoll(value, NULL, 10) > FETCH_WAIT_MAX_MS;
}

static bool is_no_interval(const char *value)
{
	return strtoll(value, NULL, 10) <= 0;
}

/* Refused whatever the choice. */
static const struct delivery_refusal refusals[] = {
	{ "metadata.broker.list", "it has its own key: clusters.NAME.brokers" },
	{ "group.id", "it has its own key: from.group" },
	{ "client.id",
	    "aloqd sets it to the pipeline's name and a hash of its settings, to tell instances apart" },
	{ "transactional.id",
	    "aloqd makes it from pipeline and instance, so that a successor fences the right one" },
	{ "transaction.timeout.ms", "aloqd sets it where it opens transactions" },
	{ "enable.gapless.guarantee", "aloqd sets it where the guarantee needs it" },
	{ "message.send.max.retries", "the delivery decides whether a record is sent again" },
	{ "message.timeout.ms", "a record must never time out: it waits until the target has it" },
	{ "queue.buffering.max.ms", "it has its own key: to.linger" },
	{ "compression.codec", "it has its own key: to.compression" },
	{ "partitioner", "it has its own key: to.partition" },
	{ "sticky.partitioning.linger.ms", "aloqd chooses each record's partition itself: see to.partition" },
	{ "queuing.strategy", "anything but first in, first out breaks the order of a partition" },
	{ "topic.blacklist", "a hidden source would be lost silently: list what is wanted in from.topics" },
	{ "auto.commit.interval.ms", OWN_OFFSETS },
	{ "offset.store.*", OWN_OFFSETS },
	{ "group.instance.id", "aloqd makes it from pipeline and instance: see from.static_membership" },
	{ "group.protocol*", OWN_GROUP },
	{ "group.remote.assignor", OWN_GROUP },
	{ "queued.*", OWN_MEMORY },
	{ "queue.buffering.max.messages", OWN_MEMORY },
	{ "queue.buffering.max.kbytes", OWN_MEMORY },
	{ "fetch.queue.backoff.ms", OWN_MEMORY },
	{ "fetch.message.max.bytes", OWN_MEMORY },
	{ "fetch.max.bytes", OWN_MEMORY },
	{ "message.max.bytes",
	    "a record that is too large is refused by its own target, and on_error says what becomes of it" },
	{ "statistics.interval.ms", "aloqd has its own metrics: see aloqd.http" },
	{ "enabled_events", "aloqd needs the events that it asks for" },
	{ "enable_sasl_queue", "aloqd needs the events that it asks for" },
	{ "log.queue", "aloqd sends librdkafka's log lines to its own log" },
	{ "internal.termination.signal", "it would change how the process takes signals" },
	{ "api.version.*", OLD_BROKERS },
	{ "broker.version.fallback", OLD_BROKERS },
	{ "plugin.library.paths", RUNS_CODE },
	{ "sasl.kerberos.kinit.cmd", RUNS_CODE },
	{ "ssl.engine.*", RUNS_CODE },
	{ "ssl_engine_*", RUNS_CODE },
	{ "ssl.providers", RUNS_CODE },
	{ "test.*", "it replaces the cluster by a simulated one" },
	{ "ut.*", "it belongs to librdkafka's own tests" },
	{ "interceptors", NOT_TEXT },
	{ "opaque", NOT_TEXT },
	{ "default_topic_conf", NOT_TEXT },
	{ "msg_order_cmp", NOT_TEXT },
	{ "ssl_key", NOT_TEXT },
	{ "ssl_certificate", NOT_TEXT },
	{ "ssl_ca", NOT_TEXT },
	{ "consume.callback.max.messages", NOT_TEXT },
	{ "*_cb", NOT_TEXT },
};

/* Some values of which are refused. */
static const struct delivery_value_refusal value_refusals[] = {
	{ { "sasl.kerberos.*",
	      "librdkafka hands it to a shell, so it may hold only letters, digits and /._@:+-" },
	    "with other characters", is_unsafe_in_a_shell },
	{ { "fetch.wait.max.ms",
	      "a broker answers nothing else on the connection meanwhile: the questions that wait behind it would find a "
	      "cluster gone that is not" },
	    "above 500", is_long_fetch },
	{ { "topic.metadata.refresh.interval.ms", "topics and partitions that come later would never be noticed" },
	    "0 and below", is_no_interval },
};

const char *delivery_name(enum delivery delivery)
{
	switch (delivery) {
	case DELIVERY_AT_MOST_ONCE:
		return "at_most_once";
	case DELIVERY_AT_LEAST_ONCE:
		return "at_least_once";
	case DELIVERY_EXACTLY_ONCE:
		return "exactly_once";
	}
	return "?";
}

const char *acks_name(enum acks acks)
{
	switch (acks) {
	case ACKS_ALL:
		return "all";
	case ACKS_NONE:
		return "0";
	case ACKS_LEADER:
		return "1";
	}
	return "?";
}

const char *isolation_name(enum isolation isolation)
{
	return isolation == ISOLATION_READ_COMMITTED ? "read_committed" : "read_uncommitted";
}

const char *delivery_promise(const struct delivery_choice *choice)
{
	switch (choice->delivery) {
	case DELIVERY_AT_MOST_ONCE:
		return "No record is written twice. A record's offset is committed before it is produced, so what is "
		       "in flight when something fails is lost; losses are counted and logged.";
	case DELIVERY_AT_LEAST_ONCE:
		return choice->acks == ACKS_ALL
			   ? "No record is lost. A record's offset is committed only after the target has "
			     "acknowledged the record, so after a crash those are repeated whose offsets had not been "
			     "committed."
			   : "No record is lost by aloqd, but some may be by the target. A record's offset is committed "
			     "only after the target has acknowledged the record, so after a crash those are repeated "
			     "whose offsets had not been committed.";
	case DELIVERY_EXACTLY_ONCE:
		return "No record is lost or repeated, for readers with isolation.level=read_committed: records and "
		       "offsets are written in one Kafka transaction. Other readers see aborted records, too.";
	}
	return "?";
}

const char *delivery_acks_promise(const struct delivery_choice *choice)
{
	switch (choice->acks) {
	case ACKS_ALL:
		return "A record counts as written once all in-sync replicas have it (how many those are at least, "
		       "min.insync.replicas of the target says). Records of one source partition that go to one "
		       "target partition keep their order, through retries, leader changes and restarts.";
	case ACKS_LEADER:
		return "A record counts as written once the leader has it: it is lost when the leader dies, or "
		       "another broker leads, before a follower has copied it. The order is kept but around a request that has failed.";
	case ACKS_NONE:
		return "A record counts as written once it has been sent: nobody acknowledges it, and what is lost "
		       "behind the socket is not counted.";
	}
	return "?";
}

static bool rule_applies(enum applies applies, const struct delivery_choice *choice)
{
	bool all = choice->acks == ACKS_ALL;

	switch (applies) {
	case ALWAYS:
		return true;
	case NOT_EXACTLY_ONCE:
		return choice->delivery != DELIVERY_EXACTLY_ONCE;
	case EXACTLY_ONCE:
		return choice->delivery == DELIVERY_EXACTLY_ONCE;
	case IDEMPOTENT:
	case ACKS_ARE_ALL:
		return all;
	case GAPLESS:
		return all && choice->delivery != DELIVERY_EXACTLY_ONCE;
	case MANY_REQUESTS:
		return all && choice->delivery != DELIVERY_AT_MOST_ONCE;
	case ONE_REQUEST:
		return all && choice->delivery == DELIVERY_AT_MOST_ONCE;
	case NOT_IDEMPOTENT:
		return !all;
	case NO_RESEND:
		return !all && choice->delivery == DELIVERY_AT_MOST_ONCE;
	case RESEND:
		return all || choice->delivery != DELIVERY_AT_MOST_ONCE;
	case ACKS_ARE_LEADER:
		return choice->acks == ACKS_LEADER;
	case ACKS_ARE_NONE:
		return choice->acks == ACKS_NONE;
	case READ_COMMITTED:
		return choice->isolation == ISOLATION_READ_COMMITTED;
	case READ_UNCOMMITTED:
		return choice->isolation == ISOLATION_READ_UNCOMMITTED;
	}
	return false;
}

size_t delivery_derive(
    const struct delivery_choice *choice, struct derived_setting *settings, size_t capacity)
{
	size_t count = 0;

	for (size_t i = 0; i < ARRAY_SIZE(rules); i++) {
		if (!rule_applies(rules[i].applies, choice))
			continue;
		if (count < capacity)
			settings[count] = rules[i].setting;
		count++;
	}
	return count;
}

/* Does the name match the pattern? See struct delivery_refusal. */
static bool name_matches(const char *pattern, const char *name)
{
	size_t length = strlen(pattern);
	size_t name_length = strlen(name);

	if (pattern[0] == '*')
		return name_length >= length - 1 && strcasecmp(name + name_length - (length - 1), pattern + 1) == 0;
	if (pattern[length - 1] == '*')
		return strncasecmp(pattern, name, length - 1) == 0;
	return strcasecmp(pattern, name) == 0;
}

static const char *derived_reason(
    const struct delivery_choice *choice, enum client_side side, const char *property)
{
	for (size_t i = 0; i < ARRAY_SIZE(rules); i++) {
		if (rules[i].setting.side == side && rule_applies(rules[i].applies, choice) &&
		    strcasecmp(rules[i].setting.property, property) == 0)
			return rules[i].setting.reason;
	}
	return NULL;
}

const char *delivery_property_refusal(
    const struct delivery_choice *choice, enum client_side side, const char *property, const char *value)
{
	enum client_side other_side = side == CLIENT_CONSUMER ? CLIENT_PRODUCER : CLIENT_CONSUMER;
	const char *reason;

	/* librdkafka takes a topic's property with this prefix too. */
	if (strncasecmp(property, "topic.", 6) == 0 && strncasecmp(property, "topic.metadata.", 15) != 0 &&
	    strcasecmp(property, "topic.blacklist") != 0)
		property += 6;
	for (size_t i = 0; i < ARRAY_SIZE(aliases); i++) {
		if (strcasecmp(aliases[i].alias, property) == 0) {
			property = aliases[i].property;
			break;
		}
	}
	reason = derived_reason(choice, side, property);
	if (!reason) /* on the wrong side: librdkafka would take it, in vain */
		reason = derived_reason(choice, other_side, property);
	for (size_t i = 0; i < ARRAY_SIZE(refusals) && !reason; i++) {
		if (name_matches(refusals[i].property, property))
			reason = refusals[i].reason;
	}
	for (size_t i = 0; i < ARRAY_SIZE(value_refusals) && !reason && value; i++) {
		if (name_matches(value_refusals[i].refusal.property, property) && value_refusals[i].refuses(value))
			reason = value_refusals[i].refusal.reason;
	}
	return reason;
}

const struct delivery_refusal *delivery_refusals(size_t *count)
{
	*count = ARRAY_SIZE(refusals);
	return refusals;
}

const struct delivery_value_refusal *delivery_value_refusals(size_t *count)
{
	*count = ARRAY_SIZE(value_refusals);
	return value_refusals;
}

const char *delivery_contradiction(const struct delivery_choice *choice)
{
	if (choice->delivery == DELIVERY_AT_LEAST_ONCE && choice->acks == ACKS_NONE)
		return "delivery at_least_once contradicts acks = 0: nothing says then that a record was "
		       "written; "
		       "use acks = \"all\", or delivery = \"at_most_once\"";
	if (choice->delivery == DELIVERY_EXACTLY_ONCE && choice->acks != ACKS_ALL)
		return "delivery exactly_once contradicts acks = 0 or 1: Kafka's transactions need all "
		       "in-sync "
		       "replicas; use acks = \"all\"";
	if (choice->delivery == DELIVERY_EXACTLY_ONCE && choice->isolation == ISOLATION_READ_UNCOMMITTED)
		return "delivery exactly_once contradicts isolation read_uncommitted: records of aborted "
		       "transactions "
		       "would be relayed; use isolation = \"read_committed\"";
	return NULL;
}

const char *delivery_warning(const struct delivery_choice *choice)
{
	if (choice->delivery == DELIVERY_AT_LEAST_ONCE && choice->acks == ACKS_LEADER)
		return "acks = 1 can lose records: those that the leader acknowledged are gone when it dies, or "
		       "another broker leads, before a follower has copied them; use acks = \"all\" for a "
		       "promise that holds";
	return NULL;
}
