/* error_class.h: what librdkafka's and Kafka's error codes mean to a relay. One table for all of src/kafka. */
#pragma once
#include <librdkafka/rdkafka.h>
#include "base/error.h"
#include "core/flow.h"

/* Who can mend it. Unknown codes count as transient: to wait loses nothing. */
enum error_remedy error_class_remedy(rd_kafka_resp_err_t code);

/* What a delivery report with this code says of the record. */
enum report_outcome error_class_outcome(rd_kafka_resp_err_t code);

/* Fills err from a code: "context: librdkafka's words; what to do". Returns a negative errno. */
int error_class_set(struct error *err, rd_kafka_resp_err_t code, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* The same from an error object, which it destroys. */
int error_class_set_object(struct error *err, rd_kafka_error_t *object, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
