#include "ctl/wait.h"
#include <errno.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include "base/cleanup.h"
#include "base/escape.h"
#include "base/memory.h"
#include "ctl/json_tree.h"

static const char *text_of(yajl_val node, const char *name)
{
	const char *text = json_tree_text(node, name);

	return text ? text : "";
}

static bool is_meant(yajl_val pipeline, char **names, size_t count)
{
	if (count == 0)
		return strcmp(text_of(pipeline, "state"), "stopped") != 0;
	for (size_t i = 0; i < count; i++) {
		if (strcmp(text_of(pipeline, "name"), names[i]) == 0)
			return true;
	}
	return false;
}

static int check_names(yajl_val pipelines, char **names, size_t count, struct error *err)
{
	for (size_t i = 0; i < count; i++) {
		_cleanup_free_ char *safe = escape_whole(names[i]);
		bool found = false;

		for (size_t k = 0; k < YAJL_GET_ARRAY(pipelines)->len && !found; k++)
			found = strcmp(text_of(YAJL_GET_ARRAY(pipelines)->values[k], "name"), names[i]) == 0;
		if (!found)
			return error_set(err, -ENOENT, REMEDY_PERSON,
			    "aloqd has no pipeline \"%s\"; aloqctl status shows those that it has", safe);
	}
	return 0;
}

static char *describe(yajl_val pipeline, int64_t lag)
{
	const char *reason = text_of(pipeline, "reason")[0] ? text_of(pipeline, "reason") : text_of(pipeline, "stuck");
	_cleanup_free_ char *known = lag < 0 ? xstrdup("no lag known yet") : xasprintf("lag %" PRId64, lag);
	_cleanup_free_ char *text = xasprintf("%s: %s, %s%s%s", text_of(pipeline, "name"), text_of(pipeline, "state"),
	    known, reason[0] ? ": " : "", reason);

	return escape_whole(text);
}

static void add_words(char **words, const char *more)
{
	char *joined = *words ? xasprintf("%s; %s", *words, more) : xstrdup(more);

	free(*words);
	*words = joined;
}

int wait_look(const char *json, char **names, size_t count, int64_t lag_records, char **words, struct error *err)
{
	_cleanup_(yajl_tree_freep) yajl_val root = json_tree_parse(json);
	yajl_val pipelines = json_tree_member(root, "pipelines");

	*words = NULL;
	if (!YAJL_IS_ARRAY(pipelines))
		return error_set(
		    err, -EBADMSG, REMEDY_PERSON, "the answer has no list of pipelines: is this an aloqd's socket?");
	if (check_names(pipelines, names, count, err) < 0)
		return err->code;
	for (size_t i = 0; i < YAJL_GET_ARRAY(pipelines)->len; i++) {
		yajl_val pipeline = YAJL_GET_ARRAY(pipelines)->values[i];
		int64_t lag = json_tree_number(pipeline, "lag");

		if (is_meant(pipeline, names, count) && (lag < 0 || lag > lag_records)) {
			_cleanup_free_ char *one = describe(pipeline, lag);

			add_words(words, one);
		}
	}
	return *words ? 0 : 1;
}
