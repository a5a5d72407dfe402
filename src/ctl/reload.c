#include "ctl/reload.h"
#include <errno.h>
#include <string.h>
#include <yajl/yajl_tree.h>
#include "base/cleanup.h"
#include "base/escape.h"

DEFINE_CLEANUP(yajl_val, yajl_tree_free)

static yajl_val member(yajl_val node, const char *name)
{
	const char *path[] = { name, NULL };

	return yajl_tree_get(node, path, yajl_t_any);
}

static yajl_val parse(const char *json, struct error *err)
{
	char problem[256];
	yajl_val root = yajl_tree_parse(json, problem, sizeof problem);

	if (!root)
		error_set(err, -EBADMSG, REMEDY_PERSON, "the answer is not JSON: %.200s", problem);
	return root;
}

int reload_parse(const char *json, struct reload_answer *answer, struct error *err)
{
	_cleanup_(yajl_tree_freep) yajl_val root = parse(json, err);
	const char *result = root ? YAJL_GET_STRING(member(root, "result")) : NULL;
	yajl_val late = root ? member(root, "late") : NULL;

	if (!root)
		return -EBADMSG;
	if (!result || !YAJL_IS_INTEGER(late))
		return error_set(err, -EBADMSG, REMEDY_PERSON,
		    "the answer has no result of a reload: is this an aloqd's socket?");
	*answer = (struct reload_answer){
		.refused = strcmp(result, "ok") != 0,
		.finished = YAJL_IS_TRUE(member(root, "finished")),
		.late = YAJL_GET_INTEGER(late),
	};
	return 0;
}

static void print_line(FILE *out, const char *before, const char *text)
{
	char safe[2048];

	if (!text)
		return;
	escape_text(safe, sizeof safe, text, strlen(text));
	fprintf(out, "%s%s\n", before, safe);
}

int reload_print(const char *json, FILE *out, struct error *err)
{
	_cleanup_(yajl_tree_freep) yajl_val root = parse(json, err);
	yajl_val findings = root ? member(root, "findings") : NULL;

	if (!root)
		return -EBADMSG;
	for (size_t i = 0; YAJL_IS_ARRAY(findings) && i < YAJL_GET_ARRAY(findings)->len; i++) {
		yajl_val finding = YAJL_GET_ARRAY(findings)->values[i];
		const char *severity = YAJL_GET_STRING(member(finding, "severity"));

		print_line(out, severity && strcmp(severity, "error") == 0 ? "error: " : "warning: ",
		    YAJL_GET_STRING(member(finding, "text")));
	}
	print_line(out, "", YAJL_GET_STRING(member(root, "summary")));
	return 0;
}
