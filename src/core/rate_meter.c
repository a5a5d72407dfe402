#include "core/rate_meter.h"
#include "base/clock.h"

#define SAMPLE_US USEC_PER_SEC

static size_t index_of_oldest(const struct rate_meter *meter)
{
	return (meter->next + RATE_METER_SAMPLES - meter->filled) % RATE_METER_SAMPLES;
}

static void take_sample(struct rate_meter *meter, uint64_t count, int64_t now_us)
{
	meter->samples[meter->next].at_us = now_us;
	meter->samples[meter->next].count = count;
	meter->next = (meter->next + 1) % RATE_METER_SAMPLES;
	if (meter->filled < RATE_METER_SAMPLES)
		meter->filled++;
}

int64_t rate_meter_look(struct rate_meter *meter, uint64_t count, int64_t now_us)
{
	size_t newest = (meter->next + RATE_METER_SAMPLES - 1) % RATE_METER_SAMPLES;
	size_t oldest;
	int64_t elapsed_us;

	if (meter->filled == 0 || now_us - meter->samples[newest].at_us >= SAMPLE_US)
		take_sample(meter, count, now_us);
	oldest = index_of_oldest(meter);
	elapsed_us = now_us - meter->samples[oldest].at_us;
	if (elapsed_us < SAMPLE_US)
		return -1;
	return (int64_t)((double)(count - meter->samples[oldest].count) * (double)USEC_PER_SEC / (double)elapsed_us + 0.5);
}
