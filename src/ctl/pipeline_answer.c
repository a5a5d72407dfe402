#include "ctl/pipeline_answer.h"
#include <errno.h>
#include <string.h>
#include <yajl/yajl_tree.h>
#include "base/cleanup.h"
#include "base/escape.h"

DEFINE_CLEANUP(yajl_val, yajl_tree_free)

static const char *text_of(yajl_val node, const char *name)
{
	const char *path[] = { name, NULL };

	return YAJL_GET_STRING(yajl_tree_get(node, path, yajl_t_string));
}

/* NULL unless it is a pipeline with a name and a state. */
static yajl_val parse(const char *json, struct error *err)
{
	char problem[256];
	yajl_val root = yajl_tree_parse(json, problem, sizeof problem);

	if (!root) {
		error_set(err, -EBADMSG, REMEDY_PERSON, "the answer is not JSON: %.200s", problem);
	} else if (!text_of(root, "name") || !text_of(root, "state")) {
		error_set(err, -EBADMSG, REMEDY_PERSON,
		    "the answer has no state of a pipeline: is this an aloqd's socket?");
		yajl_tree_free(root);
		root = NULL;
	}
	return root;
}

static bool is_true(yajl_val node, const char *name)
{
	const char *path[] = { name, NULL };

	return YAJL_IS_TRUE(yajl_tree_get(node, path, yajl_t_any));
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
		.has_reason = text_of(root, "reason") != NULL,
		.starts_anew = is_true(root, "starts_anew"),
		.drain_was_clean = is_true(root, "drain_was_clean"),
	};
	snprintf(answer->state, sizeof answer->state, "%s", text_of(root, "state"));
	return 0;
}

int pipeline_answer_print(const char *json, FILE *out, struct error *err)
{
	_cleanup_(yajl_tree_freep) yajl_val root = parse(json, err);
	const char *reason;
	char name[512], state[64], safe[2048] = "";

	if (!root)
		return -EBADMSG;
	reason = text_of(root, "reason");
	escape_text(name, sizeof name, text_of(root, "name"), strlen(text_of(root, "name")));
	escape_text(state, sizeof state, text_of(root, "state"), strlen(text_of(root, "state")));
	if (reason)
		escape_text(safe, sizeof safe, reason, strlen(reason));
	fprintf(out, "%s: %s%s%s\n", name, state, reason ? ": " : "", safe);
	return 0;
}
