/* default_values.h: the defaults that are made and not written: from names and from the system. */
#pragma once

/* Each is fresh memory that the caller frees. */

/* The consumer group of a pipeline: aloqd-NAME. */
char *default_group(const char *pipeline_name);

/* control.sock in $RUNTIME_DIRECTORY, which systemd sets, else in /run/aloqd. */
char *default_control(void);

/* An id of this machine (not machine-id itself, which is not meant for the network), with the instance of the
 * systemd unit where it has one: MACHINE or MACHINE-INSTANCE. */
char *default_instance(void);

/* What that is for this machine (its id, or its host name) and this systemd unit (NULL none). Pure. */
char *default_instance_of(const char *machine, const char *unit);
