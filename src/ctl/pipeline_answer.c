#include "ctl/pipeline_answer.h"
#include <errno.h>
#include <string.h>
#include "base/cleanup.h"
#include "base/escape.h"
#include "ctl/json_tree.h"

/* NULL unless it is a pipeline with a name and a state. */
static yajl_val parse(const char *json, struct error *err)
{
	yajl_val root = json_tree_parse_answer(json, err);

	if (root && (!json_tree_text(root, "name") || !json_tree_text(root, "state"))) {
		error_set(err, -EBADMSG, REMEDY_PERSON,
		    "the answer has no state of a pipeline: is this an aloqd's socket?");
		yajl_tree_free(root);
		root = NULL;
	}
	return root;
}

bool pipeline_answer_is(const struct pipeline_answer *answer, const char *state)
{
	return strcmp(answer->state, state) == 0;
}

int pipeline_answer_parse(const char *json, struct pipeline_answer *answer, struct error *err)
{
	_cleanup_(yajl_tree_freep) yajl_val root = parse(json, err);

	if (!root)
		return -EBADMSG;
	*answer = (struct pipeline_answer){
		.has_reason = json_tree_text(root, "reason") != NULL,
		.starts_anew = json_tree_is_true(root, "starts_anew"),
		.drain_was_clean = json_tree_is_true(root, "drain_was_clean"),
	};
	snprintf(answer->state, sizeof answer->state, "%s", json_tree_text(root, "state"));
	return 0;
}

int pipeline_answer_print(const char *json, FILE *out, struct error *err)
{
	_cleanup_(yajl_tree_freep) yajl_val root = parse(json, err);
	const char *reason;
	char name[512], state[64], safe[2048] = "";

	if (!root)
		return -EBADMSG;
	reason = json_tree_text(root, "reason");
	escape_text(name, sizeof name, json_tree_text(root, "name"), strlen(json_tree_text(root, "name")));
	escape_text(state, sizeof state, json_tree_text(root, "state"), strlen(json_tree_text(root, "state")));
	if (reason)
		escape_text(safe, sizeof safe, reason, strlen(reason));
	fprintf(out, "%s: %s%s%s\n", name, state, reason ? ": " : "", safe);
	return 0;
}
