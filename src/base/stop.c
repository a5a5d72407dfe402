#include "base/stop.h"
#include <signal.h>
#include <stddef.h>
#include <time.h>

static sigset_t stop_signals(void)
{
	sigset_t signals;

	sigemptyset(&signals);
	sigaddset(&signals, SIGTERM);
	sigaddset(&signals, SIGINT);
	return signals;
}

void stop_prepare(void)
{
	sigset_t signals = stop_signals();

	sigprocmask(SIG_BLOCK, &signals, NULL);
}

bool stop_requested(void)
{
	static const struct timespec at_once = { 0, 0 };
	sigset_t signals = stop_signals();

	return sigtimedwait(&signals, NULL, &at_once) > 0;
}

void stop_wait(void)
{
	sigset_t signals = stop_signals();
	int signal_number;

	sigwait(&signals, &signal_number);
}
