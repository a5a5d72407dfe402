#include "ctl/offsets_file.h"
#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include "base/cleanup.h"
#include "base/memory.h"
#include "ctl/json_text.h"
#include "ctl/json_tree.h"

/* ---- writing ---- */

static void print_place(FILE *out, const struct group_offset *offset)
{
	fputs("{\"topic\":", out);
	json_print_string(out, offset->topic);
	fprintf(out, ",\"partition\":%" PRId32, offset->partition);
}

void offsets_file_print(FILE *out, const char *group, const struct group_offsets *offsets)
{
	const char *before = "\n ";

	fputs("{\"group\":", out);
	json_print_string(out, group);
	fputs(",\"offsets\":[", out);
	for (size_t i = 0; i < offsets->count; i++) {
		const struct group_offset *offset = &offsets->items[i];

		if (offset->committed < 0)
			continue;
		fputs(before, out);
		before = ",\n ";
		print_place(out, offset);
		fprintf(out, ",\"offset\":%" PRId64, offset->committed);
		if (*offset->committed_id) {
			fputs(",\"topic_id\":", out);
			json_print_string(out, offset->committed_id);
		}
		putc('}', out);
	}
	fputs("]}\n", out);
}

static void print_number(FILE *out, const char *name, int64_t number)
{
	if (number >= 0)
		fprintf(out, ",\"%s\":%" PRId64, name, number);
	else
		fprintf(out, ",\"%s\":null", name);
}

void offsets_print_json(FILE *out, const char *group, const struct group_offsets *offsets)
{
	fputs("{\"group\":", out);
	json_print_string(out, group);
	fputs(",\"offsets\":[", out);
	for (size_t i = 0; i < offsets->count; i++) {
		const struct group_offset *offset = &offsets->items[i];

		fputs(i > 0 ? ",\n " : "\n ", out);
		print_place(out, offset);
		print_number(out, "committed", offset->committed);
		print_number(out, "log_start", offset->log_start);
		print_number(out, "log_end", offset->log_end);
		print_number(out, "lag", offset->committed >= 0 && offset->log_end >= offset->committed
					     ? offset->log_end - offset->committed
					     : -1);
		if (offset->to >= 0)
			print_number(out, "to", offset->to);
		putc('}', out);
	}
	fputs("]}\n", out);
}

/* ---- reading ---- */

static int wrong(struct error *err, const char *why)
{
	return error_set(err, -EBADMSG, REMEDY_PERSON, "the input is not what aloqctl offsets export writes: %s", why);
}

static yajl_val parse(const char *text, yajl_val *list, struct error *err)
{
	yajl_val root = json_tree_parse(text);

	*list = json_tree_member(root, "offsets");
	if (YAJL_IS_ARRAY(*list))
		return root;
	wrong(err, root ? "it has no array \"offsets\"" : "it is not JSON");
	yajl_tree_free(root);
	return NULL;
}

int offsets_file_topics(const char *text, char ***topics, size_t *count, struct error *err)
{
	yajl_val list;
	_cleanup_(yajl_tree_freep) yajl_val root = parse(text, &list, err);

	*topics = NULL;
	*count = 0;
	if (!root)
		return -EBADMSG;
	for (size_t i = 0; i < list->u.array.len; i++) {
		const char *topic = json_tree_text(list->u.array.values[i], "topic");
		bool known = !topic;

		for (size_t k = 0; k < *count && !known; k++)
			known = !strcmp((*topics)[k], topic);
		if (known)
			continue;
		*topics = xreallocarray(*topics, *count + 1, sizeof **topics);
		(*topics)[(*count)++] = xstrdup(topic);
	}
	return 0;
}

static int read_item(yajl_val item, struct group_offsets *offsets, struct error *err)
{
	const char *topic = json_tree_text(item, "topic"), *id = json_tree_text(item, "topic_id");
	int64_t partition = json_tree_number(item, "partition"), to = json_tree_number(item, "offset");

	if (!topic || partition < 0 || to < 0)
		return wrong(err, "an entry has not topic, partition and offset");
	for (size_t i = 0; i < offsets->count; i++) {
		struct group_offset *offset = &offsets->items[i];

		if (offset->partition != partition || strcmp(offset->topic, topic) != 0)
			continue;
		if (offset->to >= 0)
			return wrong(err, "a partition is there twice");
		offset->to = to;
		free(offset->committed_id);
		offset->committed_id = xstrdup(id ? id : "");
		return 0;
	}
	return error_set(err, -EBADMSG, REMEDY_PERSON, "there is no partition %" PRId64 " of the topic \"%s\"", partition,
	    topic);
}

int offsets_file_read(const char *text, struct group_offsets *offsets, struct error *err)
{
	yajl_val list;
	_cleanup_(yajl_tree_freep) yajl_val root = parse(text, &list, err);
	int result = root ? 0 : -EBADMSG;

	for (size_t i = 0; result == 0 && i < list->u.array.len; i++)
		result = read_item(list->u.array.values[i], offsets, err);
	return result;
}
