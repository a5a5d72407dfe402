#include "config/loops.h"
#include <search.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "base/memory.h"
#include "core/topic_pattern.h"

/* A source entry of a pipeline. */
struct source_entry {
	size_t pipeline;
	size_t cluster;
	const char *text;
	struct topic_pattern *pattern; /* NULL: it is a name */
	bool on_the_way;
	bool told; /* of a pattern: a loop through it has been told */
};

struct loops {
	const struct config *config;
	const size_t *cluster_of;
	struct source_entry *entries; /* names, ordered by cluster and text; behind them the patterns */
	size_t name_count, count;
	void *done; /* tsearch: struct place, from which everything has been looked at */
	struct frame *frames;
	size_t depth, capacity;
};

/* A topic of a cluster. */
struct place {
	size_t cluster;
	char *topic;
};

/* One of the ways that a record may take from a topic on. */
struct step {
	struct source_entry *entry;
	bool dead_letter;
	struct place to;
};

/* A topic on the present way, and the ways on from there. */
struct frame {
	const char *topic;
	struct step *steps;
	size_t count, at;
};

/* ---- the entries ---- */

static size_t index_of(const struct loops *loops, const struct config_cluster *cluster)
{
	return loops->cluster_of[cluster - loops->config->clusters];
}

static int compare_entries(const void *a, const void *b)
{
	const struct source_entry *x = a;
	const struct source_entry *y = b;
	int order;

	if (!x->pattern != !y->pattern)
		return x->pattern ? 1 : -1;
	if (x->cluster != y->cluster)
		return x->cluster < y->cluster ? -1 : 1;
	order = strcmp(x->text, y->text);
	return order ? order : (x->pipeline > y->pipeline) - (x->pipeline < y->pipeline);
}

static void add_entry(struct loops *loops, size_t pipeline, const char *text)
{
	struct source_entry *entry = &loops->entries[loops->count];
	char why[256];

	*entry = (struct source_entry){ .pipeline = pipeline, .text = text,
		.cluster = index_of(loops, loops->config->pipelines[pipeline].from.cluster) };
	if (topic_pattern_is(text)) {
		entry->pattern = topic_pattern_new(text, why, sizeof why);
		if (!entry->pattern)
			return; /* has been reported */
	} else {
		loops->name_count++;
	}
	loops->count++;
}

struct loops *loops_new(const struct config *config, const size_t *cluster_of)
{
	struct loops *loops = xcalloc(1, sizeof *loops);
	size_t capacity = 0;

	loops->config = config;
	loops->cluster_of = cluster_of;
	for (size_t i = 0; i < config->pipeline_count; i++)
		capacity += config->pipelines[i].from.topic_count;
	loops->entries = xcalloc(capacity, sizeof *loops->entries);
	for (size_t i = 0; i < config->pipeline_count; i++) {
		const struct config_pipeline *pipeline = &config->pipelines[i];

		if (!pipeline->from.cluster || !pipeline->to.cluster || !pipeline->to.topic)
			continue; /* has been reported */
		for (size_t j = 0; j < pipeline->from.topic_count; j++)
			add_entry(loops, i, pipeline->from.topics[j]);
	}
	if (loops->count > 0)
		qsort(loops->entries, loops->count, sizeof *loops->entries, compare_entries);
	return loops;
}

static void place_free(void *place)
{
	free(((struct place *)place)->topic);
	free(place);
}

static void forget_done(struct loops *loops)
{
	tdestroy(loops->done, place_free);
	loops->done = NULL;
}

void loops_free(struct loops *loops)
{
	if (!loops)
		return;
	for (size_t i = 0; i < loops->count; i++)
		topic_pattern_free(loops->entries[i].pattern);
	forget_done(loops);
	free(loops->entries);
	free(loops->frames);
	free(loops);
}

/* ---- what has been looked at ---- */

static int compare_places(const void *a, const void *b)
{
	const struct place *x = a;
	const struct place *y = b;

	if (x->cluster != y->cluster)
		return x->cluster < y->cluster ? -1 : 1;
	return strcmp(x->topic, y->topic);
}

static bool is_done(const struct loops *loops, size_t cluster, const char *topic)
{
	const struct place place = { .cluster = cluster, .topic = (char *)topic };

	return tfind(&place, &loops->done, compare_places) != NULL;
}

static void note_done(struct loops *loops, size_t cluster, const char *topic)
{
	struct place *place;

	if (is_done(loops, cluster, topic))
		return;
	place = xcalloc(1, sizeof *place);
	*place = (struct place){ .cluster = cluster, .topic = xstrdup(topic) };
	if (!tsearch(place, &loops->done, compare_places))
		place_free(place); /* no memory: it will only be looked at again */
}

/* ---- from a topic on ---- */

static void add_step(struct frame *frame, struct source_entry *entry, bool dead_letter, size_t cluster, char *topic)
{
	frame->steps = xreallocarray(frame->steps, frame->count + 1, sizeof *frame->steps);
	frame->steps[frame->count++] = (struct step){ .entry = entry, .dead_letter = dead_letter,
		.to = { .cluster = cluster, .topic = topic } };
}

static void add_steps(const struct loops *loops, struct frame *frame, struct source_entry *entry)
{
	const struct config_pipeline *pipeline = &loops->config->pipelines[entry->pipeline];
	size_t cluster = index_of(loops, pipeline->to.cluster);

	add_step(frame, entry, false, cluster, config_target_topic(pipeline, frame->topic));
	if (pipeline->dead_letter)
		add_step(frame, entry, true, cluster, xstrdup(pipeline->dead_letter));
}

/* The first of the names that is not before this one. */
static size_t lower_bound(const struct loops *loops, size_t cluster, const char *topic)
{
	const struct source_entry wanted = { .cluster = cluster, .text = topic };
	size_t low = 0;
	size_t high = loops->name_count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (compare_entries(&loops->entries[middle], &wanted) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

/* Who reads the topic, and what becomes of it there. only: this pipeline; SIZE_MAX: all. */
static struct frame look(const struct loops *loops, size_t cluster, const char *topic, size_t only)
{
	struct frame frame = { .topic = topic };

	for (size_t i = lower_bound(loops, cluster, topic); i < loops->name_count; i++) {
		struct source_entry *entry = &loops->entries[i];

		if (entry->cluster != cluster || strcmp(entry->text, topic) != 0)
			break;
		if (only == SIZE_MAX || entry->pipeline == only)
			add_steps(loops, &frame, entry);
	}
	for (size_t i = loops->name_count; i < loops->count; i++) {
		struct source_entry *entry = &loops->entries[i];

		if (entry->cluster == cluster && (only == SIZE_MAX || entry->pipeline == only) &&
		    topic_pattern_matches(entry->pattern, topic))
			add_steps(loops, &frame, entry);
	}
	return frame;
}

static void frame_clear(struct frame *frame)
{
	for (size_t i = 0; i < frame->count; i++)
		free(frame->steps[i].to.topic);
	free(frame->steps);
}

static void push(struct loops *loops, const struct frame *frame)
{
	if (loops->depth == loops->capacity) {
		loops->capacity = loops->capacity ? 2 * loops->capacity : 16;
		loops->frames = xreallocarray(loops->frames, loops->capacity, sizeof *loops->frames);
	}
	loops->frames[loops->depth++] = *frame;
}

/* ---- the way ---- */

/* Where on the present way the entry was passed that reads the next topic, too. SIZE_MAX: nowhere. */
static size_t passed_at(const struct loops *loops, const struct frame *next)
{
	for (size_t i = 0; i < next->count; i++) {
		if (!next->steps[i].entry->on_the_way)
			continue;
		for (size_t k = loops->depth; k-- > 0;)
			if (loops->frames[k].steps[loops->frames[k].at].entry == next->steps[i].entry)
				return k;
	}
	return SIZE_MAX;
}

static void describe_way(const struct loops *loops, size_t first, char *way, size_t size)
{
	size_t used = 0;

	way[0] = '\0';
	for (size_t i = first; i < loops->depth && used < size; i++) {
		const struct frame *frame = &loops->frames[i];
		const struct step *step = &frame->steps[frame->at];

		used += (size_t)snprintf(way + used, size - used, "%s%s -> %s (%s)", i > first ? ", " : "",
		    frame->topic, step->to.topic, loops->config->pipelines[step->entry->pipeline].name);
	}
}

/* Goes every way from the frame on, depth first and without recursion: a chain of topics may be long. Calls
 * closed() for each loop, with the place on the way where it begins; ends early when that returns true. */
static bool walk(struct loops *loops, size_t cluster, const struct frame *start,
    bool (*closed)(struct loops *loops, size_t first, void *context), void *context)
{
	bool enough = false;

	push(loops, start);
	while (loops->depth > 0) {
		struct frame *top = &loops->frames[loops->depth - 1];
		struct step *step = &top->steps[top->at];
		struct frame next;
		size_t first;

		if (top->at == top->count || enough) {
			note_done(loops, loops->depth > 1 ? top[-1].steps[top[-1].at].to.cluster : cluster, top->topic);
			frame_clear(top);
			if (--loops->depth > 0) {
				top[-1].steps[top[-1].at].entry->on_the_way = false;
				top[-1].at++;
			}
			continue;
		}
		if (is_done(loops, step->to.cluster, step->to.topic)) {
			top->at++;
			continue;
		}
		step->entry->on_the_way = true;
		next = look(loops, step->to.cluster, step->to.topic, SIZE_MAX);
		first = passed_at(loops, &next);
		if (first == SIZE_MAX) {
			push(loops, &next);
			continue;
		}
		frame_clear(&next);
		enough = closed(loops, first, context);
		step->entry->on_the_way = false;
		top->at++;
	}
	return enough;
}

/* ---- the two questions ---- */

struct listener {
	void (*found)(void *context, const struct loop *loop);
	void *context;
};

/* A loop of patterns comes up with every name that they match, and from each of its places. */
static bool is_news(struct loops *loops, size_t first)
{
	bool news = false;
	bool patterns = false;

	for (size_t i = first; i < loops->depth; i++) {
		struct source_entry *entry = loops->frames[i].steps[loops->frames[i].at].entry;

		if (!entry->pattern)
			continue;
		patterns = true;
		news = news || !entry->told;
		entry->told = true;
	}
	return news || !patterns;
}

static bool tell(struct loops *loops, size_t first, void *context)
{
	const struct listener *listener = context;
	const struct frame *last = &loops->frames[loops->depth - 1];
	const struct step *step = &last->steps[last->at];
	const struct source_entry *entry = loops->frames[first].steps[loops->frames[first].at].entry;
	char way[512];
	const struct loop loop = { .pipeline = step->entry->pipeline,
		.dead_letter = step->dead_letter,
		.topic = step->to.topic,
		.entry = first == loops->depth - 1 ? entry->text : NULL,
		.way = way };

	if (!is_news(loops, first))
		return false;
	describe_way(loops, first, way, sizeof way);
	listener->found(listener->context, &loop);
	return false;
}

void loops_search(struct loops *loops, void (*found)(void *context, const struct loop *loop), void *context)
{
	struct listener listener = { .found = found, .context = context };

	for (size_t i = 0; i < loops->count; i++) {
		const struct source_entry *entry = &loops->entries[i];

		for (unsigned variant = 0; variant < (entry->pattern ? TOPIC_PATTERN_EXAMPLES : 1); variant++) {
			char *topic = entry->pattern ? topic_pattern_example(entry->pattern, variant)
						     : xstrdup(entry->text);

			if (topic && !is_done(loops, entry->cluster, topic)) {
				struct frame frame = look(loops, entry->cluster, topic, SIZE_MAX);

				walk(loops, entry->cluster, &frame, tell, &listener);
			}
			free(topic);
		}
	}
	forget_done(loops);
}

struct answer {
	char *way;
	size_t size;
};

static bool take_own(struct loops *loops, size_t first, void *context)
{
	const struct answer *answer = context;

	if (first > 0)
		return false; /* the others' affair: their own question tells it */
	describe_way(loops, first, answer->way, answer->size);
	return true;
}

bool loops_close_with(struct loops *loops, size_t pipeline, const char *topic, char *way, size_t size)
{
	struct answer answer = { .way = way, .size = size };
	size_t cluster = index_of(loops, loops->config->pipelines[pipeline].from.cluster);
	struct frame frame = look(loops, cluster, topic, pipeline);
	bool closes = walk(loops, cluster, &frame, take_own, &answer);

	forget_done(loops);
	return closes;
}
