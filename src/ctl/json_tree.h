/* json_tree.h: JSON that somebody else has written, as a tree. Pure. */
#pragma once
#include <stdbool.h>
#include <stdint.h>
#include <yajl/yajl_tree.h>
#include "base/cleanup.h"
#include "base/error.h"

DEFINE_CLEANUP(yajl_val, yajl_tree_free)

/* Nothing of ours is nested as deep. yajl frees a tree recursively: a million brackets would end the program. */
enum { JSON_DEPTH_MAX = 64 };

/* The caller frees it (yajl_tree_free()). NULL: it is not JSON, which has no comments, or nested too deep. */
yajl_val json_tree_parse(const char *text);

/* The same of what is to be aloqd's answer, with err set: -EBADMSG. */
yajl_val json_tree_parse_answer(const char *text, struct error *err);

/* The member of an object; NULL: there is none, or node is NULL or no object. */
yajl_val json_tree_member(yajl_val node, const char *name);

/* NULL: there is no such member, or it is no string. It lives as long as the tree. */
const char *json_tree_text(yajl_val node, const char *name);

/* -1: there is no such member, or it is no whole number that fits. */
int64_t json_tree_number(yajl_val node, const char *name);

/* The same of a member of a member; below may be NULL: of the member itself. */
int64_t json_tree_number_below(yajl_val node, const char *name, const char *below);

/* False also where there is no such member, or another type. */
bool json_tree_is_true(yajl_val node, const char *name);
