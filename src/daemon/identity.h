/* identity.h: who answers: shown by the status JSON and the metrics. */
#pragma once

struct identity {
	const char *version;         /* of aloqd */
	const char *library_version; /* of the librdkafka that is loaded */
	const char *instance;        /* aloqd.instance of the config */
};
