#include "kafka/group_members.h"

/* By the old request: a client that has asked for the newer DescribeConsumerGroups of brokers that do not know it (those
 * of aloq-sandbox) hangs or aborts when it is destroyed, at least up to librdkafka 2.8 (#3663, #4605). */
rd_kafka_resp_err_t group_members_ask(rd_kafka_t *client, const char *group, int timeout_ms,
    void (*add)(void *context, const char *client_id, const char *host), void *context)
{
	const struct rd_kafka_group_list *list;
	rd_kafka_resp_err_t code = rd_kafka_list_groups(client, group, &list, timeout_ms);

	if (code && code != RD_KAFKA_RESP_ERR__PARTIAL)
		return code;
	/* One broker lists it, its coordinator: when that has, no other is missing. A group that nobody has been in is in
	 * no list. */
	for (int i = 0; i < list->group_cnt; i++) {
		const struct rd_kafka_group_info *found = &list->groups[i];

		code = found->err;
		for (int k = 0; k < found->member_cnt && !code; k++)
			add(context, found->members[k].client_id, found->members[k].client_host);
	}
	rd_kafka_group_list_destroy(list);
	return code;
}
