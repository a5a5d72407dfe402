#include "kafka/fetch_waker.h"
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include "base/cleanup.h"
#include "kafka/client.h"

void fetch_waker_prepare(
    struct fetch_waker *waker, rd_kafka_t *consumer, uint64_t prefetch_records, uint64_t prefetch_bytes)
{
	_cleanup_free_ char *mechanism = client_setting(consumer, "sasl.mechanisms");

	*waker = (struct fetch_waker){
		.consumer = consumer,
		.needed = !client_library_at_least(2, 2, 0),
		.wake_records = prefetch_records / 4 + 1,
		.wake_bytes = prefetch_bytes / 4,
		.username = client_setting(consumer, "sasl.username"),
		.password = client_setting(consumer, "sasl.password"),
	};
	/* Kerberos has no credentials to set. Its name is the default of the property, also without SASL: only a
	 * protocol with SASL tells. */
	if (waker->needed && !strcmp(mechanism, "GSSAPI")) {
		_cleanup_free_ char *protocol = client_setting(consumer, "security.protocol");

		waker->needed = strncasecmp(protocol, "sasl", 4) != 0;
	}
}

void fetch_waker_clear(struct fetch_waker *waker)
{
	if (waker->password)
		explicit_bzero(waker->password, strlen(waker->password));
	free(waker->username);
	free(waker->password);
	*waker = (struct fetch_waker){ 0 };
}

void fetch_waker_wake(struct fetch_waker *waker)
{
	rd_kafka_error_t *error;

	if (!waker->needed || (waker->records < waker->wake_records && waker->bytes < waker->wake_bytes))
		return;
	waker->records = 0;
	waker->bytes = 0;
	error = rd_kafka_sasl_set_credentials(waker->consumer, waker->username, waker->password);
	if (error)
		rd_kafka_error_destroy(error);
}
