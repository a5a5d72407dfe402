/* floor: the barest correct at-least-once relay on librdkafka, in one file and one thread.
 *
 * It is the yardstick of bench/run, and says what the library itself costs: aloqd is measured as a multiple
 * of it. It keeps the guarantee in the one way that takes no code: whatever is not plain sailing (a record
 * that cannot be delivered, a lost partition, a drain that does not finish) ends the process without a
 * commit, and who starts it again repeats from the low-water marks. It has no configuration, no back-off and
 * no metrics, and does not notice a gap in its source.
 *
 *   consumer's queues -> take_records() -> producer -> serve_reports() -> mark of the partition -> commit
 *
 * Source and target are one topic each, with the same partitions. The event that brought a record owns its
 * bytes until the delivery report: nothing is copied but the key. */
#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <librdkafka/rdkafka.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <sysexits.h>
#include <time.h>
#include <unistd.h>

enum {
	/* Records taken from the queues before reports are served: wide enough that both sides work in long
	 * runs, which saves a fifth of the CPU against a few records at a time. */
	TAKE_RECORDS = 4000,
	/* Bounds of what is in flight. Fewer small records cost throughput; more bytes cost CPU, as they do
	 * not stay in the cache. */
	WINDOW_RECORDS = 100000,
	WINDOW_BYTES = 16 << 20,
	/* Prefetch. More is no faster, only bigger. */
	PREFETCH_RECORDS = 100000,
	DRAIN_MS = 20 * 1000,
	METADATA_MS = 30 * 1000,
	/* A poll of the consumer's queue is due at least this often, whatever happens. */
	TURN_MS = 500,
	REPORT_ARRAY = 1024,
	SEQ_BITS = 48,
};

/* One record in flight. */
struct slot {
	rd_kafka_event_t *event; /* owns the bytes; NULL: settled */
	int64_t next;            /* the offset behind it */
};

/* One assigned partition. Slots are known by sequence numbers, which never repeat, so that the opaque of a
 * record can hold partition and slot, and the ring may grow. */
struct partition {
	struct slot *ring;
	uint64_t capacity; /* a power of two */
	uint64_t base;     /* oldest slot that is not settled */
	uint64_t tail;
	int64_t mark;            /* everything below it is settled; -1: nothing yet */
	int64_t committed;       /* the last mark sent */
	int64_t last;            /* offset of the last record taken */
	rd_kafka_queue_t *queue; /* its own, with --partition-queues */
	bool assigned;
};

struct options {
	const char *brokers, *from, *to, *group;
	int64_t commit_records, commit_interval_ms;
	bool partition_queues;
};

struct relay {
	struct options options;
	rd_kafka_conf_t *consumer_conf, *producer_conf;
	rd_kafka_t *consumer, *producer;
	rd_kafka_topic_t *target;
	rd_kafka_queue_t *records; /* the consumer's queue: records and rebalances */
	rd_kafka_queue_t *reports;
	rd_kafka_queue_t *commits; /* their answers, which must not wait behind records */
	struct partition *partitions;
	int32_t partition_count;
	int32_t turn; /* whose own queue is served first next time */
	uint64_t in_flight_records, in_flight_bytes;
	uint64_t relayed;
	uint64_t uncommitted; /* settled since the last commit was sent */
	int64_t last_commit_ms;
	uint64_t commit_count;
	uint64_t taken_records, taken_bytes; /* since the last wake_fetchers() */
	uint64_t wake_records, wake_bytes;   /* call it at one of these; 0: never */
	bool commit_in_flight, closing;
	int wake_fd, signal_fd;
};

static _Noreturn __attribute__((format(printf, 2, 3))) void die(int code, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	fputs("floor: ", stderr);
	vfprintf(stderr, format, arguments);
	fputc('\n', stderr);
	va_end(arguments);
	/* Not exit(): nothing may be flushed on the way out, least of all the producer. */
	_exit(code);
}

static int64_t now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* ---- committing ---- */

/* Sends the marks that have moved. One commit at a time: several in flight may arrive out of order. */
static void commit(struct relay *relay)
{
	rd_kafka_topic_partition_list_t *marks = rd_kafka_topic_partition_list_new(relay->partition_count);

	for (int32_t i = 0; i < relay->partition_count; i++) {
		struct partition *part = &relay->partitions[i];

		if (!part->assigned || part->mark == part->committed)
			continue;
		rd_kafka_topic_partition_list_add(marks, relay->options.from, i)->offset = part->mark;
		part->committed = part->mark;
	}
	if (marks->cnt > 0) {
		rd_kafka_resp_err_t code =
		    rd_kafka_commit_queue(relay->consumer, marks, relay->commits, NULL, NULL);

		if (code)
			die(EX_SOFTWARE, "commit: %s", rd_kafka_err2str(code));
		relay->commit_in_flight = true;
		relay->commit_count++;
	}
	rd_kafka_topic_partition_list_destroy(marks);
	relay->uncommitted = 0;
	relay->last_commit_ms = now_ms();
}

static void serve_commits(struct relay *relay)
{
	rd_kafka_event_t *event;

	while ((event = rd_kafka_queue_poll(relay->commits, 0))) {
		if (rd_kafka_event_type(event) == RD_KAFKA_EVENT_OFFSET_COMMIT) {
			if (rd_kafka_event_error(event))
				die(EX_TEMPFAIL, "commit: %s", rd_kafka_event_error_string(event));
			relay->commit_in_flight = false;
		}
		rd_kafka_event_destroy(event);
	}
}

static void commit_if_due(struct relay *relay)
{
	if (relay->commit_in_flight || relay->uncommitted == 0)
		return;
	if (relay->uncommitted >= (uint64_t)relay->options.commit_records ||
	    now_ms() - relay->last_commit_ms >= relay->options.commit_interval_ms)
		commit(relay);
}

/* ---- producer side ---- */

static void settle(struct relay *relay, const rd_kafka_message_t *message)
{
	uint64_t handle = (uint64_t)(uintptr_t)message->_private;
	struct partition *part = &relay->partitions[handle >> SEQ_BITS];
	struct slot *slot = &part->ring[handle & (part->capacity - 1)];

	if (message->err)
		die(EX_UNAVAILABLE, "partition %" PRId32 ": not delivered: %s", message->partition,
		    rd_kafka_err2str(message->err));
	relay->in_flight_bytes -= message->len + message->key_len;
	rd_kafka_event_destroy(slot->event);
	slot->event = NULL;
	for (; part->base < part->tail; part->base++) {
		slot = &part->ring[part->base & (part->capacity - 1)];
		if (slot->event)
			break;
		part->mark = slot->next;
	}
}

/* Serves the reports that are there. True: there were some. */
static bool serve_reports(struct relay *relay)
{
	const rd_kafka_message_t *messages[REPORT_ARRAY];
	rd_kafka_event_t *event;
	bool any = false;

	while ((event = rd_kafka_queue_poll(relay->reports, 0))) {
		size_t count;

		any = true;
		if (rd_kafka_event_type(event) == RD_KAFKA_EVENT_ERROR) {
			if (rd_kafka_event_error(event) == RD_KAFKA_RESP_ERR__FATAL)
				die(EX_UNAVAILABLE, "producer: %s", rd_kafka_event_error_string(event));
			fprintf(stderr, "floor: producer: %s\n", rd_kafka_event_error_string(event));
		}
		while (rd_kafka_event_type(event) == RD_KAFKA_EVENT_DR &&
		       (count = rd_kafka_event_message_array(event, messages, REPORT_ARRAY)) > 0) {
			for (size_t i = 0; i < count; i++)
				settle(relay, messages[i]);
			relay->in_flight_records -= count;
			relay->relayed += count;
			relay->uncommitted += count;
		}
		rd_kafka_event_destroy(event);
	}
	return any;
}

static void grow_ring(struct partition *part)
{
	uint64_t capacity = part->capacity ? part->capacity * 2 : 1024;
	struct slot *ring = calloc(capacity, sizeof *ring);

	if (!ring)
		die(EX_OSERR, "no memory");
	for (uint64_t seq = part->base; seq < part->tail; seq++)
		ring[seq & (capacity - 1)] = part->ring[seq & (part->capacity - 1)];
	free(part->ring);
	part->ring = ring;
	part->capacity = capacity;
}

/* Hands a record to the producer, with its event. */
static void relay_record(struct relay *relay, rd_kafka_event_t *event, const rd_kafka_message_t *message)
{
	struct partition *part = &relay->partitions[message->partition];
	rd_kafka_timestamp_type_t timestamp_type;
	int64_t timestamp_ms = rd_kafka_message_timestamp(message, &timestamp_type);
	rd_kafka_headers_t *headers = NULL;
	rd_kafka_error_t *error;
	uint64_t seq = part->tail;
	size_t count = 0;
	rd_kafka_vu_t fields[8];

	if (part->tail - part->base == part->capacity)
		grow_ring(part);
	fields[count].vtype = RD_KAFKA_VTYPE_RKT;
	fields[count++].u.rkt = relay->target;
	fields[count].vtype = RD_KAFKA_VTYPE_PARTITION;
	fields[count++].u.i32 = message->partition;
	fields[count].vtype = RD_KAFKA_VTYPE_VALUE;
	fields[count].u.mem.ptr = message->payload;
	fields[count++].u.mem.size = message->len;
	fields[count].vtype = RD_KAFKA_VTYPE_KEY;
	fields[count].u.mem.ptr = message->key;
	fields[count++].u.mem.size = message->key_len;
	fields[count].vtype = RD_KAFKA_VTYPE_OPAQUE;
	fields[count++].u.ptr = (void *)(uintptr_t)((uint64_t)message->partition << SEQ_BITS | seq);
	if (timestamp_type != RD_KAFKA_TIMESTAMP_NOT_AVAILABLE && timestamp_ms > 0) {
		fields[count].vtype = RD_KAFKA_VTYPE_TIMESTAMP;
		fields[count++].u.i64 = timestamp_ms;
	}
	if (rd_kafka_message_detach_headers((rd_kafka_message_t *)(uintptr_t)message, &headers) ==
	    RD_KAFKA_RESP_ERR_NO_ERROR) {
		fields[count].vtype = RD_KAFKA_VTYPE_HEADERS;
		fields[count++].u.headers = headers;
	}
	/* The window is below the producer's own limits, so its queue is never full. */
	error = rd_kafka_produceva(relay->producer, fields, count);
	if (error)
		die(EX_UNAVAILABLE, "partition %" PRId32 " offset %" PRId64 ": %s", message->partition,
		    message->offset, rd_kafka_error_string(error));
	part->ring[seq & (part->capacity - 1)] = (struct slot){ .event = event, .next = message->offset + 1 };
	part->tail++;
	part->last = message->offset;
	relay->in_flight_records++;
	relay->in_flight_bytes += message->len + message->key_len;
}

/* ---- assignment ---- */

/* Gives each partition a queue of its own, so that rebalances do not wait behind records. Every assign
 * forwards them to the consumer's queue, hence anew each time; paused until that is undone, so that none
 * leaks there. */
static void split_queues(struct relay *relay, rd_kafka_topic_partition_list_t *list)
{
	const uint64_t one = 1;

	rd_kafka_pause_partitions(relay->consumer, list);
	for (int i = 0; i < list->cnt; i++) {
		struct partition *part = &relay->partitions[list->elems[i].partition];

		part->queue = rd_kafka_queue_get_partition(
		    relay->consumer, relay->options.from, list->elems[i].partition);
		rd_kafka_queue_forward(part->queue, NULL);
		rd_kafka_queue_io_event_enable(part->queue, relay->wake_fd, &one, sizeof one);
	}
	rd_kafka_resume_partitions(relay->consumer, list);
}

static void assign(struct relay *relay, rd_kafka_topic_partition_list_t *list)
{
	rd_kafka_resp_err_t code;

	for (int i = 0; i < list->cnt; i++) {
		struct partition *part;

		if (list->elems[i].partition >= relay->partition_count)
			die(EX_CONFIG, "the target has no partition %" PRId32, list->elems[i].partition);
		part = &relay->partitions[list->elems[i].partition];
		part->assigned = true;
		part->mark = part->committed = part->last = -1;
	}
	code = rd_kafka_assign(relay->consumer, list);
	if (code)
		die(EX_UNAVAILABLE, "assign: %s", rd_kafka_err2str(code));
	if (relay->options.partition_queues)
		split_queues(relay, list);
}

/* Waits for all reports and for the answer to the last commit. */
static void drain(struct relay *relay)
{
	int64_t deadline_ms = now_ms() + DRAIN_MS;

	while (relay->in_flight_records > 0 || relay->commit_in_flight || relay->uncommitted > 0) {
		struct pollfd fd = { .fd = relay->wake_fd, .events = POLLIN };
		uint64_t wakes;

		if (now_ms() > deadline_ms)
			die(EX_TEMPFAIL, "the drain takes longer than %d ms", DRAIN_MS);
		if (poll(&fd, 1, TURN_MS) > 0 && read(relay->wake_fd, &wakes, sizeof wakes) < 0)
			die(EX_OSERR, "eventfd: %s", strerror(errno));
		serve_reports(relay);
		serve_commits(relay);
		if (relay->in_flight_records == 0 && !relay->commit_in_flight)
			commit(relay);
	}
}

/* All partitions go at once: the assignors are the eager ones. */
static void give_up_partitions(struct relay *relay)
{
	if (rd_kafka_assignment_lost(relay->consumer))
		die(EX_TEMPFAIL, "the partitions were lost");
	drain(relay);
	for (int32_t i = 0; i < relay->partition_count; i++) {
		struct partition *part = &relay->partitions[i];

		part->assigned = false;
		if (part->queue)
			rd_kafka_queue_destroy(part->queue);
		part->queue = NULL;
	}
	rd_kafka_assign(relay->consumer, NULL);
}

/* ---- consumer side ---- */

/* Before 2.2, librdkafka's fetchers sleep up to a second once the prefetch is full, whatever is taken from it
 * meanwhile; this call's side effect is to wake them. Later versions have fetch.queue.backoff.ms. */
static void wake_fetchers(struct relay *relay)
{
	if (relay->wake_records == 0 ||
	    (relay->taken_records < relay->wake_records && relay->taken_bytes < relay->wake_bytes))
		return;
	relay->taken_records = relay->taken_bytes = 0;
	rd_kafka_error_destroy(rd_kafka_sasl_set_credentials(relay->consumer, "", ""));
}

/* End of partition: with nothing in flight the mark may pass what no record will come from (transaction
 * markers, compacted offsets). */
static void partition_end(struct relay *relay, rd_kafka_event_t *event)
{
	rd_kafka_topic_partition_t *end = rd_kafka_event_topic_partition(event);
	struct partition *part = end ? &relay->partitions[end->partition] : NULL;

	if (part && part->assigned && part->base == part->tail && end->offset > part->mark &&
	    part->last >= 0) {
		part->mark = end->offset;
		relay->uncommitted++;
	}
	if (end)
		rd_kafka_topic_partition_destroy(end);
}

static void consumer_error(struct relay *relay, rd_kafka_event_t *event)
{
	switch (rd_kafka_event_error(event)) {
	case RD_KAFKA_RESP_ERR__PARTITION_EOF:
		partition_end(relay, event);
		break;
	case RD_KAFKA_RESP_ERR__FATAL:
	case RD_KAFKA_RESP_ERR__MAX_POLL_EXCEEDED:
		die(EX_UNAVAILABLE, "consumer: %s", rd_kafka_event_error_string(event));
	default:
		fprintf(stderr, "floor: consumer: %s\n", rd_kafka_event_error_string(event));
	}
}

static void rebalance(struct relay *relay, rd_kafka_event_t *event)
{
	if (rd_kafka_event_error(event) == RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS)
		assign(relay, rd_kafka_event_topic_partition_list(event));
	else
		give_up_partitions(relay);
}

/* True: the record was taken, and its event with it. */
static bool take_record(struct relay *relay, rd_kafka_event_t *event)
{
	const rd_kafka_message_t *message = rd_kafka_event_message_next(event);
	const struct partition *part;

	if (!message || message->err || relay->closing)
		return false;
	relay->taken_records++;
	relay->taken_bytes += message->len + message->key_len;
	part = &relay->partitions[message->partition];
	if (!part->assigned || message->offset <= part->last)
		return false;
	relay_record(relay, event, message);
	return true;
}

/* Serves one queue until it is empty or the quota or the window is used up. True: it may hold more. */
static bool take_records(struct relay *relay, rd_kafka_queue_t *queue, int *quota)
{
	rd_kafka_event_t *event;

	for (;
	     *quota > 0 && relay->in_flight_records < WINDOW_RECORDS && relay->in_flight_bytes < WINDOW_BYTES;
	     --*quota) {
		event = rd_kafka_queue_poll(queue, 0);
		if (!event)
			return false;
		switch (rd_kafka_event_type(event)) {
		case RD_KAFKA_EVENT_FETCH:
			if (take_record(relay, event))
				continue;
			break;
		case RD_KAFKA_EVENT_REBALANCE:
			rebalance(relay, event);
			break;
		case RD_KAFKA_EVENT_ERROR:
			consumer_error(relay, event);
			break;
		default:
			break;
		}
		rd_kafka_event_destroy(event);
	}
	return true;
}

/* Serves the consumer's queue and those of the partitions, in turn. True: there may be more. */
static bool take_all(struct relay *relay)
{
	int quota = TAKE_RECORDS;
	bool more = take_records(relay, relay->records, &quota);

	for (int32_t i = 0; relay->options.partition_queues && i < relay->partition_count; i++) {
		int32_t which = (relay->turn + i) % relay->partition_count;

		if (relay->partitions[which].queue &&
		    take_records(relay, relay->partitions[which].queue, &quota)) {
			relay->turn = which;
			more = true;
		}
	}
	wake_fetchers(relay);
	return more;
}

/* ---- life ---- */

static void set(rd_kafka_conf_t *conf, const char *name, const char *value)
{
	char why[512];

	if (rd_kafka_conf_set(conf, name, value, why, sizeof why) != RD_KAFKA_CONF_OK)
		die(EX_USAGE, "%s", why);
}

/* "name=value", from the command line. */
static void set_pair(rd_kafka_conf_t *conf, char *pair)
{
	char *value = strchr(pair, '=');

	if (!value)
		die(EX_USAGE, "'%s' is not NAME=VALUE", pair);
	*value++ = '\0';
	set(conf, pair, value);
}

static void set_defaults(struct relay *relay)
{
	rd_kafka_conf_t *consumer = relay->consumer_conf = rd_kafka_conf_new();
	rd_kafka_conf_t *producer = relay->producer_conf = rd_kafka_conf_new();
	char number[32];

	set(consumer, "enable.auto.commit", "false");
	set(consumer, "enable.auto.offset.store", "false");
	set(consumer, "enable.partition.eof", "true");
	set(consumer, "auto.offset.reset", "earliest");
	set(consumer, "isolation.level", "read_committed");
	set(consumer, "partition.assignment.strategy", "range,roundrobin");
	set(consumer, "session.timeout.ms", "10000");
	set(consumer, "check.crcs", "true");
	set(consumer, "log_level", "3");
	snprintf(number, sizeof number, "%d", PREFETCH_RECORDS);
	set(consumer, "queued.min.messages", number);
	set(consumer, "queued.max.messages.kbytes", "16384");
	set(consumer, "fetch.max.bytes", "8388608");
	set(consumer, "fetch.wait.max.ms", "100");
	set(consumer, "fetch.error.backoff.ms", "50");
	set(consumer, "socket.nagle.disable", "true");
	rd_kafka_conf_set(consumer, "fetch.queue.backoff.ms", "5", NULL, 0); /* unknown before 2.2 */

	set(producer, "enable.idempotence", "true");
	set(producer, "acks", "all");
	set(producer, "log_level", "3"); /* not that gapless is experimental */
	set(producer, "enable.gapless.guarantee", "true");
	set(producer, "message.timeout.ms", "0");
	set(producer, "linger.ms", "1");
	set(producer, "batch.num.messages", "10000");
	snprintf(number, sizeof number, "%d", 2 * WINDOW_RECORDS);
	set(producer, "queue.buffering.max.messages", number);
	set(producer, "socket.nagle.disable", "true");
}

static rd_kafka_t *make_client(rd_kafka_type_t type, struct relay *relay, rd_kafka_conf_t *conf)
{
	char why[512];
	rd_kafka_t *client;

	set(conf, "bootstrap.servers", relay->options.brokers);
	if (type == RD_KAFKA_CONSUMER)
		set(conf, "group.id", relay->options.group);
	rd_kafka_conf_set_events(conf, type == RD_KAFKA_PRODUCER
					   ? RD_KAFKA_EVENT_DR | RD_KAFKA_EVENT_ERROR
					   : RD_KAFKA_EVENT_FETCH | RD_KAFKA_EVENT_ERROR |
						 RD_KAFKA_EVENT_REBALANCE | RD_KAFKA_EVENT_OFFSET_COMMIT);
	client = rd_kafka_new(type, conf, why, sizeof why);
	if (!client)
		die(EX_CONFIG, "%s", why);
	return client;
}

/* The target's metadata: known before the first record, or that one would wait for it. */
static void look_up_target(struct relay *relay)
{
	const struct rd_kafka_metadata *metadata;
	rd_kafka_resp_err_t code;

	relay->target = rd_kafka_topic_new(relay->producer, relay->options.to, NULL);
	code = rd_kafka_metadata(relay->producer, 0, relay->target, &metadata, METADATA_MS);
	if (code || metadata->topic_cnt != 1 || metadata->topics[0].err)
		die(EX_UNAVAILABLE, "%s: %s", relay->options.to,
		    rd_kafka_err2str(code ? code : metadata->topics[0].err));
	relay->partition_count = metadata->topics[0].partition_cnt;
	relay->partitions = calloc((size_t)relay->partition_count, sizeof *relay->partitions);
	if (!relay->partitions)
		die(EX_OSERR, "no memory");
	rd_kafka_metadata_destroy(metadata);
}

static uint64_t setting(const rd_kafka_conf_t *conf, const char *name)
{
	char value[32] = "";
	size_t size = sizeof value;

	rd_kafka_conf_get(conf, name, value, &size);
	return strtoull(value, NULL, 10);
}

static void start(struct relay *relay)
{
	rd_kafka_topic_partition_list_t *topics = rd_kafka_topic_partition_list_new(1);
	const uint64_t one = 1;
	sigset_t signals;

	/* Before any thread is made: librdkafka's inherit the mask. */
	sigemptyset(&signals);
	sigaddset(&signals, SIGTERM);
	sigaddset(&signals, SIGINT);
	sigprocmask(SIG_BLOCK, &signals, NULL);
	relay->signal_fd = signalfd(-1, &signals, SFD_CLOEXEC);
	relay->wake_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	if (relay->signal_fd < 0 || relay->wake_fd < 0)
		die(EX_OSERR, "%s", strerror(errno));

	relay->producer = make_client(RD_KAFKA_PRODUCER, relay, relay->producer_conf);
	look_up_target(relay);
	if (rd_kafka_version() < 0x02020000) {
		/* Either limit fills the prefetch: big records reach the second one first. */
		relay->wake_records = setting(relay->consumer_conf, "queued.min.messages") / 4;
		relay->wake_bytes = setting(relay->consumer_conf, "queued.max.messages.kbytes") * 1024 / 4;
	}
	relay->consumer = make_client(RD_KAFKA_CONSUMER, relay, relay->consumer_conf);
	relay->records = rd_kafka_queue_get_consumer(relay->consumer);
	relay->reports = rd_kafka_queue_get_main(relay->producer);
	relay->commits = rd_kafka_queue_new(relay->consumer);
	rd_kafka_poll_set_consumer(relay->consumer);
	rd_kafka_queue_io_event_enable(relay->records, relay->wake_fd, &one, sizeof one);
	rd_kafka_queue_io_event_enable(relay->reports, relay->wake_fd, &one, sizeof one);
	rd_kafka_queue_io_event_enable(relay->commits, relay->wake_fd, &one, sizeof one);
	rd_kafka_topic_partition_list_add(topics, relay->options.from, RD_KAFKA_PARTITION_UA);
	rd_kafka_subscribe(relay->consumer, topics);
	rd_kafka_topic_partition_list_destroy(topics);
}

/* The queues wake us only when they turn from empty to not empty: whoever sleeps must have seen them all
 * empty. */
static void run(struct relay *relay)
{
	struct pollfd fds[2] = {
		{ .fd = relay->wake_fd, .events = POLLIN },
		{ .fd = relay->signal_fd, .events = POLLIN },
	};
	bool more = false;

	while (!(fds[1].revents & POLLIN)) {
		/* With a full window only reports can help, and they wake us. */
		bool idle = !more || relay->in_flight_records >= WINDOW_RECORDS ||
		            relay->in_flight_bytes >= WINDOW_BYTES;
		uint64_t wakes;

		if (poll(fds, 2, idle ? TURN_MS : 0) < 0 && errno != EINTR)
			die(EX_OSERR, "poll: %s", strerror(errno));
		if (fds[0].revents & POLLIN && read(relay->wake_fd, &wakes, sizeof wakes) < 0 &&
		    errno != EAGAIN)
			die(EX_OSERR, "eventfd: %s", strerror(errno));
		more = take_all(relay);
		serve_reports(relay);
		serve_commits(relay);
		commit_if_due(relay);
	}
}

/* SIGTERM takes the way of a revoke, for all partitions: closing the consumer asks for one. */
static void stop(struct relay *relay)
{
	int64_t deadline_ms = now_ms() + DRAIN_MS;
	rd_kafka_queue_t *closing = rd_kafka_queue_new(relay->consumer);
	int quota;

	relay->closing = true;
	drain(relay);
	rd_kafka_error_destroy(rd_kafka_consumer_close_queue(relay->consumer, closing));
	while (!rd_kafka_consumer_closed(relay->consumer)) {
		rd_kafka_event_t *event = rd_kafka_queue_poll(closing, 50);

		if (event && rd_kafka_event_type(event) == RD_KAFKA_EVENT_REBALANCE)
			rebalance(relay, event);
		if (event)
			rd_kafka_event_destroy(event);
		quota = WINDOW_RECORDS;
		take_records(relay, relay->records, &quota);
		if (now_ms() > deadline_ms)
			die(EX_TEMPFAIL, "the consumer does not close within %d ms", DRAIN_MS);
	}
	rd_kafka_queue_destroy(closing);
	rd_kafka_queue_destroy(relay->records);
	rd_kafka_queue_destroy(relay->commits);
	rd_kafka_destroy(relay->consumer);
	rd_kafka_queue_destroy(relay->reports);
	rd_kafka_topic_destroy(relay->target);
	rd_kafka_destroy(relay->producer);
	for (int32_t i = 0; i < relay->partition_count; i++)
		free(relay->partitions[i].ring);
	free(relay->partitions);
	close(relay->wake_fd);
	close(relay->signal_fd);
}

static void parse_options(int argc, char **argv, struct relay *relay)
{
	static const struct option known[] = {
		{ "brokers", required_argument, NULL, 'b' },
		{ "from", required_argument, NULL, 'f' },
		{ "to", required_argument, NULL, 't' },
		{ "group", required_argument, NULL, 'g' },
		{ "commit-records", required_argument, NULL, 'r' },
		{ "commit-interval-ms", required_argument, NULL, 'i' },
		{ "partition-queues", no_argument, NULL, 'q' },
		{ "consumer", required_argument, NULL, 'C' },
		{ "producer", required_argument, NULL, 'P' },
		{ 0 },
	};
	struct options *options = &relay->options;
	int option;

	*options = (struct options){ .commit_records = 1000, .commit_interval_ms = 1000 };
	while ((option = getopt_long(argc, argv, "", known, NULL)) != -1) {
		switch (option) {
		case 'b':
			options->brokers = optarg;
			break;
		case 'f':
			options->from = optarg;
			break;
		case 't':
			options->to = optarg;
			break;
		case 'g':
			options->group = optarg;
			break;
		case 'r':
			options->commit_records = strtoll(optarg, NULL, 10);
			break;
		case 'i':
			options->commit_interval_ms = strtoll(optarg, NULL, 10);
			break;
		case 'q':
			options->partition_queues = true;
			break;
		case 'C':
			set_pair(relay->consumer_conf, optarg);
			break;
		case 'P':
			set_pair(relay->producer_conf, optarg);
			break;
		default:
			exit(EX_USAGE);
		}
	}
	if (!options->brokers || !options->from || !options->to || !options->group || optind != argc)
		die(EX_USAGE, "usage: floor --brokers LIST --from TOPIC --to TOPIC --group GROUP "
			      "[--commit-records N] [--commit-interval-ms N] [--partition-queues] "
			      "[--consumer NAME=VALUE]... [--producer NAME=VALUE]...");
}

int main(int argc, char **argv)
{
	struct relay relay = { 0 };

	set_defaults(&relay);
	parse_options(argc, argv, &relay);
	start(&relay);
	run(&relay);
	stop(&relay);
	fprintf(
	    stderr, "floor: %" PRIu64 " records, %" PRIu64 " commits\n", relay.relayed, relay.commit_count);
	return 0;
}
