/* keys.h: the one table of all configuration keys. Parsing, defaults, the check for unknown keys, the dump,
 * the manual and the sample all follow it. Pure and constant. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The group that a key belongs to, which is also the struct of config.h that its value goes to. */
enum key_place {
	PLACE_ALOQD,	/* aloqd.KEY: struct config */
	PLACE_CLUSTER,	/* clusters.NAME.KEY: struct config_cluster */
	PLACE_TLS,	/* clusters.NAME.tls.KEY: struct config_tls */
	PLACE_SASL,	/* clusters.NAME.sasl.KEY: struct config_sasl */
	PLACE_PIPELINE, /* pipelines.NAME.KEY and defaults.KEY: struct config_pipeline */
	PLACE_FROM,	/* pipelines.NAME.from.KEY: struct config_from */
	PLACE_TO,	/* pipelines.NAME.to.KEY: struct config_to */
	PLACE_COMMIT,	/* pipelines.NAME.commit.KEY: struct config_commit */
	PLACE_RATE,	/* pipelines.NAME.rate.KEY: struct config_pipeline */
	PLACE_CREATE,	/* pipelines.NAME.to.create.KEY: struct config_create */
	PLACE_COUNT,
};

enum key_type {
	KEY_BOOL,	 /* bool */
	KEY_INT32,	 /* int32_t, min to max */
	KEY_INT64,	 /* int64_t, min to max */
	KEY_TEXT,	 /* char *, min to max bytes, no control characters */
	KEY_BROKERS,	 /* char *, host:port,... */
	KEY_CHOICE,	 /* an enum (int), one of choices */
	KEY_WORD,	 /* char *, one of choices */
	KEY_DURATION_MS, /* int64_t, min to max ms */
	KEY_DURATION_US, /* int64_t, min to max us */
	KEY_SIZE,	 /* uint64_t, min to max bytes */
	KEY_LISTENER,	 /* char *: ADDRESS:PORT; "off" is NULL */
	KEY_INSTANCE,	 /* char *: letters, digits, '.', '_' and '-' */
	KEY_CLUSTER,	 /* const struct config_cluster *, by its name */
	KEY_TOPICS,	 /* topics and topic_count of struct config_from */
	KEY_START,	 /* start and start_timestamp_ms of struct config_from */
	KEY_PARTITION,	 /* partition and fixed_partition of struct config_to */
	KEY_PROPERTIES,	 /* struct config_properties */
	KEY_SECRET,	 /* struct config_secret: its text, which comes first */
	KEY_FILE,	 /* struct config_file: its text, which comes first */
	KEY_GROUP,	 /* another place's keys; the struct lies within */
	KEY_LATER,	 /* not in this version: refused */
};

struct key_choice {
	const char *name; /* NULL ends the list */
	int value;
};

struct key {
	enum key_place place;
	const char *name;
	enum key_type type;
	size_t offset; /* of the value in the place's struct */
	int64_t min;
	int64_t max;
	const char *default_text;	  /* as it would be written; NULL: see default_note, or required */
	const char *exactly_once_default; /* where that delivery has another one; else NULL */
	const char *default_note;	   /* of a default that is not a fixed text */
	const struct key_choice *choices;
	enum key_place group; /* of KEY_GROUP */
	bool optional; /* of KEY_GROUP: its struct begins with a bool that tells whether it stands there */
	bool required;
	bool restart;     /* a text (char *) of PLACE_ALOQD that a start alone applies: a reload leaves it, and says so */
	const char *help; /* one line */
};

/* The table, ordered by place and, within it, as a person would write the keys. */
const struct key *keys_all(size_t *count);

/* NULL when the place has no such key. */
const struct key *keys_find(enum key_place place, const char *name);

/* The key of the place whose name is nearest to this one, or NULL when none is near. */
const struct key *keys_nearest(enum key_place place, const char *name);

/* The place as messages call it: "pipelines.NAME.to". */
const char *keys_place_name(enum key_place place);

/* The name of a choice's value, or "?". */
const char *keys_choice_name(const struct key_choice *choices, int value);
