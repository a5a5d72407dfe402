/* fetch_shim.c: preloaded into a daemon, makes its librdkafka stop fetching, as if by itself.
 *
 * ALOQD_FETCH_FILE names a file that the test writes, and that begins with this: */
#include <stdint.h>

struct orders {
	int32_t halt_partition; /* from 1 on, of the only topic: it is paused once, behind the daemon's back, then 0 */
	int32_t refuse_resume;	/* not 0: no partition is resumed; told as done */
	int32_t start_delay_ms; /* so long librdkafka's main thread sleeps between numbering an order to fetch and queueing
				 * it: it says something there, with debug=topic, and the shim is who hears it. What the daemon
				 * orders comes half as long late: in the middle of that, if it waits for nothing */
};

/* A partition that is paused is one that librdkafka does not fetch, and says nothing about. */
#include <dlfcn.h>
#include <fcntl.h>
#include <librdkafka/rdkafka.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <syslog.h>
#include <time.h>
#include <unistd.h>

static struct orders none;
static volatile struct orders *orders = &none;
static rd_kafka_t *consumer; /* the last that was made one: the source's */

/* As in <dlfcn.h>: a function pointer through an object pointer, which POSIX allows and C does not. */
#define REAL(function) ((__typeof__(&(function)))(uintptr_t)dlsym(RTLD_NEXT, #function))

__attribute__((constructor)) static void shim_start(void)
{
	const char *path = getenv("ALOQD_FETCH_FILE");
	int fd = path ? open(path, O_RDWR | O_CLOEXEC) : -1;
	void *mapped;

	if (fd < 0)
		return;
	mapped = mmap(NULL, sizeof *orders, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	close(fd);
	if (mapped != MAP_FAILED)
		orders = mapped;
}

rd_kafka_resp_err_t rd_kafka_poll_set_consumer(rd_kafka_t *rk)
{
	consumer = rk;
	return REAL(rd_kafka_poll_set_consumer)(rk);
}

static void sleep_ms(int32_t delay_ms)
{
	struct timespec delay = { .tv_sec = delay_ms / 1000, .tv_nsec = delay_ms % 1000 * 1000000L };

	if (delay_ms > 0)
		nanosleep(&delay, NULL);
}

static void halt(int32_t partition)
{
	rd_kafka_topic_partition_list_t *list;

	if (!consumer || rd_kafka_assignment(consumer, &list))
		return;
	for (int i = list->cnt - 1; i >= 0; i--)
		if (list->elems[i].partition != partition)
			rd_kafka_topic_partition_list_del_by_idx(list, i);
	if (list->cnt > 0) {
		rd_kafka_pause_partitions(consumer, list);
		orders->halt_partition = 0;
	}
	rd_kafka_topic_partition_list_destroy(list);
}

rd_kafka_event_t *rd_kafka_queue_poll(rd_kafka_queue_t *queue, int timeout_ms)
{
	static rd_kafka_event_t *(*real)(rd_kafka_queue_t *, int);

	if (!real)
		real = REAL(rd_kafka_queue_poll);
	/* Only the source looks without waiting. */
	if (orders->halt_partition > 0 && timeout_ms == 0)
		halt(orders->halt_partition - 1);
	return real(queue, timeout_ms);
}

rd_kafka_resp_err_t rd_kafka_resume_partitions(rd_kafka_t *rk, rd_kafka_topic_partition_list_t *list)
{
	sleep_ms(orders->start_delay_ms / 2);
	return orders->refuse_resume ? RD_KAFKA_RESP_ERR_NO_ERROR : REAL(rd_kafka_resume_partitions)(rk, list);
}

static void (*real_log)(const rd_kafka_t *, int, const char *, const char *);

static void hear(const rd_kafka_t *rk, int level, const char *facility, const char *text)
{
	if (strstr(text, "Start consuming"))
		sleep_ms(orders->start_delay_ms);
	if (level < LOG_DEBUG)
		real_log(rk, level, facility, text);
}

void rd_kafka_conf_set_log_cb(rd_kafka_conf_t *conf,
    void (*log)(const rd_kafka_t *rk, int level, const char *facility, const char *text))
{
	char words[256];

	real_log = log;
	rd_kafka_conf_set(conf, "debug", "topic", words, sizeof words);
	REAL(rd_kafka_conf_set_log_cb)(conf, hear);
}
