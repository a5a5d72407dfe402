#include "kafka/error_class.h"
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>

struct error_class {
	rd_kafka_resp_err_t code;
	enum error_remedy remedy;
	enum report_outcome outcome;
	const char *advice; /* what a person can do; NULL: nothing to add */
};

static const struct error_class classes[] = {
	/* The record is at fault. */
	{ RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE, REMEDY_SKIP, REPORT_REFUSED,
	    "raise max.message.bytes of the target topic" },
	/* max.message.bytes would have let it in. */
	{ RD_KAFKA_RESP_ERR_RECORD_LIST_TOO_LARGE, REMEDY_SKIP, REPORT_REFUSED,
	    "it does not fit into one segment of the target's log: raise segment.bytes of the target topic" },
	{ RD_KAFKA_RESP_ERR_INVALID_RECORD, REMEDY_SKIP, REPORT_REFUSED,
	    "the target topic refuses it (a compacted topic takes no record without a key; message.timestamp.* "
	    "bounds timestamps); change the topic" },
	/* Its checksum was wrong: of the record, or of what the network made of it. */
	{ RD_KAFKA_RESP_ERR_INVALID_MSG, REMEDY_RETRY, REPORT_REFUSED,
	    "the target's broker took it for damaged: see its log" },
	{ RD_KAFKA_RESP_ERR_INVALID_MSG_SIZE, REMEDY_SKIP, REPORT_REFUSED,
	    "the target's broker took it for damaged: see its log" },
	{ RD_KAFKA_RESP_ERR_INVALID_TIMESTAMP, REMEDY_SKIP, REPORT_REFUSED,
	    "see message.timestamp.* of the target topic" },

	/* The target refuses all. */
	{ RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED, REMEDY_PERSON, REPORT_STOP,
	    "give the user an ACL for this topic" },
	{ RD_KAFKA_RESP_ERR_GROUP_AUTHORIZATION_FAILED, REMEDY_PERSON, REPORT_STOP,
	    "give the user an ACL with READ on this group" },
	{ RD_KAFKA_RESP_ERR_CLUSTER_AUTHORIZATION_FAILED, REMEDY_PERSON, REPORT_STOP,
	    "give the user the ACL that this needs on the cluster" },
	{ RD_KAFKA_RESP_ERR_TRANSACTIONAL_ID_AUTHORIZATION_FAILED, REMEDY_PERSON, REPORT_STOP,
	    "give the user an ACL with WRITE on this transactional id" },
	{ RD_KAFKA_RESP_ERR_INVALID_TRANSACTION_TIMEOUT, REMEDY_PERSON, REPORT_STOP,
	    "raise transaction.max.timeout.ms of the target's brokers to 15000 at least" },
	{ RD_KAFKA_RESP_ERR_SASL_AUTHENTICATION_FAILED, REMEDY_PERSON, REPORT_STOP,
	    "check the user's name, password and mechanism" },
	{ RD_KAFKA_RESP_ERR__AUTHENTICATION, REMEDY_PERSON, REPORT_STOP,
	    "check the user's name, password and mechanism" },
	{ RD_KAFKA_RESP_ERR_UNSUPPORTED_SASL_MECHANISM, REMEDY_PERSON, REPORT_STOP, "check the mechanism" },
	{ RD_KAFKA_RESP_ERR__UNSUPPORTED_FEATURE, REMEDY_PERSON, REPORT_STOP, "the brokers are too old for it" },
	{ RD_KAFKA_RESP_ERR_TOPIC_EXCEPTION, REMEDY_PERSON, REPORT_STOP,
	    "no client may write to a topic of this name: change to.topic" },
	{ RD_KAFKA_RESP_ERR_UNSUPPORTED_FOR_MESSAGE_FORMAT, REMEDY_PERSON, REPORT_STOP,
	    "raise message.format.version of the target topic to 0.11 or later" },
	{ RD_KAFKA_RESP_ERR_INVALID_REQUIRED_ACKS, REMEDY_PERSON, REPORT_STOP, "check to.acks" },
	{ RD_KAFKA_RESP_ERR_POLICY_VIOLATION, REMEDY_PERSON, REPORT_STOP, "the cluster's policy forbids it" },
	{ RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART, REMEDY_RESTART, REPORT_STOP,
	    "the topic is gone; it is looked for again" },
	{ RD_KAFKA_RESP_ERR__UNKNOWN_TOPIC, REMEDY_RESTART, REPORT_STOP,
	    "the topic is gone; it is looked for again" },
	{ RD_KAFKA_RESP_ERR__UNKNOWN_PARTITION, REMEDY_RESTART, REPORT_STOP,
	    "the topic has no such partition (any more); its partitions are counted again" },
	{ RD_KAFKA_RESP_ERR_FENCED_INSTANCE_ID, REMEDY_RESTART, REPORT_STOP,
	    "another instance has taken this one's place in the group by the same name: give each its own "
	    "aloqd.instance, then restart aloqd" },
	{ RD_KAFKA_RESP_ERR_INCONSISTENT_GROUP_PROTOCOL, REMEDY_PERSON, REPORT_STOP,
	    "another member of the group has another partition.assignment.strategy, which all must share: stop the "
	    "pipeline on all hosts, give all the same, and start them" },

	/* The client is of no use any more; a new one may be. */
	{ RD_KAFKA_RESP_ERR__FATAL, REMEDY_RESTART, REPORT_RETRY, NULL },
	{ RD_KAFKA_RESP_ERR__FENCED, REMEDY_RESTART, REPORT_RETRY, NULL },
};

static const struct error_class *class_of(rd_kafka_resp_err_t code)
{
	for (size_t i = 0; i < sizeof classes / sizeof classes[0]; i++)
		if (classes[i].code == code)
			return &classes[i];
	return NULL;
}

enum error_remedy error_class_remedy(rd_kafka_resp_err_t code)
{
	const struct error_class *class = class_of(code);

	if (!code)
		return REMEDY_NONE;
	return class ? class->remedy : REMEDY_RETRY;
}

enum report_outcome error_class_outcome(rd_kafka_resp_err_t code)
{
	const struct error_class *class = class_of(code);

	if (!code)
		return REPORT_ACKED;
	return class ? class->outcome : REPORT_RETRY;
}

static int set(struct error *err, rd_kafka_resp_err_t code, const char *words, const char *context)
{
	const struct error_class *class = class_of(code);
	const char *advice = class ? class->advice : NULL;

	error_set(err, -EIO, error_class_remedy(code), "%s: %s (%s)%s%s", context, words, rd_kafka_err2name(code),
	    advice ? "; " : "", advice ? advice : "");
	if (err)
		err->name = rd_kafka_err2name(code);
	return -EIO;
}

int error_class_set(struct error *err, rd_kafka_resp_err_t code, const char *format, ...)
{
	char context[512];
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(context, sizeof context, format, arguments);
	va_end(arguments);
	return set(err, code, rd_kafka_err2str(code), context);
}

int error_class_set_object(struct error *err, rd_kafka_error_t *object, const char *format, ...)
{
	char context[512];
	va_list arguments;
	int r;

	va_start(arguments, format);
	vsnprintf(context, sizeof context, format, arguments);
	va_end(arguments);
	r = set(err, rd_kafka_error_code(object), rd_kafka_error_string(object), context);
	rd_kafka_error_destroy(object);
	return r;
}
