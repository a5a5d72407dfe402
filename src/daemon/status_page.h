/* status_page.h: the snapshots as pages for people: the pipelines, and a pipeline with its partitions. Pure.
 *
 * A page is one file that is whole without its script; the script fetches the page anew and puts in what has changed.
 * The pages say what status_json.h says, in the same words, and nothing more. All texts are taken for hostile. A page
 * stays small: of a list as many rows as are bearable, and how many are left out.
 *
 * The functions write to the stream, whose errors the caller looks at in the end. */
#pragma once
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include "daemon/identity.h"
#include "daemon/reload_status.h"
#include "daemon/status_json.h"
#include "relay/pipeline.h"

/* Partitions on one page of a pipeline; a pipeline with more has several pages. */
enum { STATUS_PAGE_PARTITIONS = 250 };

struct status_page {
	const struct identity *identity;
	const struct reload_status *reload;
	enum reload_detail reload_detail;
	int64_t started_ms, now_ms; /* wall clock */
	bool stopping;		    /* aloqd drains and ends */
};

/* The Content-Security-Policy of the pages: but for this style and this script, by their hashes, and what the script
 * fetches from where the page is from, nothing is loaded or run. */
extern const char status_page_policy[];

void status_page_write(
    FILE *out, const struct status_page *page, const struct pipeline_snapshot *snapshots, size_t count);

/* number: of the page, from 1 on. false, and nothing is written: it has no such page. */
bool status_page_write_pipeline(
    FILE *out, const struct status_page *page, const struct pipeline_snapshot *snapshot, size_t number);

/* There is no pipeline, or no page, of this name. */
void status_page_write_missing(FILE *out, const struct status_page *page, const char *name);
