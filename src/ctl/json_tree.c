#include "ctl/json_tree.h"
#include <errno.h>
#include <string.h>
#include "base/escape.h"

/* May yajl see it? It would pass over comments, in which a quote could hide brackets from us. */
static bool is_shallow(const char *text)
{
	int depth = 0;
	bool in_string = false;

	for (const char *at = text; *at; at++) {
		if (in_string) {
			if (*at == '\\' && at[1])
				at++;
			else
				in_string = *at != '"';
		} else if (*at == '"') {
			in_string = true;
		} else if (*at == '[' || *at == '{') {
			if (++depth > JSON_DEPTH_MAX)
				return false;
		} else if (*at == ']' || *at == '}') {
			depth--;
		} else if (*at == '/') {
			return false;
		}
	}
	return true;
}

yajl_val json_tree_parse(const char *text)
{
	return is_shallow(text) ? yajl_tree_parse(text, NULL, 0) : NULL;
}

yajl_val json_tree_parse_answer(const char *text, struct error *err)
{
	char problem[256] = "it is nested too deep, or holds a comment";
	char safe[256];
	yajl_val root = is_shallow(text) ? yajl_tree_parse(text, problem, sizeof problem) : NULL;

	if (root)
		return root;
	/* yajl quotes what it does not understand. */
	escape_text(safe, sizeof safe, problem, strlen(problem));
	error_set(err, -EBADMSG, REMEDY_PERSON, "the answer is not JSON: %s", safe);
	return NULL;
}

yajl_val json_tree_member(yajl_val node, const char *name)
{
	const char *path[] = { name, NULL };

	return node ? yajl_tree_get(node, path, yajl_t_any) : NULL;
}

const char *json_tree_text(yajl_val node, const char *name)
{
	return YAJL_GET_STRING(json_tree_member(node, name));
}

int64_t json_tree_number(yajl_val node, const char *name)
{
	yajl_val value = json_tree_member(node, name);

	return YAJL_IS_INTEGER(value) ? YAJL_GET_INTEGER(value) : -1;
}

int64_t json_tree_number_below(yajl_val node, const char *name, const char *below)
{
	return below ? json_tree_number(json_tree_member(node, name), below) : json_tree_number(node, name);
}

bool json_tree_is_true(yajl_val node, const char *name)
{
	return YAJL_IS_TRUE(json_tree_member(node, name));
}
