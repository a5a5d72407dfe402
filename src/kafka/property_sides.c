#include "kafka/property_sides.h"
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include "base/cleanup.h"
#include "base/memory.h"

struct property_side {
	char *name;
	char side; /* 'C', 'P' or '*' */
};

/* Written once, under once; then only read. */
static pthread_once_t once = PTHREAD_ONCE_INIT;
static struct property_side *sides;
static size_t side_count;

/* A row of the table: "name   | C/P | range | ...". */
static void read_row(char *row)
{
	char *bar = strchr(row, '|');
	size_t length;

	if (!bar)
		return;
	length = (size_t)(bar - row);
	while (length > 0 && row[length - 1] == ' ')
		length--;
	bar += 1 + strspn(bar + 1, " ");
	if (length == 0 || memchr(row, ' ', length) || (*bar != 'C' && *bar != 'P' && *bar != '*') || bar[1] == '/')
		return;
	sides = xreallocarray(sides, side_count + 1, sizeof *sides);
	sides[side_count++] = (struct property_side){ .name = xstrndup(row, length), .side = *bar };
}

static void read_table(void)
{
	_cleanup_free_ char *text = NULL;
	size_t size = 0;
	FILE *stream = open_memstream(&text, &size);
	char *rest;

	if (!stream)
		return;
	rd_kafka_conf_properties_show(stream);
	fclose(stream);
	rest = text;
	for (char *row; rest && (row = strsep(&rest, "\n")) != NULL;)
		read_row(row);
}

bool property_sides_has(const char *property, rd_kafka_type_t type)
{
	char other = type == RD_KAFKA_CONSUMER ? 'P' : 'C';
	bool found = false;

	pthread_once(&once, read_table);
	/* A name may stand in the table twice, once for each side. */
	for (size_t i = 0; i < side_count; i++) {
		if (strcasecmp(sides[i].name, property))
			continue;
		if (sides[i].side != other)
			return true;
		found = true;
	}
	return !found;
}
