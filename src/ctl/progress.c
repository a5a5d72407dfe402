#include "ctl/progress.h"
#include <inttypes.h>
#include <stdio.h>
#include <unistd.h>
#include "base/clock.h"

enum { WIDTH = 30, STEPS_PER_LOOK = 1024 };
static const int64_t redraw_us = 100 * USEC_PER_MSEC;

static void draw(const struct progress *progress, int64_t now_us)
{
	uint64_t done = progress->done < progress->total ? progress->done : progress->total;
	int filled = progress->total > 0 ? (int)(done * WIDTH / progress->total) : WIDTH;
	char bar[WIDTH + 1];

	for (int i = 0; i < WIDTH; i++)
		bar[i] = i < filled ? '#' : '-';
	bar[WIDTH] = '\0';
	fprintf(stderr, "\r%s [%s] %3" PRIu64 " %%  %.0f/s\033[K", progress->what, bar,
	    progress->total > 0 ? done * 100 / progress->total : 100,
	    (double)progress->done * (double)USEC_PER_SEC / (double)(now_us - progress->begun_us + 1));
	fflush(stderr);
}

void progress_begin(struct progress *progress, const char *what, uint64_t total)
{
	int64_t now_us = clock_monotonic_us();

	*progress = (struct progress){
		.shown = isatty(STDERR_FILENO) == 1, .what = what, .total = total, .begun_us = now_us, .drawn_us = now_us
	};
	if (progress->shown)
		draw(progress, now_us);
}

void progress_step(struct progress *progress, uint64_t count)
{
	int64_t now_us;

	progress->done += count;
	if (!progress->shown || ++progress->steps % STEPS_PER_LOOK != 0)
		return;
	now_us = clock_monotonic_us();
	if (now_us - progress->drawn_us < redraw_us)
		return;
	progress->drawn_us = now_us;
	draw(progress, now_us);
}

void progress_end(struct progress *progress)
{
	if (progress->shown)
		fputs("\r\033[K", stderr);
	progress->shown = false;
}
