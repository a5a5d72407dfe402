#include "core/call_watch.h"

/* Of the time between two looks: more is not the thread's. */
static const int64_t look_max_us = 2000000;

static void begin(struct call_watch *watch, const char *doing, uint64_t signs)
{
	watch->doing = doing;
	watch->signs = signs;
	watch->silent_us = 0;
	watch->told = false;
}

enum call_news call_watch_look(struct call_watch *watch, const char *doing, uint64_t signs, bool excused,
    int64_t overstays_us, int64_t now_us)
{
	int64_t elapsed_us = now_us - watch->looked_us;

	watch->looked_us = now_us;
	if (doing != watch->doing || signs != watch->signs) {
		/* The next look begins with the call that there is then: this one is only told the end of. */
		if (watch->told) {
			watch->told = false;
			return CALL_RETURNED;
		}
		begin(watch, doing, signs);
		return CALL_NO_NEWS;
	}
	if (!doing || excused)
		return CALL_NO_NEWS;
	watch->silent_us += elapsed_us < look_max_us ? elapsed_us : look_max_us;
	if (watch->told || watch->silent_us < overstays_us)
		return CALL_NO_NEWS;
	watch->told = true;
	return CALL_OVERSTAYS;
}
