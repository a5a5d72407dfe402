/* call_watch.h: sees that another thread is in a call that does not return. Pure; the caller owns the clock, and looks at
 * least every second. */
#pragma once
#include <stdbool.h>
#include <stdint.h>

struct call_watch {
	const char *doing; /* what the call is for, in words; NULL: there is none */
	uint64_t signs;	   /* as of the last look */
	int64_t looked_us;
	int64_t silent_us; /* how long the thread has been in the call, as far as it counts */
	bool told;
};

enum call_news {
	CALL_NO_NEWS,
	CALL_OVERSTAYS, /* said once of a call: it is in it for longer than overstays_us */
	CALL_RETURNED,	/* one that has overstayed; the watch still tells which, and how long it took */
};

/* The thread does this (NULL: nothing, it waits for work), and has given so many signs of life. excused: there is a reason
 * known why it takes its time, so that it does not count. Neither does a time in which nobody looked: then the whole
 * process stood still. */
enum call_news call_watch_look(struct call_watch *watch, const char *doing, uint64_t signs, bool excused,
    int64_t overstays_us, int64_t now_us);
