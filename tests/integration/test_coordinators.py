"""exactly_once when the broker that coordinates the group is gone: the offsets reach the transaction through another one.
From 2.10 on librdkafka forgets a broker that the cluster's metadata leave out, and does not look for another coordinator
as long as nothing happens to its connections (src/kafka/settings.c)."""

import pytest
from confluent_kafka import KafkaException

from chaos.kafka_tools import coordinator
from harness.library import libraries, library_version
from harness.trial import ExactTrial
from harness.waiting import eventually
from harness.workload import fill, small_record

# From this one on.
FORGETS_BROKERS_SINCE = (2, 10)


@pytest.fixture(params=["system", "newer"])
def environment(request):
    if request.param not in libraries():
        pytest.skip("ALOQD_NEWER_LIBRDKAFKA does not name the directory of a newer librdkafka")
    return libraries()[request.param]


def has_another_coordinator(cluster, group, node):
    try:
        return coordinator(cluster, "__consumer_offsets", group) not in (node, -1)
    except KafkaException:  # the client has asked the one that is gone
        return False


def test_another_broker_takes_the_offsets_when_the_groups_coordinator_is_gone(kafka3, topic, aloqd, environment):
    trial = ExactTrial(kafka3, topic, 3)
    kafka3.commit(trial.group, trial.source, {0: 0})  # __consumer_offsets is there now
    daemon = aloqd(trial.settings(aloqd_log_level="debug",
                                  # It learns soon that the broker is gone, and does not forget who coordinated the group.
                                  to_properties=["topic.metadata.refresh.interval.ms=500", "metadata.max.age.ms=900000",
                                                 "debug=broker"]))
    daemon.environment.update(environment)
    daemon.start_ready()
    fill(kafka3.brokers, trial.source, map(small_record, range(300)), 3)
    trial.await_caught_up(daemon)
    node = coordinator(kafka3, "__consumer_offsets", trial.group)
    kafka3.stop_node(node, hard=True)
    try:
        eventually(lambda: has_another_coordinator(kafka3, trial.group, node), 60,
                   f"another than node {node} coordinates the group")
        if library_version(environment.get("LD_LIBRARY_PATH")) >= FORGETS_BROKERS_SINCE:
            eventually(lambda: "Decommissioning this broker" in daemon.log_text(), 30, daemon.brief)
        fill(kafka3.brokers, trial.source, map(small_record, range(300, 600)), 3)
        trial.await_caught_up(daemon, timeout_s=60)
    finally:
        kafka3.start_node(node)
    verdict = trial.finish(daemon)
    assert verdict.compared == 600 and verdict.kept_exactly(), verdict
