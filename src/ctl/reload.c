#include "ctl/reload.h"
#include <errno.h>
#include <string.h>
#include "base/cleanup.h"
#include "base/escape.h"
#include "ctl/json_tree.h"

int reload_parse(const char *json, struct reload_answer *answer, struct error *err)
{
	_cleanup_(yajl_tree_freep) yajl_val root = json_tree_parse_answer(json, err);
	const char *result = json_tree_text(root, "result");
	yajl_val late = json_tree_member(root, "late");

	if (!root)
		return -EBADMSG;
	if (!result || !YAJL_IS_INTEGER(late))
		return error_set(err, -EBADMSG, REMEDY_PERSON,
		    "the answer has no result of a reload: is this an aloqd's socket?");
	*answer = (struct reload_answer){
		.refused = strcmp(result, "ok") != 0,
		.finished = json_tree_is_true(root, "finished"),
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
	_cleanup_(yajl_tree_freep) yajl_val root = json_tree_parse_answer(json, err);
	yajl_val findings = json_tree_member(root, "findings");

	if (!root)
		return -EBADMSG;
	for (size_t i = 0; YAJL_IS_ARRAY(findings) && i < YAJL_GET_ARRAY(findings)->len; i++) {
		yajl_val finding = YAJL_GET_ARRAY(findings)->values[i];
		const char *severity = json_tree_text(finding, "severity");

		print_line(out, severity && strcmp(severity, "error") == 0 ? "error: " : "warning: ",
		    json_tree_text(finding, "text"));
	}
	print_line(out, "", json_tree_text(root, "summary"));
	return 0;
}
