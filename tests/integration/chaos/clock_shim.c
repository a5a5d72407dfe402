/* clock_shim.c: preloaded into a daemon, moves the wall clock that this one process sees.
 *
 * ALOQD_CLOCK_FILE names a file that begins with an int64_t: so many nanoseconds the wall clock is ahead. The test
 * writes it, and the clock jumps. The monotonic clock is left alone, as by clock_settime().
 *
 * Waits until an absolute time on the wall clock are the point: the kernel looks at such a deadline again when the
 * clock is set, so that a clock that goes back an hour makes the wait an hour longer. cnd_timedwait(), which is
 * librdkafka's way to wait, does the same here, looking every few milliseconds. aloqd itself waits on the monotonic
 * clock. */
#include <dlfcn.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/time.h>
#include <threads.h>
#include <time.h>
#include <unistd.h>

#define SLICE_NS 5000000
#define SECOND_NS 1000000000LL

static const volatile int64_t none_ns;
static const volatile int64_t *ahead_ns = &none_ns;

/* As in <dlfcn.h>: a function pointer through an object pointer, which POSIX allows and C does not. */
#define REAL(function) ((__typeof__(&(function)))(uintptr_t)dlsym(RTLD_NEXT, #function))

static int (*real_clock_gettime)(clockid_t, struct timespec *);
static int (*real_cnd_wait)(cnd_t *, mtx_t *, const struct timespec *);

__attribute__((constructor)) static void shim_start(void)
{
	const char *path = getenv("ALOQD_CLOCK_FILE");
	int fd = path ? open(path, O_RDONLY | O_CLOEXEC) : -1;
	void *mapped;

	real_clock_gettime = REAL(clock_gettime);
	real_cnd_wait = REAL(cnd_timedwait);
	if (fd < 0)
		abort();
	mapped = mmap(NULL, sizeof *ahead_ns, PROT_READ, MAP_SHARED, fd, 0);
	if (mapped == MAP_FAILED)
		abort();
	ahead_ns = mapped;
	close(fd);
}

static int64_t to_ns(const struct timespec *time)
{
	return (int64_t)time->tv_sec * SECOND_NS + time->tv_nsec;
}

static struct timespec from_ns(int64_t ns)
{
	return (struct timespec){ .tv_sec = ns / SECOND_NS, .tv_nsec = ns % SECOND_NS };
}

static int64_t wall_ns(void)
{
	struct timespec now;

	if (real_clock_gettime)
		real_clock_gettime(CLOCK_REALTIME, &now);
	else
		(REAL(clock_gettime))(CLOCK_REALTIME, &now); /* a constructor that runs before ours */
	return to_ns(&now);
}

int clock_gettime(clockid_t clock, struct timespec *time)
{
	if (clock != CLOCK_REALTIME && clock != CLOCK_REALTIME_COARSE)
		return (real_clock_gettime ? real_clock_gettime : REAL(clock_gettime))(clock, time);
	*time = from_ns(wall_ns() + *ahead_ns);
	return 0;
}

int gettimeofday(struct timeval *restrict time, void *restrict zone)
{
	int64_t ns = wall_ns() + *ahead_ns;

	(void)zone;
	time->tv_sec = ns / SECOND_NS;
	time->tv_usec = ns % SECOND_NS / 1000;
	return 0;
}

time_t time(time_t *where)
{
	time_t now = (wall_ns() + *ahead_ns) / SECOND_NS;

	if (where)
		*where = now;
	return now;
}

int timespec_get(struct timespec *time, int base)
{
	if (base != TIME_UTC)
		return 0;
	*time = from_ns(wall_ns() + *ahead_ns);
	return base;
}

/* The next look: the deadline, or sooner. */
static struct timespec next_look(const struct timespec *deadline)
{
	int64_t real_ns = wall_ns(), due_ns = to_ns(deadline) - *ahead_ns;

	return from_ns(due_ns < real_ns + SLICE_NS ? due_ns : real_ns + SLICE_NS);
}

static int is_past(const struct timespec *deadline)
{
	return to_ns(deadline) <= wall_ns() + *ahead_ns;
}

/* A wake-up between two slices is lost to nobody: the caller's mutex is held then. */
int cnd_timedwait(cnd_t *restrict cond, mtx_t *restrict mutex, const struct timespec *restrict deadline)
{
	for (;;) {
		struct timespec until = next_look(deadline);
		int r = real_cnd_wait(cond, mutex, &until);

		if (r != thrd_timedout || is_past(deadline))
			return r;
	}
}
