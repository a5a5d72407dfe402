# tests/integration: pytest drives the built programs against a real Kafka. Not part of `make check`, which
# needs no JVM; scripts/test runs both.

# The daemon with fault points (src/base/fault_point.h), for tests alone. The layers that have some are compiled
# once more; the others are as they are.
check_PROGRAMS += tests/integration/aloqd-faults
tests_integration_aloqd_faults_CPPFLAGS = $(AM_CPPFLAGS) -DALOQD_FAULT_POINTS
tests_integration_aloqd_faults_SOURCES = src/base/fault_point.c \
	$(aloqd_SOURCES) $(libengine_a_SOURCES) $(libkafka_a_SOURCES) $(librelay_a_SOURCES)
tests_integration_aloqd_faults_LDADD = libdaemon.a libconf.a libcore.a libbase.a \
	$(RDKAFKA_LIBS) $(LIBCONFIG_LIBS) $(SYSTEMD_LIBS) $(YAJL_LIBS) $(MICROHTTPD_LIBS)
EXTRA_DIST += \
	examples/read-committed/README.md \
	examples/read-committed/run \
	scripts/kafka \
	scripts/lib/kafka-4.3.1.pom.xml \
	scripts/lib/kafka-4.3.1.sha256 \
	scripts/lib/kafka-classes.sh \
	scripts/lib/kafka-jars.sh \
	scripts/lib/kafka-nodes.sh \
	scripts/lib/kafka-tools-log4j2.properties
EXTRA_DIST += \
	tests/integration/chaos/__init__.py \
	tests/integration/chaos/__main__.py \
	tests/integration/chaos/bout.py \
	tests/integration/chaos/broker_faults.py \
	tests/integration/chaos/campaign.py \
	tests/integration/chaos/clock.py \
	tests/integration/chaos/clock_shim.c \
	tests/integration/chaos/daemon_faults.py \
	tests/integration/chaos/kafka_tools.py \
	tests/integration/chaos/network_faults.py \
	tests/integration/chaos/promise.py \
	tests/integration/chaos/record_faults.py \
	tests/integration/chaos/stall.py \
	tests/integration/conftest.py \
	tests/integration/harness/__init__.py \
	tests/integration/harness/aloqd.py \
	tests/integration/harness/browser.py \
	tests/integration/harness/checker.py \
	tests/integration/harness/cluster.py \
	tests/integration/harness/config.py \
	tests/integration/harness/demo.py \
	tests/integration/harness/fetch_shim.c \
	tests/integration/harness/fetching.py \
	tests/integration/harness/guarded.py \
	tests/integration/harness/library.py \
	tests/integration/harness/proxy.py \
	tests/integration/harness/reader.py \
	tests/integration/harness/tools.py \
	tests/integration/harness/trial.py \
	tests/integration/harness/unclean.py \
	tests/integration/harness/waiting.py \
	tests/integration/harness/workload.py \
	tests/integration/mutants.py \
	tests/integration/test_at_most_once.py \
	tests/integration/test_chaos.py \
	tests/integration/test_check_brokers.py \
	tests/integration/test_checker.py \
	tests/integration/test_config.py \
	tests/integration/test_cooperative.py \
	tests/integration/test_coordinators.py \
	tests/integration/test_daemon.py \
	tests/integration/test_delivery.py \
	tests/integration/test_deleted_topics.py \
	tests/integration/test_demo.py \
	tests/integration/test_demo_semantics.py \
	tests/integration/test_examples.py \
	tests/integration/test_exactly_once.py \
	tests/integration/test_fault_points.py \
	tests/integration/test_faults.py \
	tests/integration/test_hanging_calls.py \
	tests/integration/test_harness.py \
	tests/integration/test_kafka_script.py \
	tests/integration/test_members.py \
	tests/integration/test_on_error.py \
	tests/integration/test_others_proof.py \
	tests/integration/test_positions.py \
	tests/integration/test_prometheus.py \
	tests/integration/test_records.py \
	tests/integration/test_recreated.py \
	tests/integration/test_reload.py \
	tests/integration/test_resources.py \
	tests/integration/test_rate.py \
	tests/integration/test_security.py \
	tests/integration/test_stalls.py \
	tests/integration/test_steering.py \
	tests/integration/test_status_page.py \
	tests/integration/test_targets.py \
	tests/integration/test_tools.py \
	tests/integration/test_truncated.py \
	tests/integration/test_verify.py \
	tests/integration/test_topics.py
