/* default_values.h: the defaults that are made and not written: from names and from the system. */
#pragma once

/* Each is fresh memory that the caller frees. */

/* The consumer group of a pipeline: aloqd-NAME. */
char *default_group(const char *pipeline_name);

/* control.sock in $RUNTIME_DIRECTORY, which systemd sets, else in /run/aloqd. */
char *default_control(void);

/* An id of this machine (not machine-id itself, which is not meant for the network), with $ALOQD_INSTANCE,
 * which the unit aloqd@.service sets: MACHINE or MACHINE-INSTANCE. What the key `instance` does not take
 * becomes '_'. */
char *default_instance(void);

/* What that is for this machine (its id, or its host name) and this name of the unit's instance (NULL or
 * empty: none). Pure. */
char *default_instance_of(const char *machine, const char *name);
