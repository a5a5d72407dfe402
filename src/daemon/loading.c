#include "daemon/loading.h"
#include "base/log.h"
#include "kafka/property_check.h"

struct config *loading_read(const struct options *options, enum config_purpose purpose,
    struct config_findings *findings, int *exit_code)
{
	return config_load(
	    options->config_file, options->conf_d, purpose, property_check, findings, exit_code);
}

void loading_log(const struct config_findings *findings)
{
	for (size_t i = 0; i < findings->count; i++) {
		if (findings->items[i].is_error)
			log_error(&LOG_NOWHERE, "%s", findings->items[i].text);
		else
			log_warning(&LOG_NOWHERE, "%s", findings->items[i].text);
	}
}
