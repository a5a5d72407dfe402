/* Who may do what, as far as a client may ask that about itself: librdkafka 2.3 has the requests for it. */
#include "kafka/audit_internal.h"
#include "config.h"
#include <string.h>
#include "base/cleanup.h"
#include "base/memory.h"
#include "kafka/client.h"
#include "kafka/group_members.h"

#ifdef HAVE_RD_KAFKA_DESCRIBETOPICS
static void take_operations(
    struct audit_operations *operations, const rd_kafka_AclOperation_t *listed, size_t count)
{
	operations->known = listed != NULL;
	for (size_t i = 0; i < count && listed; i++) {
		switch (listed[i]) {
		case RD_KAFKA_ACL_OPERATION_ALL:
			operations->allowed = ~0u;
			break;
		case RD_KAFKA_ACL_OPERATION_READ:
			operations->allowed |= AUDIT_READ;
			break;
		case RD_KAFKA_ACL_OPERATION_WRITE:
			operations->allowed |= AUDIT_WRITE;
			break;
		case RD_KAFKA_ACL_OPERATION_CREATE:
			operations->allowed |= AUDIT_CREATE;
			break;
		case RD_KAFKA_ACL_OPERATION_ALTER:
			operations->allowed |= AUDIT_ALTER;
			break;
		case RD_KAFKA_ACL_OPERATION_IDEMPOTENT_WRITE:
			operations->allowed |= AUDIT_IDEMPOTENT_WRITE;
			break;
		default:
			break; /* of no concern here */
		}
	}
}

static void with_operations(struct audit_request *request)
{
	rd_kafka_error_t *error =
	    rd_kafka_AdminOptions_set_include_authorized_operations(request->options, 1);

	if (error)
		rd_kafka_error_destroy(error); /* then they are not told, and count as unknown */
}

static void take_topics(struct audit_cluster *cluster, rd_kafka_event_t *event)
{
	size_t count = 0;
	const rd_kafka_TopicDescription_t **topics =
	    rd_kafka_DescribeTopics_result_topics(rd_kafka_event_DescribeTopics_result(event), &count);

	for (size_t i = 0; i < count; i++) {
		size_t listed_count = 0;
		const rd_kafka_AclOperation_t *listed =
		    rd_kafka_TopicDescription_authorized_operations(topics[i], &listed_count);

		if (rd_kafka_error_code(rd_kafka_TopicDescription_error(topics[i])))
			continue;
		for (size_t k = 0; k < cluster->topic_count; k++)
			if (!strcmp(cluster->topics[k].name, rd_kafka_TopicDescription_name(topics[i])))
				take_operations(&cluster->topics[k].operations, listed, listed_count);
	}
}

static void ask_topic_operations(rd_kafka_t *client, struct audit_cluster *cluster)
{
	_cleanup_free_ const char **names = xcalloc(cluster->topic_count, sizeof *names);
	rd_kafka_TopicCollection_t *topics;
	struct audit_request request;
	rd_kafka_event_t *event;
	size_t count = 0;

	for (size_t i = 0; i < cluster->topic_count; i++)
		if (cluster->topics[i].presence == AUDIT_PRESENT)
			names[count++] = cluster->topics[i].name;
	if (count == 0)
		return;
	topics = rd_kafka_TopicCollection_of_topic_names(names, count);
	audit_request_begin(&request, client, RD_KAFKA_ADMIN_OP_DESCRIBETOPICS);
	with_operations(&request);
	rd_kafka_DescribeTopics(client, topics, request.options, request.queue);
	event = audit_request_end(&request);
	if (event && !rd_kafka_event_error(event))
		take_topics(cluster, event);
	if (event)
		rd_kafka_event_destroy(event);
	rd_kafka_TopicCollection_destroy(topics);
}

static void ask_cluster_operations(rd_kafka_t *client, struct audit_cluster *cluster)
{
	struct audit_request request;
	rd_kafka_event_t *event;
	size_t count = 0;

	audit_request_begin(&request, client, RD_KAFKA_ADMIN_OP_DESCRIBECLUSTER);
	with_operations(&request);
	rd_kafka_DescribeCluster(client, request.options, request.queue);
	event = audit_request_end(&request);
	if (event && !rd_kafka_event_error(event)) {
		const rd_kafka_AclOperation_t *listed = rd_kafka_DescribeCluster_result_authorized_operations(
		    rd_kafka_event_DescribeCluster_result(event), &count);

		take_operations(&cluster->operations, listed, count);
	}
	if (event)
		rd_kafka_event_destroy(event);
}

static void take_group(struct audit_facts *facts, rd_kafka_event_t *event)
{
	size_t count = 0;
	const rd_kafka_ConsumerGroupDescription_t **groups = rd_kafka_DescribeConsumerGroups_result_groups(
	    rd_kafka_event_DescribeConsumerGroups_result(event), &count);
	const rd_kafka_AclOperation_t *listed;
	size_t listed_count = 0;

	if (count != 1 || rd_kafka_error_code(rd_kafka_ConsumerGroupDescription_error(groups[0])))
		return;
	listed = rd_kafka_ConsumerGroupDescription_authorized_operations(groups[0], &listed_count);
	take_operations(&facts->group_operations, listed, listed_count);
}

static void ask_group_operations(rd_kafka_t *client, struct audit_facts *facts)
{
	const char *group = facts->pipeline->from.group;
	struct audit_request request;
	rd_kafka_event_t *event;

	audit_request_begin(&request, client, RD_KAFKA_ADMIN_OP_DESCRIBECONSUMERGROUPS);
	with_operations(&request);
	rd_kafka_DescribeConsumerGroups(client, &group, 1, request.options, request.queue);
	event = audit_request_end(&request);
	if (event && !rd_kafka_event_error(event))
		take_group(facts, event);
	if (event)
		rd_kafka_event_destroy(event);
}
#else
static void ask_topic_operations(rd_kafka_t *client, struct audit_cluster *cluster)
{
	(void)client;
	(void)cluster;
}

static void ask_cluster_operations(rd_kafka_t *client, struct audit_cluster *cluster)
{
	(void)client;
	(void)cluster;
}

static void ask_group_operations(rd_kafka_t *client, struct audit_facts *facts)
{
	(void)client;
	(void)facts;
}
#endif

void audit_ask_access(rd_kafka_t *client, struct audit_cluster *cluster)
{
	if (audit_is_unguarded(cluster))
		return;
	ask_topic_operations(client, cluster);
	ask_cluster_operations(client, cluster);
}

/* ---- the group ---- */

/* librdkafka goes on asking for the group's coordinator when it may not know it, and says so in the group's
 * queue. */
static bool was_denied(rd_kafka_t *reader)
{
	rd_kafka_queue_t *queue = rd_kafka_queue_get_consumer(reader);
	rd_kafka_event_t *event;
	bool denied = false;

	while ((event = rd_kafka_queue_poll(queue, 0)) != NULL) {
		denied =
		    denied || rd_kafka_event_error(event) == RD_KAFKA_RESP_ERR_GROUP_AUTHORIZATION_FAILED;
		rd_kafka_event_destroy(event);
	}
	rd_kafka_queue_destroy(queue);
	return denied;
}

/* Who may not see a group may not be in it either. Asked in its name, by a client that never joins: see
 * preflight_topics.c. */
static rd_kafka_resp_err_t ask_committed(struct audit_facts *facts)
{
	static const int timeouts_ms[] = { AUDIT_GLANCE_MS, AUDIT_REQUEST_TIMEOUT_MS };
	struct error err;
	rd_kafka_t *reader = client_new_group_reader(facts->pipeline, &err);
	rd_kafka_topic_partition_list_t *list;
	rd_kafka_resp_err_t code = RD_KAFKA_RESP_ERR__TIMED_OUT;

	if (!reader)
		return RD_KAFKA_RESP_ERR__FAIL; /* the asking client had the same settings */
	list = rd_kafka_topic_partition_list_new((int)facts->source.topic_count);
	for (size_t i = 0; i < facts->source.topic_count; i++)
		rd_kafka_topic_partition_list_add(list, facts->source.topics[i].name, 0);
	for (size_t i = 0; i < 2 && code && code != RD_KAFKA_RESP_ERR_GROUP_AUTHORIZATION_FAILED; i++) {
		code = list->cnt > 0 ? rd_kafka_committed(reader, list, timeouts_ms[i])
		                     : RD_KAFKA_RESP_ERR_NO_ERROR;
		if (code && was_denied(reader))
			code = RD_KAFKA_RESP_ERR_GROUP_AUTHORIZATION_FAILED;
	}
	rd_kafka_topic_partition_list_destroy(list);
	rd_kafka_destroy(reader);
	return code;
}

static void add_member(void *context, const char *client_id, const char *host)
{
	audit_member_add(context, client_id, host);
}

void audit_ask_group(rd_kafka_t *client, struct audit_facts *facts)
{
	rd_kafka_resp_err_t code = ask_committed(facts);

	facts->group = AUDIT_PRESENT;
	if (code == RD_KAFKA_RESP_ERR_GROUP_AUTHORIZATION_FAILED)
		facts->group = AUDIT_HIDDEN;
	else if (code)
		facts->group_unknown = xstrdup(rd_kafka_err2str(code));
	if (code)
		return;
	code = group_members_ask(client, facts->pipeline->from.group, AUDIT_REQUEST_TIMEOUT_MS, add_member, facts);
	if (code)
		facts->members_unknown = xstrdup(rd_kafka_err2str(code));
	/* Brokers that know nothing of groups are not asked the newer request: see group_members.c. */
	if (code != RD_KAFKA_RESP_ERR__UNSUPPORTED_FEATURE && !audit_is_unguarded(&facts->source))
		ask_group_operations(client, facts);
}
