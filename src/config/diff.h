/* diff.h: what a configuration that is read anew changes, key by key, as the key table knows them: a key that
 * is added there is compared. Pure. */
#pragma once
#include "config/config.h"

/* Would the pipeline do the same by both? All its keys are compared, and all of the clusters that it names,
 * with what is in files that they name and is kept secret; where a value is written does not matter, nor
 * which configuration it is from. Returns NULL, or the first key that differs: "to.linger",
 * "clusters.main.brokers". The caller frees. */
char *diff_pipeline(const struct config_pipeline *one, const struct config_pipeline *other);

/* For the keys that a start alone applies: gives fresh, which nobody else holds yet, the value that runs, so
 * that it says what is. Each that was another one is told in a sentence. */
void diff_keep_running(const struct config *running, struct config *fresh,
    void (*told)(void *context, const char *sentence), void *context);
