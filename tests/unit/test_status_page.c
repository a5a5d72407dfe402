/* The promises of daemon/status_page.h and daemon/html.h. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "base/cleanup.h"
#include "base/clock.h"
#include "base/memory.h"
#include "base/utf8.h"
#include "daemon/html.h"
#include "daemon/status_page.h"

#define NOW_MS INT64_C(1700000100000) /* 2023-11-14 22:15:00 UTC */

static const struct identity identity = { "1.2.3", "2.0.2", "host <one>" };
static const struct reload_status no_reload = { .finished = true };
static const struct status_page about = {
	.identity = &identity, .reload = &no_reload, .started_ms = NOW_MS - 3600000, .now_ms = NOW_MS
};

static char *finish(FILE *out, char **text)
{
	assert_int_equal(fclose(out), 0);
	return *text;
}

/* The caller frees. */
static char *page_of(const struct pipeline_snapshot *snapshots, size_t count)
{
	char *text = NULL;
	size_t length;
	FILE *out = open_memstream(&text, &length);

	assert_non_null(out);
	status_page_write(out, &about, snapshots, count);
	return finish(out, &text);
}

static char *pipeline_page(const struct pipeline_snapshot *snapshot, size_t number)
{
	char *text = NULL;
	size_t length;
	FILE *out = open_memstream(&text, &length);

	assert_non_null(out);
	assert_true(status_page_write_pipeline(out, &about, snapshot, number));
	return finish(out, &text);
}

static void assert_has(const char *text, const char *part)
{
	if (!strstr(text, part))
		fail_msg("no '%s' in:\n%s", part, text);
}

static size_t count_of(const char *text, const char *what)
{
	size_t count = 0;

	for (; (text = strstr(text, what)) != NULL; text += strlen(what))
		count++;
	return count;
}

static struct pipeline_snapshot running(void)
{
	struct pipeline_snapshot snapshot = {
		.name = (char *)"orders",
		.delivery = DELIVERY_AT_LEAST_ONCE,
		.state = PIPELINE_RUNNING,
		.state_since_ms = NOW_MS - 200000,
		.lag = 1234567,
		.records_per_s = 4321,
		.oldest_unsettled_age_ms = 400,
		.partition_count = 0,
	};

	for (int i = 0; i < 1000; i++)
		histogram_add(&snapshot.latencies.report, i < 980 ? 900 : 900000);
	return snapshot;
}

/* ---- html.h ---- */

static char *text_of(const char *text)
{
	char *html = NULL;
	size_t length;
	FILE *out = open_memstream(&html, &length);

	html_text(out, text);
	return finish(out, &html);
}

static void test_no_text_can_end_what_it_is_in(void **state)
{
	_cleanup_free_ char *markup = text_of("<b a='1' c=\"2\">&amp;</b>");
	_cleanup_free_ char *controls = text_of("a\nb\x1b[2J\x7f\xc2\x9b");
	_cleanup_free_ char *bytes = text_of("\xff\xc0\xbc\xe2\x80\xae\xed\xa0\x80 \xe2\x82\xac \xf0\x9f\x98\x80");
	_cleanup_free_ char *none = text_of(NULL);

	assert_string_equal(markup, "&lt;b a=&#39;1&#39; c=&quot;2&quot;&gt;&amp;amp;&lt;/b&gt;");
	assert_string_equal(controls, "a\\nb\\x1b[2J\\x7f\\xc2\\x9b");
	assert_string_equal(bytes, "\\xff\\xc0\\xbc\\xe2\\x80\\xae\\xed\\xa0\\x80 \xe2\x82\xac \xf0\x9f\x98\x80");
	assert_string_equal(none, HTML_NONE);
}

/* Each byte but NUL, alone and before each markup character: nothing of HTML's comes through, and it is UTF-8. */
static void test_every_byte_is_text(void **state)
{
	for (int byte = 1; byte < 256; byte++) {
		const char text[] = { (char)byte, '<', (char)byte, '"', (char)byte, '\0' };
		_cleanup_free_ char *html = text_of(text);

		assert_null(strpbrk(html, "<>\"'\n\r"));
		assert_true(utf8_is_valid(html, strlen(html)));
	}
}

static void test_what_is_cut_is_whole_characters_and_says_so(void **state)
{
	static const char long_text[] = "\xe2\x82\xac\xe2\x82\xac\xe2\x82\xac<<<<<<<<";
	char html[512];

	for (size_t bytes = 3; bytes < 20; bytes++) {
		FILE *out = fmemopen(html, sizeof html, "w");

		html_text_cut(out, long_text, bytes);
		assert_int_equal(fclose(out), 0);
		assert_true(utf8_is_valid(html, strlen(html)));
		assert_null(strchr(html, '<'));
		assert_int_equal(strcmp(html + strlen(html) - 3, "...") == 0, bytes < strlen(long_text));
	}
}

static void written(char *html, size_t size, void (*write)(FILE *out, int64_t value), int64_t value)
{
	FILE *out = fmemopen(html, size, "w");

	write(out, value);
	assert_int_equal(fclose(out), 0);
}

static void write_bytes(FILE *out, int64_t value)
{
	html_bytes(out, (uint64_t)value);
}

static void write_past(FILE *out, int64_t value)
{
	html_past(out, value, NOW_MS);
}

static void test_numbers_are_for_people(void **state)
{
	static const struct {
		void (*write)(FILE *out, int64_t value);
		int64_t value;
		const char *html;
	} cases[] = {
		{ html_count, 0, "0" },
		{ html_count, 999, "999" },
		{ html_count, 1000, "1\xe2\x80\xaf" "000" },
		{ html_count, INT64_MAX,
		    "9\xe2\x80\xaf" "223\xe2\x80\xaf" "372\xe2\x80\xaf" "036\xe2\x80\xaf" "854\xe2\x80\xaf" "775\xe2\x80\xaf"
		    "807" },
		{ html_count, -1, HTML_NONE },
		{ html_offset, 1234567, "1234567" },
		{ html_offset, -1, HTML_NONE },
		{ html_age, -1, HTML_NONE },
		{ html_age, 125000, "2m05s" },
		{ html_latency, 16, "16\xe2\x80\xaf\xc2\xb5s" },
		{ html_latency, 1024, "1.0\xe2\x80\xafms" },
		{ html_latency, 131072, "131\xe2\x80\xafms" },
		{ html_latency, 2097152, "2.1\xe2\x80\xafs" },
		{ write_bytes, 1023, "1023\xe2\x80\xaf" "B" },
		{ write_bytes, 1536, "1.5\xe2\x80\xafKiB" },
		{ html_time, NOW_MS, "<time datetime=\"2023-11-14T22:15:00Z\">2023-11-14 22:15:00 UTC</time>" },
		{ write_past, NOW_MS - 125000,
		    "<time datetime=\"2023-11-14T22:12:55Z\">2m05s ago, 22:12:55 UTC</time>" },
		{ write_past, NOW_MS - 86400000,
		    "<time datetime=\"2023-11-13T22:15:00Z\">1d00h ago, 2023-11-13 22:15:00 UTC</time>" },
		{ write_past, NOW_MS + 5000, "<time datetime=\"2023-11-14T22:15:05Z\">0.0s ago, 22:15:05 UTC</time>" },
		{ html_time, INT64_MIN, "<time datetime=\"-9223372036854775808\">-9223372036854775808</time>" },
	};
	char html[256];

	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		written(html, sizeof html, cases[i].write, cases[i].value);
		assert_string_equal(html, cases[i].html);
	}
	written(html, sizeof html, html_time, INT64_MAX); /* a year of ten digits, or none: no crash */
}

static void test_a_name_is_one_segment_of_a_path(void **state)
{
	char html[256];
	FILE *out = fmemopen(html, sizeof html, "w");

	html_segment(out, "a-Z_0.9/../\"<?#%\xc3\xa9 ");
	assert_int_equal(fclose(out), 0);
	assert_string_equal(html, "a-Z_0.9%2F..%2F%22%3C%3F%23%25%C3%A9%20");
}

/* ---- the pipelines ---- */

static void test_a_row_tells_state_rate_lag_and_latency(void **state)
{
	struct pipeline_snapshot snapshot = running();
	_cleanup_free_ char *page = page_of(&snapshot, 1);

	assert_has(page, "<a href=\"/pipelines/orders\">orders</a>");
	assert_has(page, "<span class=\"state running\">running</span> <small>3m20s</small>");
	assert_has(page, "at_least_once");
	assert_has(page, "<td class=\"rate\">4\xe2\x80\xaf" "321</td>");
	assert_has(page, "<td class=\"lag\">1\xe2\x80\xaf" "234\xe2\x80\xaf" "567</td>");
	assert_has(page, "<td class=\"old\">0.4s</td>");
	assert_has(page, "<td class=\"p50\">1.0\xe2\x80\xafms</td><td class=\"p99\">1.0\xe2\x80\xafs</td>");
	assert_has(page, "Nothing needs attention.");
	assert_has(page, "<title>Pipelines - aloqd host &lt;one&gt;</title>");
	assert_has(page, "up for 1h00m");
}

static void test_each_state_is_a_word_and_a_colour(void **state)
{
	for (int i = 0; i < PIPELINE_STATE_COUNT; i++) {
		struct pipeline_snapshot snapshot = running();
		const char *name = pipeline_state_name((enum pipeline_state)i);
		_cleanup_free_ char *badge = xasprintf("<span class=\"state %s\">%s</span>", name, name);
		_cleanup_free_ char *page = NULL;

		snapshot.state = (enum pipeline_state)i;
		page = page_of(&snapshot, 1);
		assert_has(page, badge);
	}
}

static void test_what_somebody_must_look_at_comes_first_with_its_reason(void **state)
{
	struct partition_snapshot still = {
		.topic = (char *)"t", .waits_for = WAIT_REPORT, .waits_for_broker = 3, .waits_ms = 93000, .mark = 7, .lag = 5
	};
	struct pipeline_snapshot snapshots[4] = { running(), running(), running(), running() };
	_cleanup_free_ char *page = NULL;

	snapshots[1].name = (char *)"payments";
	snapshots[1].state = PIPELINE_BLOCKED;
	snapshots[1].reason = (char *)"payments [3]: too large";
	snapshots[1].last_error = (char *)"too large"; /* which the reason tells */
	snapshots[1].last_error_at_ms = NOW_MS - 60000;
	snapshots[2].name = (char *)"audit";
	snapshots[2].partitions = &still;
	snapshots[2].partition_count = 1;
	snapshots[3].name = (char *)"old";
	snapshots[3].state = PIPELINE_STOPPED;
	snapshots[3].reason = (char *)"by command of uid 0";
	snapshots[3].last_error = (char *)"long ago";
	snapshots[3].last_error_at_ms = NOW_MS - 7200000;
	page = page_of(snapshots, 4);
	assert_has(page, "<title>2 need attention - ");
	assert_has(page, "<h2>2 need attention</h2>");
	assert_has(page, "payments</a> <span class=\"why\">payments [3]: too large</span></li>");
	assert_has(page, "audit</a> <span class=\"why\">t [0] stands still at offset 7 for 1m33s: it waits for the delivery "
			 "report from the target, where broker 3 leads the partition</span></li>");
	/* Once with its time where reason and last error are one, and as a note where nobody must act. */
	assert_has(page, "<p class=\"why\"><time datetime=\"2023-11-14T22:14:00Z\">1m00s ago, 22:14:00 UTC</time>: payments [3]: "
			 "too large</p></td>");
	assert_has(page, "<p class=\"note\">by command of uid 0</p><p class=\"past\"><time");
	assert_has(page, "2h00m ago, 20:15:00 UTC</time>: long ago</p>");
	assert_int_equal(count_of(page, "<li>"), 2);
	assert_true(strstr(page, "<h2>2 need") < strstr(page, "<h2 id=\"t-all\">Pipelines"));
}

static void test_the_worst_is_told_first(void **state)
{
	struct pipeline_snapshot snapshots[3] = { running(), running(), running() };
	_cleanup_free_ char *page = NULL;

	snapshots[0].state = PIPELINE_BACKING_OFF;
	snapshots[0].reason = (char *)"third";
	snapshots[1].state = PIPELINE_BLOCKED;
	snapshots[1].reason = (char *)"second";
	snapshots[2].state = PIPELINE_FAILED;
	snapshots[2].reason = (char *)"first";
	page = page_of(snapshots, 3);
	assert_true(strstr(page, "first</span></li>") < strstr(page, "second</span></li>"));
	assert_true(strstr(page, "second</span></li>") < strstr(page, "third</span></li>"));
}

static void test_what_starts_is_given_a_moment(void **state)
{
	struct pipeline_snapshot snapshot = running();
	_cleanup_free_ char *page = NULL;
	_cleanup_free_ char *later = NULL;

	snapshot.state = PIPELINE_STARTING;
	snapshot.reason = (char *)"joins the group, and waits for an assignment";
	snapshot.state_since_ms = NOW_MS - 10000;
	page = page_of(&snapshot, 1);
	assert_has(page, "Nothing needs attention.");
	snapshot.state_since_ms = NOW_MS - 10001;
	later = page_of(&snapshot, 1);
	assert_has(later, "<h2>1 needs attention</h2>");
}

static void test_no_pipeline_is_said(void **state)
{
	_cleanup_free_ char *page = page_of(NULL, 0);

	assert_has(page, "There is no pipeline in the configuration");
	assert_null(strstr(page, "<table"));
}

static void test_what_is_unknown_is_no_number(void **state)
{
	struct pipeline_snapshot snapshot = { .name = (char *)"new", .state = PIPELINE_STARTING, .lag = -1,
		.records_per_s = -1, .oldest_unsettled_age_ms = -1 };
	_cleanup_free_ char *page = page_of(&snapshot, 1);

	assert_has(page, "<td class=\"rate\">" HTML_NONE "</td><td class=\"lag\">" HTML_NONE "</td><td class=\"old\">" HTML_NONE
			 "</td><td class=\"p50\">" HTML_NONE "</td><td class=\"p99\">" HTML_NONE "</td>");
	assert_has(page, "lag <b>0</b>, unknown for 1");
}

static void test_a_refused_reload_is_told_and_its_text_only_to_those_who_may_know(void **state)
{
	const struct reload_status refused = { .was_refused = true, .at_ms = NOW_MS - 1000, .summary = (char *)"a.conf:3 <is> wrong" };
	struct status_page page = about;
	struct pipeline_snapshot snapshot = running();

	page.reload = &refused;
	for (int detail = RELOAD_OUTCOME; detail <= RELOAD_WHOLE; detail++) {
		_cleanup_free_ char *text = NULL;
		size_t length;
		FILE *out = open_memstream(&text, &length);

		page.reload_detail = (enum reload_detail)detail;
		status_page_write(out, &page, &snapshot, 1);
		assert_int_equal(fclose(out), 0);
		assert_has(text, "The last reload was refused");
		assert_int_equal(strstr(text, "a.conf:3 &lt;is&gt; wrong") != NULL, detail == RELOAD_WHOLE);
	}
}

/* In every text that there is, on both pages. */
static void test_no_hostile_text_comes_through(void **state)
{
	static const char hostile[] = "\"'><script>alert(1)</script>&<!-- \xff\xfe\x1b]0;x\x07\xe2\x80\xae\r\n</style></title>";
	struct partition_snapshot partition = { .topic = (char *)hostile, .error = (char *)hostile,
		.last_error = (char *)hostile, .last_error_at_ms = 1, .waits_for = WAIT_PERSON, .waits_ms = 99000 };
	struct pipeline_snapshot member = { .name = (char *)hostile, .member = 1, .reason = (char *)hostile };
	const struct pipeline_snapshot members[] = { member, member };
	struct pipeline_snapshot snapshot = { .name = (char *)hostile, .state = PIPELINE_BLOCKED, .reason = (char *)hostile,
		.last_error = (char *)"<script>", .last_error_at_ms = -5, .partitions = &partition, .partition_count = 1,
		.members = members, .member_count = 2, .waiting = { [WAIT_PERSON] = 1 } };
	struct pipeline_snapshot harmless = running();
	char *pages[] = { page_of(&snapshot, 1), pipeline_page(&snapshot, 1) };
	_cleanup_free_ char *plain = page_of(&harmless, 1);

	for (size_t i = 0; i < sizeof pages / sizeof pages[0]; i++) {
		assert_true(utf8_is_valid(pages[i], strlen(pages[i])));
		assert_null(strstr(pages[i], "alert(1)<"));
		assert_null(strchr(pages[i], '\x1b'));
		assert_null(strchr(pages[i], '\r'));
		assert_null(strstr(pages[i], "\xe2\x80\xae"));
		/* No tag more than its own. */
		assert_int_equal(count_of(pages[i], "<script"), count_of(plain, "<script"));
		assert_int_equal(count_of(pages[i], "</style"), 1);
		assert_int_equal(count_of(pages[i], "</title"), 1);
		assert_int_equal(count_of(pages[i], "<!--"), 0);
		assert_has(pages[i], "&quot;&#39;&gt;&lt;script&gt;alert(1)&lt;/script&gt;&amp;&lt;!-- \\xff\\xfe\\x1b]0;x\\x07");
		free(pages[i]);
	}
}

static void test_200_pipelines_are_a_small_page_made_at_once(void **state)
{
	enum { MANY = 200 };
	static char reason[20000];
	struct pipeline_snapshot *snapshots = xcalloc(MANY, sizeof *snapshots);
	_cleanup_free_ char *page = NULL;
	int64_t began_us, took_us = INT64_MAX;

	memset(reason, '<', sizeof reason - 1);
	for (int i = 0; i < MANY; i++) {
		snapshots[i] = running();
		snapshots[i].name = xasprintf("pipeline-%d", i);
		/* Common faults, in texts of a usual length; and a few that are hostile. */
		if (i % 2 == 0) {
			snapshots[i].state = PIPELINE_BACKING_OFF;
			snapshots[i].reason = (char *)(i % 50 == 0 ? reason : "kafka-1:9092 does not answer: connection refused");
			snapshots[i].last_error = snapshots[i].reason;
			snapshots[i].last_error_at_ms = NOW_MS - 5000;
		}
	}
	for (int i = 0; i < 5; i++) { /* the best of some: others use the machine, too */
		free(page);
		began_us = clock_monotonic_us();
		page = page_of(snapshots, MANY);
		if (clock_monotonic_us() - began_us < took_us)
			took_us = clock_monotonic_us() - began_us;
	}
	assert_int_equal(count_of(page, "<tr id=\"p-"), MANY);
	assert_has(page, "<h2>100 need attention</h2>");
	assert_int_equal(count_of(page, "<li>"), 25);
	assert_has(page, "And 75 more: see the table.");
	assert_in_range(strlen(page), 50000, 300000);
	assert_in_range(took_us, 0, 100 * USEC_PER_MSEC); /* far more than it takes, also under valgrind */
	print_message("# 200 pipelines: %zu bytes in %ld us\n", strlen(page), (long)took_us);
	for (int i = 0; i < MANY; i++)
		free(snapshots[i].name);
	free(snapshots);
}

/* ---- a pipeline ---- */

static void test_a_partition_tells_what_it_waits_for_in_the_words_of_the_others(void **state)
{
	struct partition_snapshot partitions[] = {
		{ .topic = (char *)"orders", .partition = 0, .state = PART_READING, .waits_for = WAIT_RECORDS, .waits_ms = 5000,
		    .committed = 17, .mark = 18, .end = 19, .log_end = 20, .oldest_unsettled_age_ms = -1 },
		{ .topic = (char *)"orders", .partition = 1, .state = PART_READING, .waits_for = WAIT_REPORT,
		    .waits_for_broker = 3, .waits_ms = 93000, .lag = 4, .committed = -1, .log_end = -1,
		    .last_error = (char *)"timed out", .last_error_at_ms = NOW_MS - 60000 },
		{ .topic = (char *)"orders", .partition = 2, .state = PART_BLOCKED, .waits_for = WAIT_PERSON,
		    .waits_ms = 100000, .blocked_at = 77, .error = (char *)"too large", .last_error = (char *)"too large" },
	};
	struct pipeline_snapshot snapshot = running();
	_cleanup_free_ char *page = NULL;
	const char *still;

	snapshot.partitions = partitions;
	snapshot.partition_count = 3;
	snapshot.waiting[WAIT_RECORDS] = snapshot.waiting[WAIT_REPORT] = snapshot.waiting[WAIT_PERSON] = 1;
	page = pipeline_page(&snapshot, 1);
	assert_has(page, "<h2>orders</h2>");
	assert_has(page, "<li><b>1</b> waits for <b>person</b>: <span>a person</span></li>");
	assert_has(page, "<b>report</b>: <span>the delivery report from the target, where broker 3 leads the partition</span>");
	assert_has(page, "<b>records</b>: <span>new records: there is nothing to read</span>");
	assert_has(page, "<td class=\"mark\">18</td><td class=\"committed\">17</td><td class=\"next\">19</td><td class=\"end\">20</td>");
	assert_has(page, "<span class=\"part blocked\">blocked</span>");
	assert_has(page, "<p class=\"why\">too large</p><p>Blocked at offset 77. To decide: <code>aloqctl unblock orders orders 2"
			 "</code> with ");
	assert_int_equal(count_of(page, "aloqctl unblock"), 1);
	assert_has(page, "1m00s ago, 22:14:00 UTC</time>: timed out</p>");
	assert_has(page, "stands still at offset 0 for 1m33s: it waits for");
	/* Those that stand still are in front of all, the longest first, and no id comes twice. */
	still = strstr(page, "<h3 id=\"t-s\">Stand still (2)</h3>");
	assert_non_null(still);
	assert_true(strstr(page, "id=\"s-orders-2-0\"") < strstr(page, "id=\"s-orders-1-0\""));
	assert_true(strstr(page, "id=\"s-orders-1-0\"") < strstr(page, "id=\"p-orders-0-0\""));
	assert_int_equal(count_of(page, "id=\"p-orders-1-0\""), 1);
	assert_int_equal(count_of(page, "id=\"s-orders-0-0\""), 0);
	assert_null(strstr(page, ">Member<"));
}

/* What is copied to a shell is no place for a name that a broker has made up. */
static void test_a_command_holds_only_plain_names(void **state)
{
	static const char *const topics[] = { "a b", "$(reboot)", "-x", "a;b", "a\nb", "" };

	for (size_t i = 0; i < sizeof topics / sizeof topics[0]; i++) {
		struct partition_snapshot partition = { .topic = (char *)topics[i], .state = PART_BLOCKED,
			.waits_for = WAIT_PERSON, .error = (char *)"too large" };
		struct pipeline_snapshot snapshot = running();
		_cleanup_free_ char *page = NULL;

		snapshot.partitions = &partition;
		snapshot.partition_count = 1;
		page = pipeline_page(&snapshot, 1);
		assert_has(page, "<code>aloqctl unblock PIPELINE TOPIC PARTITION</code>");
	}
}

static void test_thousands_of_partitions_are_pages(void **state)
{
	enum { MANY = 5001 };
	struct partition_snapshot *partitions = xcalloc(MANY, sizeof *partitions);
	struct pipeline_snapshot snapshot = running();
	const size_t pages = (MANY + STATUS_PAGE_PARTITIONS - 1) / STATUS_PAGE_PARTITIONS;
	size_t seen = 0;

	for (int i = 0; i < MANY; i++)
		partitions[i] = (struct partition_snapshot){ .topic = (char *)"orders", .partition = i,
			.waits_for = WAIT_FETCH, .waits_ms = 20000 + i, .lag = 1, .waits_for_broker = -1 };
	snapshot.partitions = partitions;
	snapshot.partition_count = MANY;
	for (size_t number = 1; number <= pages; number++) {
		_cleanup_free_ char *page = pipeline_page(&snapshot, number);

		seen += count_of(page, "<tr id=\"p-");
		assert_int_equal(count_of(page, "<tr id=\"s-"), 20);
		assert_has(page, "<h3 id=\"t-s\">Stand still (5001, the longest 20)</h3>");
		assert_has(page, "id=\"s-orders-5000-0\"");
		assert_true(strlen(page) < 300000);
		if (number == 10)
			assert_has(page, "<li>...</li><li><a href=\"/pipelines/orders/7\">7</a></li>");
	}
	assert_int_equal(seen, MANY);
	assert_false(status_page_write_pipeline(stderr, &about, &snapshot, 0));
	assert_false(status_page_write_pipeline(stderr, &about, &snapshot, pages + 1));
	free(partitions);
}

static void test_members_and_numbers_of_a_pipeline(void **state)
{
	struct pipeline_snapshot members[] = { running(), running() };
	struct partition_snapshot partition = { .topic = (char *)"t", .member = 2 };
	struct pipeline_snapshot snapshot = running();
	_cleanup_free_ char *page = NULL;

	members[0].member = 1;
	members[1].member = 2;
	members[1].state = PIPELINE_FAILED;
	members[1].reason = (char *)"refused";
	snapshot.members = members;
	snapshot.member_count = 2;
	snapshot.partitions = &partition;
	snapshot.partition_count = 1;
	snapshot.reason = (char *)"member 2: refused";
	snapshot.last_error = (char *)"refused";
	snapshot.last_error_at_ms = NOW_MS - 60000;
	snapshot.held_records = 3;
	snapshot.held_bytes = 2048;
	snapshot.counters.dead_lettered_records = 12;
	page = pipeline_page(&snapshot, 1);
	assert_has(page, "<span class=\"state failed\">failed</span></td>");
	assert_has(page, "<td class=\"words\">refused</td>");
	assert_has(page, "member 2: refused</p>");
	assert_has(page, "Last error: <time datetime=\"2023-11-14T22:14:00Z\">1m00s ago, 22:14:00 UTC</time></p>");
	assert_has(page, "<td class=\"member\">2</td>");
	assert_has(page, "<dt>Held</dt><dd>3 records, 2.0\xe2\x80\xafKiB</dd>");
	assert_has(page, "<dt>dead-lettered</dt><dd>12</dd>");
	assert_has(page, "<details id=\"counters\">");
}

/* ---- what a browser may do with it ---- */

static void test_the_policy_lets_nothing_in_but_this_style_and_script(void **state)
{
	static const char *const parts[] = { "default-src 'none'; ", "style-src 'sha256-", "script-src 'sha256-",
		"connect-src 'self'; ", "base-uri 'none'; ", "form-action 'none'; ", "frame-ancestors 'none'" };
	struct pipeline_snapshot snapshot = running();
	_cleanup_free_ char *page = page_of(&snapshot, 1);

	for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++)
		assert_has(status_page_policy, parts[i]);
	assert_null(strstr(status_page_policy, "unsafe"));
	assert_null(strstr(page, " style="));
	assert_null(strstr(page, "src="));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_no_text_can_end_what_it_is_in),
		cmocka_unit_test(test_every_byte_is_text),
		cmocka_unit_test(test_what_is_cut_is_whole_characters_and_says_so),
		cmocka_unit_test(test_numbers_are_for_people),
		cmocka_unit_test(test_a_name_is_one_segment_of_a_path),
		cmocka_unit_test(test_a_row_tells_state_rate_lag_and_latency),
		cmocka_unit_test(test_each_state_is_a_word_and_a_colour),
		cmocka_unit_test(test_what_somebody_must_look_at_comes_first_with_its_reason),
		cmocka_unit_test(test_the_worst_is_told_first),
		cmocka_unit_test(test_what_starts_is_given_a_moment),
		cmocka_unit_test(test_no_pipeline_is_said),
		cmocka_unit_test(test_what_is_unknown_is_no_number),
		cmocka_unit_test(test_a_refused_reload_is_told_and_its_text_only_to_those_who_may_know),
		cmocka_unit_test(test_no_hostile_text_comes_through),
		cmocka_unit_test(test_200_pipelines_are_a_small_page_made_at_once),
		cmocka_unit_test(test_a_partition_tells_what_it_waits_for_in_the_words_of_the_others),
		cmocka_unit_test(test_a_command_holds_only_plain_names),
		cmocka_unit_test(test_thousands_of_partitions_are_pages),
		cmocka_unit_test(test_members_and_numbers_of_a_pipeline),
		cmocka_unit_test(test_the_policy_lets_nothing_in_but_this_style_and_script),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
