# src/kafka: the only folder that includes librdkafka's headers.
libkafka_a_SOURCES = \
	src/kafka/library.c src/kafka/library.h \
	src/kafka/mock_cluster.c src/kafka/mock_cluster.h \
	src/kafka/group_members.c src/kafka/group_members.h \
	src/kafka/group_offsets.c src/kafka/group_offsets.h \
	src/kafka/tool_client.c src/kafka/tool_client.h \
	src/kafka/topic_reader.c src/kafka/topic_reader.h \
	src/kafka/topic_writer.c src/kafka/topic_writer.h
libkafka_a_SOURCES += \
	src/kafka/audit.c src/kafka/audit.h src/kafka/audit_internal.h \
	src/kafka/audit_ask.c src/kafka/audit_ask_access.c src/kafka/audit_ask_configs.c \
	src/kafka/audit_facts.c src/kafka/audit_facts.h \
	src/kafka/audit_findings.c src/kafka/audit_findings.h \
	src/kafka/audit_judge.c src/kafka/audit_judge.h \
	src/kafka/audit_judge_access.c src/kafka/audit_judge_cluster.c \
	src/kafka/audit_judge_members.c src/kafka/audit_judge_topics.c \
	src/kafka/client.c src/kafka/client.h \
	src/kafka/cluster_ids.c src/kafka/cluster_ids.h \
	src/kafka/commit_answers.c src/kafka/commit_answers.h \
	src/kafka/dead_letter.c \
	src/kafka/error_class.c src/kafka/error_class.h \
	src/kafka/fetch_waker.c src/kafka/fetch_waker.h \
	src/kafka/leader_epoch.c src/kafka/leader_epoch.h \
	src/kafka/leaders.c src/kafka/leaders.h \
	src/kafka/log_ends.c src/kafka/log_ends.h \
	src/kafka/positions.c src/kafka/positions.h \
	src/kafka/preflight.c src/kafka/preflight.h src/kafka/preflight_internal.h \
	src/kafka/preflight_targets.c src/kafka/preflight_topics.c \
	src/kafka/probe.c src/kafka/probe.h src/kafka/property_check.c src/kafka/property_check.h \
	src/kafka/property_sides.c src/kafka/property_sides.h \
	src/kafka/record.h src/kafka/record_fingerprint.c src/kafka/record_fingerprint.h \
	src/kafka/record_size.c src/kafka/record_size.h \
	src/kafka/security.c src/kafka/security.h \
	src/kafka/group_token.c src/kafka/group_token.h \
	src/kafka/settings.c src/kafka/settings.h \
	src/kafka/sink.c src/kafka/sink.h src/kafka/sink_internal.h \
	src/kafka/sink_headers.c src/kafka/sink_client.c src/kafka/sink_transaction.c \
	src/kafka/source.c src/kafka/source.h src/kafka/source_internal.h \
	src/kafka/source_assignment.c src/kafka/source_commits.c src/kafka/source_doubts.c src/kafka/source_positions.c \
	src/kafka/source_prefetch.c src/kafka/source_reading.c src/kafka/source_stalls.c src/kafka/source_topics.c \
	src/kafka/start_notice.c src/kafka/start_notice.h \
	src/kafka/topic_id.c src/kafka/topic_id.h \
	src/kafka/topic_match.c src/kafka/topic_match.h \
	src/kafka/topic_memory.c src/kafka/topic_memory.h
