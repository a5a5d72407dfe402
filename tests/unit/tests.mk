# tests/unit

if HAVE_CMOCKA
sandbox_tests = tests/unit/test_sandbox_audit tests/unit/test_order
check_PROGRAMS += $(sandbox_tests)
TESTS += $(sandbox_tests)
tests_unit_test_sandbox_audit_SOURCES = tests/unit/test_sandbox_audit.c
tests_unit_test_sandbox_audit_LDADD = libsandbox.a libbase.a $(CMOCKA_LIBS)
tests_unit_test_order_SOURCES = tests/unit/test_order.c
tests_unit_test_order_LDADD = libsandbox.a libctl.a libbase.a $(YAJL_LIBS) $(CMOCKA_LIBS)
endif

if HAVE_CMOCKA
core_tests = tests/unit/test_backoff tests/unit/test_call_watch tests/unit/test_commit_policy tests/unit/test_histogram \
	tests/unit/test_offset_tracker tests/unit/test_partition_wait tests/unit/test_pipeline_state tests/unit/test_prefetch_turns \
	tests/unit/test_rate_limit tests/unit/test_rate_meter tests/unit/test_topic_pattern
check_PROGRAMS += $(core_tests)
TESTS += $(core_tests)
tests_unit_test_backoff_SOURCES = tests/unit/test_backoff.c
tests_unit_test_backoff_LDADD = libcore.a libbase.a $(CMOCKA_LIBS)
tests_unit_test_call_watch_SOURCES = tests/unit/test_call_watch.c
tests_unit_test_call_watch_LDADD = libcore.a $(CMOCKA_LIBS)
tests_unit_test_commit_policy_SOURCES = tests/unit/test_commit_policy.c
tests_unit_test_commit_policy_LDADD = libcore.a libbase.a $(CMOCKA_LIBS)
tests_unit_test_histogram_SOURCES = tests/unit/test_histogram.c
tests_unit_test_histogram_LDADD = libcore.a libbase.a $(CMOCKA_LIBS)
tests_unit_test_offset_tracker_SOURCES = tests/unit/test_offset_tracker.c
tests_unit_test_offset_tracker_LDADD = libcore.a libbase.a $(CMOCKA_LIBS)
tests_unit_test_prefetch_turns_SOURCES = tests/unit/test_prefetch_turns.c
tests_unit_test_prefetch_turns_LDADD = libcore.a libbase.a $(CMOCKA_LIBS)
tests_unit_test_partition_wait_SOURCES = tests/unit/test_partition_wait.c
tests_unit_test_partition_wait_LDADD = libcore.a libbase.a $(CMOCKA_LIBS)
tests_unit_test_pipeline_state_SOURCES = tests/unit/test_pipeline_state.c
tests_unit_test_pipeline_state_LDADD = libcore.a libbase.a $(CMOCKA_LIBS)
tests_unit_test_rate_limit_SOURCES = tests/unit/test_rate_limit.c
tests_unit_test_rate_limit_LDADD = libcore.a libbase.a $(CMOCKA_LIBS)
tests_unit_test_rate_meter_SOURCES = tests/unit/test_rate_meter.c
tests_unit_test_rate_meter_LDADD = libcore.a libbase.a $(CMOCKA_LIBS)
tests_unit_test_topic_pattern_SOURCES = tests/unit/test_topic_pattern.c
tests_unit_test_topic_pattern_LDADD = libcore.a libbase.a $(CMOCKA_LIBS)
endif

check_PROGRAMS += tests/unit/test_offset_tracker_model
TESTS += tests/unit/test_offset_tracker_model
tests_unit_test_offset_tracker_model_SOURCES = tests/unit/test_offset_tracker_model.c
tests_unit_test_offset_tracker_model_LDADD = libcore.a libbase.a

# The fuzz targets need them, too.
config_tests_files = tests/unit/config_files.c tests/unit/config_files.h
if HAVE_CMOCKA
config_tests = tests/unit/test_config_diff tests/unit/test_config_errors tests/unit/test_config_generated \
	tests/unit/test_config_hostile \
	tests/unit/test_config_keys tests/unit/test_config_security tests/unit/test_config_values \
	tests/unit/test_redact
check_PROGRAMS += $(config_tests)
TESTS += $(config_tests)
config_tests_libs = libconf.a libcore.a libbase.a $(LIBCONFIG_LIBS) $(SYSTEMD_LIBS) $(CMOCKA_LIBS)
tests_unit_test_config_diff_SOURCES = tests/unit/test_config_diff.c $(config_tests_files)
tests_unit_test_config_diff_LDADD = $(config_tests_libs)
tests_unit_test_config_errors_SOURCES = tests/unit/test_config_errors.c tests/unit/config_mistakes.h \
	$(config_tests_files)
tests_unit_test_config_errors_LDADD = $(config_tests_libs)
tests_unit_test_config_generated_SOURCES = tests/unit/test_config_generated.c $(config_generator) \
	$(config_tests_files)
tests_unit_test_config_generated_CPPFLAGS = $(AM_CPPFLAGS) -I$(srcdir)/tests
tests_unit_test_config_generated_LDADD = $(config_tests_libs)
tests_unit_test_config_hostile_SOURCES = tests/unit/test_config_hostile.c $(config_tests_files)
tests_unit_test_config_hostile_LDADD = $(config_tests_libs)
tests_unit_test_config_keys_SOURCES = tests/unit/test_config_keys.c
tests_unit_test_config_keys_CPPFLAGS = $(AM_CPPFLAGS) -DSAMPLE_FILE=\"$(srcdir)/etc/aloqd.conf\"
tests_unit_test_config_keys_LDADD = $(config_tests_libs)
tests_unit_test_config_security_SOURCES = tests/unit/test_config_security.c $(config_tests_files)
tests_unit_test_config_security_LDADD = $(config_tests_libs)
tests_unit_test_redact_SOURCES = tests/unit/test_redact.c
tests_unit_test_redact_LDADD = $(config_tests_libs)
tests_unit_test_config_values_SOURCES = tests/unit/test_config_values.c $(config_tests_files)
tests_unit_test_config_values_CPPFLAGS = $(AM_CPPFLAGS) -DSAMPLE_FILE=\"$(srcdir)/etc/aloqd.conf\"
tests_unit_test_config_values_LDADD = $(config_tests_libs)
endif

if HAVE_CMOCKA
daemon_tests = tests/unit/test_ctl_call tests/unit/test_ctl_client tests/unit/test_ctl_status tests/unit/test_ctl_watch tests/unit/test_daemon tests/unit/test_daemon_pages \
	tests/unit/test_daemon_waits tests/unit/test_http tests/unit/test_http_hostile \
	tests/unit/test_manual tests/unit/test_members tests/unit/test_status_page \
	tests/unit/test_supervisor tests/unit/test_supervisor_orders \
	tests/unit/test_supervisor_reload
fake_pipeline = tests/unit/fake_pipeline.c tests/unit/fake_pipeline.h
check_PROGRAMS += $(daemon_tests)
TESTS += $(daemon_tests)
tests_unit_test_ctl_call_SOURCES = tests/unit/test_ctl_call.c
tests_unit_test_ctl_call_LDADD = $(tests_unit_test_ctl_status_LDADD)
tests_unit_test_ctl_watch_SOURCES = tests/unit/test_ctl_watch.c
tests_unit_test_ctl_watch_LDADD = $(tests_unit_test_ctl_status_LDADD)
tests_unit_test_ctl_client_SOURCES = tests/unit/test_ctl_client.c
tests_unit_test_ctl_client_LDADD = $(tests_unit_test_ctl_status_LDADD)
tests_unit_test_ctl_status_SOURCES = tests/unit/test_ctl_status.c
tests_unit_test_ctl_status_LDADD = libctl.a libkafka.a libconf.a libcore.a libbase.a $(CURL_LIBS) $(RDKAFKA_LIBS) \
	$(LIBCONFIG_LIBS) $(YAJL_LIBS) $(SYSTEMD_LIBS) $(CMOCKA_LIBS)
tests_unit_test_daemon_SOURCES = tests/unit/test_daemon.c $(fake_pipeline) $(config_tests_files)
tests_unit_test_daemon_LDADD = libdaemon.a libkafka.a libconf.a libcore.a libbase.a $(RDKAFKA_LIBS) \
	$(LIBCONFIG_LIBS) $(YAJL_LIBS) $(MICROHTTPD_LIBS) $(SYSTEMD_LIBS) $(CMOCKA_LIBS)
tests_unit_test_daemon_pages_SOURCES = tests/unit/test_daemon_pages.c
tests_unit_test_daemon_pages_LDADD = libdaemon.a libcore.a libbase.a $(YAJL_LIBS) $(CMOCKA_LIBS)
tests_unit_test_daemon_waits_SOURCES = tests/unit/test_daemon_waits.c
tests_unit_test_daemon_waits_LDADD = libdaemon.a libcore.a libbase.a $(YAJL_LIBS) $(CMOCKA_LIBS)
tests_unit_test_members_SOURCES = tests/unit/test_members.c
tests_unit_test_members_LDADD = libdaemon.a libcore.a libbase.a $(YAJL_LIBS) $(CMOCKA_LIBS)
tests_unit_test_status_page_SOURCES = tests/unit/test_status_page.c
tests_unit_test_status_page_LDADD = libdaemon.a libcore.a libbase.a $(YAJL_LIBS) $(CMOCKA_LIBS)
tests_unit_test_http_SOURCES = tests/unit/test_http.c
tests_unit_test_http_LDADD = libdaemon.a libbase.a $(MICROHTTPD_LIBS) $(SYSTEMD_LIBS) $(CMOCKA_LIBS)
tests_unit_test_http_hostile_SOURCES = tests/unit/test_http_hostile.c
tests_unit_test_http_hostile_LDADD = $(tests_unit_test_http_LDADD)
tests_unit_test_manual_SOURCES = tests/unit/test_manual.c $(config_tests_files)
tests_unit_test_manual_CPPFLAGS = $(AM_CPPFLAGS) -DMANUAL_DIR=\"$(srcdir)/man\"
tests_unit_test_manual_LDADD = libdaemon.a $(config_tests_libs)
tests_unit_test_supervisor_SOURCES = tests/unit/test_supervisor.c $(fake_pipeline)
tests_unit_test_supervisor_LDADD = libdaemon.a libkafka.a libconf.a libcore.a libbase.a $(LIBCONFIG_LIBS) \
	$(SYSTEMD_LIBS) $(CMOCKA_LIBS)
tests_unit_test_supervisor_orders_SOURCES = tests/unit/test_supervisor_orders.c $(fake_pipeline) \
	$(config_tests_files)
tests_unit_test_supervisor_orders_LDADD = $(tests_unit_test_supervisor_LDADD)
tests_unit_test_supervisor_reload_SOURCES = tests/unit/test_supervisor_reload.c $(fake_pipeline) \
	$(config_tests_files)
tests_unit_test_supervisor_reload_LDADD = $(tests_unit_test_supervisor_LDADD)
endif

if HAVE_CMOCKA
base_tests = tests/unit/test_delivery tests/unit/test_log tests/unit/test_units tests/unit/test_worker
check_PROGRAMS += $(base_tests)
TESTS += $(base_tests)
tests_unit_test_delivery_SOURCES = tests/unit/test_delivery.c
tests_unit_test_delivery_LDADD = libcore.a libbase.a $(CMOCKA_LIBS)
tests_unit_test_log_SOURCES = tests/unit/test_log.c
tests_unit_test_log_LDADD = libbase.a $(SYSTEMD_LIBS) $(CMOCKA_LIBS)
tests_unit_test_units_SOURCES = tests/unit/test_units.c
tests_unit_test_units_LDADD = libbase.a $(CMOCKA_LIBS)
tests_unit_test_worker_SOURCES = tests/unit/test_worker.c
tests_unit_test_worker_LDADD = libbase.a $(CMOCKA_LIBS)
endif

if HAVE_CMOCKA
kafka_tests = tests/unit/test_positions tests/unit/test_client tests/unit/test_engine \
	tests/unit/test_engine_facts tests/unit/test_engine_reading tests/unit/test_engine_refusal tests/unit/test_group_token \
	tests/unit/test_topic_id tests/unit/test_cluster_ids tests/unit/test_audit \
	tests/unit/test_audit_run tests/unit/test_explain tests/unit/test_leaders \
	tests/unit/test_record_fingerprint tests/unit/test_record_size tests/unit/test_commit_answers \
	tests/unit/test_engine_commits tests/unit/test_source_topics tests/unit/test_source_doubts \
	tests/unit/test_source_stalls tests/unit/test_leader_epoch tests/unit/test_log_ends \
	tests/unit/test_source_assignment tests/unit/test_pipeline_calls
check_PROGRAMS += $(kafka_tests)
TESTS += $(kafka_tests)
tests_unit_test_audit_SOURCES = tests/unit/test_audit.c
tests_unit_test_audit_LDADD = libkafka.a libconf.a libcore.a libbase.a $(RDKAFKA_LIBS) $(LIBCONFIG_LIBS) \
	$(SYSTEMD_LIBS) $(CMOCKA_LIBS)
tests_unit_test_audit_run_SOURCES = tests/unit/test_audit_run.c
tests_unit_test_audit_run_LDADD = $(tests_unit_test_audit_LDADD)
tests_unit_test_explain_SOURCES = tests/unit/test_explain.c
tests_unit_test_explain_LDADD = libdaemon.a libkafka.a libconf.a libcore.a libbase.a $(RDKAFKA_LIBS) \
	$(LIBCONFIG_LIBS) $(SYSTEMD_LIBS) $(CMOCKA_LIBS)
tests_unit_test_leaders_SOURCES = tests/unit/test_leaders.c
tests_unit_test_leaders_LDADD = $(tests_unit_test_audit_LDADD)
tests_unit_test_log_ends_SOURCES = tests/unit/test_log_ends.c tests/unit/mock_client.c tests/unit/mock_client.h
tests_unit_test_log_ends_LDADD = $(tests_unit_test_audit_LDADD)
mock_source = tests/unit/mock_source.c tests/unit/mock_source.h tests/unit/mock_client.c tests/unit/mock_client.h
tests_unit_test_source_stalls_SOURCES = tests/unit/test_source_stalls.c $(mock_source)
tests_unit_test_source_stalls_LDADD = $(tests_unit_test_audit_LDADD)
tests_unit_test_source_assignment_SOURCES = tests/unit/test_source_assignment.c $(mock_source)
tests_unit_test_source_assignment_LDADD = $(tests_unit_test_audit_LDADD)
tests_unit_test_pipeline_calls_SOURCES = tests/unit/test_pipeline_calls.c $(mock_source)
tests_unit_test_pipeline_calls_LDADD = librelay.a libengine.a $(tests_unit_test_audit_LDADD)
tests_unit_test_source_topics_SOURCES = tests/unit/test_source_topics.c $(mock_source)
tests_unit_test_source_topics_LDADD = $(tests_unit_test_audit_LDADD)
tests_unit_test_source_doubts_SOURCES = tests/unit/test_source_doubts.c $(mock_source)
tests_unit_test_source_doubts_LDADD = $(tests_unit_test_audit_LDADD)
tests_unit_test_record_fingerprint_SOURCES = tests/unit/test_record_fingerprint.c
tests_unit_test_record_fingerprint_LDADD = $(tests_unit_test_audit_LDADD)
tests_unit_test_record_size_SOURCES = tests/unit/test_record_size.c
tests_unit_test_record_size_LDADD = $(tests_unit_test_audit_LDADD)
tests_unit_test_leader_epoch_SOURCES = tests/unit/test_leader_epoch.c
tests_unit_test_leader_epoch_LDADD = $(tests_unit_test_audit_LDADD)
tests_unit_test_commit_answers_SOURCES = tests/unit/test_commit_answers.c
tests_unit_test_commit_answers_LDADD = $(tests_unit_test_audit_LDADD)
tests_unit_test_group_token_SOURCES = tests/unit/test_group_token.c
tests_unit_test_group_token_LDADD = libkafka.a libconf.a libcore.a libbase.a $(RDKAFKA_LIBS) $(LIBCONFIG_LIBS) \
	$(SYSTEMD_LIBS) $(CMOCKA_LIBS)
tests_unit_test_topic_id_SOURCES = tests/unit/test_topic_id.c
tests_unit_test_topic_id_LDADD = libkafka.a libconf.a libcore.a libbase.a $(RDKAFKA_LIBS) $(LIBCONFIG_LIBS) \
	$(SYSTEMD_LIBS) $(CMOCKA_LIBS)
tests_unit_test_positions_SOURCES = tests/unit/test_positions.c
tests_unit_test_positions_LDADD = libkafka.a libconf.a libcore.a libbase.a $(RDKAFKA_LIBS) $(LIBCONFIG_LIBS) \
	$(SYSTEMD_LIBS) $(CMOCKA_LIBS)
tests_unit_test_engine_SOURCES = tests/unit/test_engine.c
tests_unit_test_engine_LDADD = libengine.a libcore.a libbase.a $(CMOCKA_LIBS)
tests_unit_test_engine_commits_SOURCES = tests/unit/test_engine_commits.c
tests_unit_test_engine_commits_LDADD = libengine.a libcore.a libbase.a $(CMOCKA_LIBS)
tests_unit_test_engine_facts_SOURCES = tests/unit/test_engine_facts.c
tests_unit_test_engine_facts_LDADD = libengine.a libcore.a libbase.a $(CMOCKA_LIBS)
tests_unit_test_engine_refusal_SOURCES = tests/unit/test_engine_refusal.c
tests_unit_test_engine_refusal_LDADD = libengine.a libcore.a libbase.a $(CMOCKA_LIBS)
tests_unit_test_cluster_ids_SOURCES = tests/unit/test_cluster_ids.c
tests_unit_test_cluster_ids_LDADD = libkafka.a libconf.a libcore.a libbase.a $(LIBCONFIG_LIBS) $(SYSTEMD_LIBS) \
	$(CMOCKA_LIBS)
tests_unit_test_engine_reading_SOURCES = tests/unit/test_engine_reading.c
tests_unit_test_engine_reading_LDADD = libengine.a libcore.a libbase.a $(CMOCKA_LIBS)
tests_unit_test_client_SOURCES = tests/unit/test_client.c
tests_unit_test_client_LDADD = libkafka.a libconf.a libcore.a libbase.a $(RDKAFKA_LIBS) $(LIBCONFIG_LIBS) \
	$(SYSTEMD_LIBS) $(CMOCKA_LIBS)
endif

if HAVE_CMOCKA
tools_tests = tests/unit/test_comparison tests/unit/test_provenance tests/unit/test_record_line
check_PROGRAMS += $(tools_tests)
TESTS += $(tools_tests)
tests_unit_test_comparison_SOURCES = tests/unit/test_comparison.c
tests_unit_test_comparison_LDADD = libctl.a libcore.a libbase.a $(CMOCKA_LIBS)
tests_unit_test_provenance_SOURCES = tests/unit/test_provenance.c
tests_unit_test_provenance_LDADD = libcore.a libbase.a $(CMOCKA_LIBS)
tests_unit_test_record_line_SOURCES = tests/unit/test_record_line.c
tests_unit_test_record_line_LDADD = $(tests_unit_test_ctl_status_LDADD)
endif
