#include "fuzz/config_generator.h"
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "base/cleanup.h"
#include "base/memory.h"
#include "config/config.h"
#include "config/keys.h"
#include "sim/random.h"

enum { CLUSTERS_MAX = 3, PIPELINES_MAX = 4, TOPICS_MAX = 4 };

/* What is being written, and what of it the keys that follow must fit. */
struct generator {
	FILE *out;
	struct random random;
	int depth;
	unsigned cluster_count;
	unsigned number;        /* of the pipeline or cluster at hand */
	enum delivery delivery; /* of the pipeline at hand */
	bool in_defaults;
};

static unsigned below(struct generator *generator, unsigned bound)
{
	return random_below(&generator->random, bound);
}

static const char *one_of(struct generator *generator, const char *const *words, unsigned count)
{
	return words[below(generator, count)];
}

/* ---- layout ---- */

/* Between two settings: what a person may put there. */
static void write_gap(struct generator *generator)
{
	static const char *const gaps[] = { "\n", "\n", "\n\n", " ", " # a remark\n", " // 4294967297\n",
		" /* \"x\n */ ", "\r\n", "\t" };

	fputs(one_of(generator, gaps, sizeof gaps / sizeof gaps[0]), generator->out);
	for (int i = 0; i < generator->depth; i++)
		fputs("  ", generator->out);
}

static void write_name(struct generator *generator, const char *name)
{
	static const char *const assigns[] = { " = ", "=", ": ", "  =\n " };

	write_gap(generator);
	fprintf(generator->out, "%s%s", name, one_of(generator, assigns, sizeof assigns / sizeof assigns[0]));
}

static void end_setting(struct generator *generator)
{
	static const char *const ends[] = { ";", ";", ",", " " };

	fputs(one_of(generator, ends, sizeof ends / sizeof ends[0]), generator->out);
}

static void open_group(struct generator *generator, const char *name)
{
	write_name(generator, name);
	fputc('{', generator->out);
	generator->depth++;
}

static void close_group(struct generator *generator)
{
	generator->depth--;
	write_gap(generator);
	fputc('}', generator->out);
	end_setting(generator);
}

/* In double quotes; some characters in another spelling, and sometimes in two pieces. */
static void write_text(struct generator *generator, const char *text)
{
	fputc('"', generator->out);
	for (; *text; text++) {
		unsigned char c = (unsigned char)*text;

		if (c == '"' || c == '\\')
			fprintf(generator->out, "\\%c", c);
		else if (c < 0x20 || c >= 0x7f || below(generator, 20) == 0)
			fprintf(generator->out, below(generator, 2) ? "\\x%02x" : "\\x%02X", c);
		else
			fputc(c, generator->out);
		if (below(generator, 40) == 0)
			fputs("\" \"", generator->out);
	}
	fputc('"', generator->out);
}

static void write_list(struct generator *generator, char *const *texts, unsigned count)
{
	bool round = below(generator, 2);

	fputs(round ? "(" : "[", generator->out);
	for (unsigned i = 0; i < count; i++) {
		if (i > 0)
			fputs(", ", generator->out);
		write_text(generator, texts[i]);
	}
	fputs(round ? ")" : "]", generator->out);
}

/* ---- values by type ---- */

static void write_integer(struct generator *generator, int64_t value)
{
	if (value >= 0 && below(generator, 4) == 0)
		fprintf(generator->out, "0x%" PRIx64, (uint64_t)value);
	else
		fprintf(generator->out, "%" PRId64, value);
	if (value > INT32_MAX || value < INT32_MIN || below(generator, 4) == 0)
		fputc('L', generator->out);
}

/* Small ones and both ends more often than chance would have them. */
static int64_t choose_number(struct generator *generator, int64_t min, int64_t max)
{
	switch (below(generator, 4)) {
	case 0:
		return min;
	case 1:
		return max;
	case 2:
		return random_between(&generator->random, min, max);
	default:
		return random_between(&generator->random, min, max - min > 100 ? min + 100 : max);
	}
}

struct unit {
	const char *name;
	int64_t factor;
};

static void write_with_unit(
    struct generator *generator, int64_t value, const struct unit *units, unsigned count)
{
	char text[64];
	const struct unit *unit;

	do
		unit = &units[below(generator, count)];
	while (value % unit->factor != 0);
	snprintf(text, sizeof text, "%s%" PRId64 "%s", below(generator, 5) ? "" : "00", value / unit->factor,
	    unit->name);
	write_text(generator, text);
}

static void write_duration(struct generator *generator, int64_t value, bool in_us)
{
	static const struct unit units_us[] = { { "us", 1 }, { "ms", 1000 }, { "s", 1000000 },
		{ "m", 60000000 } };
	static const struct unit units_ms[] = { { "ms", 1 }, { "s", 1000 }, { "m", 60000 },
		{ "h", 3600000 } };

	write_with_unit(generator, value, in_us ? units_us : units_ms, 4);
}

static void write_size(struct generator *generator, int64_t value)
{
	static const struct unit units[] = { { "", 1 }, { "B", 1 }, { "kB", 1000 }, { "KiB", 1024 },
		{ "MiB", 1048576 }, { "GiB", 1073741824 } };

	write_with_unit(generator, value, units, sizeof units / sizeof units[0]);
}

static void write_choice(struct generator *generator, const struct key *key)
{
	unsigned count = 0;
	const char *name;

	while (key->choices[count].name)
		count++;
	name = key->choices[below(generator, count)].name;
	/* acks = 1 may be a number as well. */
	if ((name[0] == '-' || (name[0] >= '0' && name[0] <= '9')) && below(generator, 2))
		fputs(name, generator->out);
	else
		write_text(generator, name);
}

static void write_topics(struct generator *generator)
{
	char *topics[TOPICS_MAX];
	unsigned count = 1 + below(generator, TOPICS_MAX);

	for (unsigned i = 0; i < count; i++)
		topics[i] = below(generator, 4) == 0
		                ? xasprintf("^in-%u-%u[.](a|b)[0-9]{2}", generator->number, i)
		                : xasprintf("in-%u-%u", generator->number, i);
	write_list(generator, topics, count);
	for (unsigned i = 0; i < count; i++)
		free(topics[i]);
}

static void write_properties(struct generator *generator, enum key_place place)
{
	static char *const client[] = { "client.rack=a=b", "socket.keepalive.enable=true",
		"sasl.oauthbearer.config=p\"\\\xc3\xa4\n",
		"metadata.max.age.ms=", "client.dns.lookup=use_all_dns_ips" };
	static char *const topic[] = { "retention.ms=-1", "cleanup.policy=compact", "min.insync.replicas=2" };
	unsigned count = place == PLACE_CREATE ? 3 : 5;
	unsigned first = below(generator, count);

	write_list(
	    generator, (place == PLACE_CREATE ? topic : client) + first, below(generator, count - first + 1));
}

static void write_start(struct generator *generator)
{
	static const char *const texts[] = { "earliest", "latest", "none", "timestamp:2026-01-31T00:00:00Z",
		"timestamp:1970-01-01T00:00:00.001Z", "timestamp:9223372036854775807", "timestamp:0",
		"timestamp:9999-12-31T23:59:59.999Z" };

	write_text(generator, one_of(generator, texts, sizeof texts / sizeof texts[0]));
}

static void write_brokers(struct generator *generator)
{
	static const char *const texts[] = { "kafka-1:9092", "h", "PLAINTEXT://h:1,[::1]:65535",
		"a:9,b:9,c:9" };

	write_text(generator, one_of(generator, texts, sizeof texts / sizeof texts[0]));
}

static void write_free_text(struct generator *generator, const struct key *key)
{
	static const char *const texts[] = { "/run/x y/\"q\".sock", "\\", "a", "gr\xc3\xbc\xc3\x9f" };
	char text[64];

	if (strcmp(key->name, "topic") == 0)
		snprintf(text, sizeof text, below(generator, 2) ? "out-%u" : "out-%u.{topic}.{topic}",
		    generator->number);
	else if (strcmp(key->name, "group") == 0)
		snprintf(text, sizeof text, "g %u", generator->number);
	else if (strcmp(key->name, "dead_letter") == 0)
		snprintf(text, sizeof text, "dead-%u", generator->number);
	else if (strcmp(key->name, "token_endpoint") == 0)
		snprintf(text, sizeof text, "https://id/%u", generator->number);
	else
		snprintf(text, sizeof text, "%s", one_of(generator, texts, sizeof texts / sizeof texts[0]));
	write_text(generator, text);
}

/* ---- what fits together ---- */

/* The range in which the value fits whatever else there is. */
static int64_t least_of(const struct key *key)
{
	if (key->place == PLACE_CREATE && strcmp(key->name, "partitions") == 0)
		return 4; /* more than any fixed partition */
	if (key->place == PLACE_RATE)
		return 64; /* one for each member */
	if (strcmp(key->name, "replication_factor") == 0)
		return 1;
	return key->min;
}

static int64_t most_of(const struct key *key)
{
	if (strcmp(key->name, "revoke_timeout") == 0)
		return 296999; /* below max.poll.interval.ms less heartbeat.interval.ms */
	if (strcmp(key->name, "interval") == 0)
		return 5000; /* a transaction lasts no longer than 10 s, with linger */
	if (strcmp(key->name, "linger") == 0)
		return 5000000;
	return key->max;
}

/* May the key stand here? Those that can contradict others are left out of what all pipelines share, and of
 * pipelines with a delivery that has its own idea of them. */
static bool fits(const struct generator *generator, const struct key *key)
{
	static const char *const shareable[] = { "from", "to", "commit", "rate", "compression", "linger",
		"records", "interval", "start", "on_gap", "revoke_timeout" };

	if (key->type == KEY_LATER || strcmp(key->name, "delivery") == 0 ||
	    strcmp(key->name, "on_error") == 0 || strcmp(key->name, "dead_letter") == 0 ||
	    key->place == PLACE_SASL || strncmp(key->name, "key", 3) == 0 ||
	    strcmp(key->name, "certificate") == 0)
		return false; /* written by hand */
	if (generator->in_defaults) {
		for (size_t i = 0; i < sizeof shareable / sizeof shareable[0]; i++)
			if (strcmp(key->name, shareable[i]) == 0)
				return true;
		return false;
	}
	if (strcmp(key->name, "mode") == 0)
		return generator->delivery == DELIVERY_AT_LEAST_ONCE;
	if (strcmp(key->name, "acks") == 0)
		return generator->delivery == DELIVERY_AT_MOST_ONCE;
	if (strcmp(key->name, "isolation") == 0)
		return generator->delivery != DELIVERY_EXACTLY_ONCE;
	/* exactly_once stays within its cluster. */
	return key->place != PLACE_TO || key->type != KEY_CLUSTER ||
	       generator->delivery != DELIVERY_EXACTLY_ONCE;
}

static void write_place(struct generator *generator, enum key_place place);
static void write_key(struct generator *generator, const struct key *key);

static void write_value(struct generator *generator, const struct key *key)
{
	static const char *const listeners[] = { "off", "127.0.0.1:9797", "[::1]:1", "0.0.0.0:65535" };
	static const char *const partitions[] = { "\"same\"", "\"key\"", "{ fixed = 3; }", "{ fixed: 0 }" };
	char name[32];
	int64_t number = 0;

	if (key->type == KEY_INT32 || key->type == KEY_INT64 || key->type == KEY_DURATION_MS ||
	    key->type == KEY_DURATION_US || key->type == KEY_SIZE)
		number = choose_number(generator, least_of(key), most_of(key));
	switch (key->type) {
	case KEY_BOOL:
		fputs(below(generator, 2) ? "true" : "FALSE", generator->out);
		break;
	case KEY_INT32:
	case KEY_INT64:
		write_integer(generator, number);
		break;
	case KEY_DURATION_MS:
	case KEY_DURATION_US:
		write_duration(generator, number, key->type == KEY_DURATION_US);
		break;
	case KEY_SIZE:
		write_size(generator, number);
		break;
	case KEY_CHOICE:
	case KEY_WORD:
		write_choice(generator, key);
		break;
	case KEY_TEXT:
		write_free_text(generator, key);
		break;
	case KEY_INSTANCE:
		write_text(generator, below(generator, 2) ? "left-1" : "._-");
		break;
	case KEY_BROKERS:
		write_brokers(generator);
		break;
	case KEY_LISTENER:
		write_text(generator, one_of(generator, listeners, sizeof listeners / sizeof listeners[0]));
		break;
	case KEY_CLUSTER:
		snprintf(name, sizeof name, "c%u", below(generator, generator->cluster_count));
		write_text(generator, name);
		break;
	case KEY_TOPICS:
		write_topics(generator);
		break;
	case KEY_START:
		write_start(generator);
		break;
	case KEY_PARTITION:
		fputs(
		    one_of(generator, partitions, sizeof partitions / sizeof partitions[0]), generator->out);
		break;
	case KEY_PROPERTIES:
		write_properties(generator, key->place);
		break;
	case KEY_SECRET:
		write_text(generator, below(generator, 2) ? "credential:relay-key" : "p\"\\\xc3\xa4");
		break;
	case KEY_FILE:
		write_text(generator, "credential:relay-key");
		break;
	case KEY_GROUP:
	case KEY_LATER:
		break;
	}
}

/* The client's certificate, which needs a key. */
static void write_certificate(struct generator *generator)
{
	write_key(generator, keys_find(PLACE_TLS, "certificate"));
	write_key(generator, keys_find(PLACE_TLS, "key"));
	if (below(generator, 2))
		write_key(generator, keys_find(PLACE_TLS, "key_password"));
}

static void write_login(struct generator *generator)
{
	static const char *const mechanisms[] = { "SCRAM-SHA-512", "SCRAM-SHA-256", "PLAIN", "OAUTHBEARER" };
	unsigned chosen = below(generator, 4);

	write_name(generator, "mechanism");
	write_text(generator, mechanisms[chosen]);
	end_setting(generator);
	write_key(generator, keys_find(PLACE_SASL, "username"));
	write_key(generator, keys_find(PLACE_SASL, "password"));
	if (chosen == 3)
		write_key(generator, keys_find(PLACE_SASL, "token_endpoint"));
}

static void write_key(struct generator *generator, const struct key *key)
{
	if (key->type == KEY_GROUP) {
		open_group(generator, key->name);
		if (key->group == PLACE_TLS && below(generator, 2))
			write_certificate(generator);
		else if (key->group == PLACE_SASL)
			write_login(generator);
		write_place(generator, key->group);
		close_group(generator);
		return;
	}
	write_name(generator, key->name);
	write_value(generator, key);
	end_setting(generator);
}

/* Some keys of the place, those that are required always, in any order. */
static void write_place(struct generator *generator, enum key_place place)
{
	size_t count;
	const struct key *keys = keys_all(&count);
	size_t first = below(generator, (unsigned)count);

	for (size_t i = 0; i < count; i++) {
		const struct key *key = &keys[(first + i) % count];

		if (key->place == place && fits(generator, key) &&
		    ((key->required && !generator->in_defaults) || below(generator, 2)))
			write_key(generator, key);
	}
}

static void write_pipeline(struct generator *generator)
{
	static const char *const deliveries[] = { "at_least_once", "at_most_once", "exactly_once" };
	static const enum delivery values[] = { DELIVERY_AT_LEAST_ONCE, DELIVERY_AT_MOST_ONCE,
		DELIVERY_EXACTLY_ONCE };
	unsigned chosen = below(generator, 3);
	char name[32];

	snprintf(name, sizeof name, below(generator, 2) ? "p%u" : "P-%u_x", generator->number);
	open_group(generator, name);
	generator->delivery = values[chosen];
	if (chosen > 0 || below(generator, 2)) {
		write_name(generator, "delivery");
		write_text(generator, deliveries[chosen]);
		end_setting(generator);
	}
	if (below(generator, 3) == 0) {
		write_name(generator, "on_error");
		write_text(generator, "dead_letter");
		end_setting(generator);
		write_key(generator, keys_find(PLACE_PIPELINE, "dead_letter"));
	} else if (below(generator, 2)) {
		write_name(generator, "on_error");
		write_text(generator, below(generator, 2) ? "skip" : "block");
		end_setting(generator);
	}
	write_place(generator, PLACE_PIPELINE);
	close_group(generator);
}

static void write_defaults(struct generator *generator)
{
	open_group(generator, "defaults");
	generator->in_defaults = true;
	write_place(generator, PLACE_PIPELINE);
	generator->in_defaults = false;
	close_group(generator);
}

char *config_generate(uint64_t seed)
{
	char *text = NULL;
	size_t size = 0;
	struct generator generator = { .out = open_memstream(&text, &size), .random = { seed } };
	unsigned pipelines;

	if (!generator.out)
		abort();
	generator.cluster_count = 1 + below(&generator, CLUSTERS_MAX);
	pipelines = 1 + below(&generator, PIPELINES_MAX);
	if (below(&generator, 2)) {
		open_group(&generator, "aloqd");
		write_place(&generator, PLACE_ALOQD);
		close_group(&generator);
	}
	if (below(&generator, 3) == 0)
		write_defaults(&generator);
	open_group(&generator, "pipelines");
	for (generator.number = 0; generator.number < pipelines; generator.number++)
		write_pipeline(&generator);
	close_group(&generator);
	open_group(&generator, "clusters");
	for (generator.number = 0; generator.number < generator.cluster_count; generator.number++) {
		_cleanup_free_ char *name = xasprintf("c%u", generator.number);

		open_group(&generator, name);
		write_place(&generator, PLACE_CLUSTER);
		close_group(&generator);
	}
	close_group(&generator);
	fputc('\n', generator.out);
	fclose(generator.out);
	return text;
}
