"""A partition that librdkafka does not fetch any more, and says nothing about: it is seen, told, and read again. What looks
like one and is none is left alone."""

import re

import pytest

from harness.aloqd import aloqctl
from harness.config import relay
from harness.fetching import Fetching, why_no_shim
from harness.reader import read_topic
from harness.trial import TRIALS, Trial
from harness.waiting import eventually
from harness.workload import fill, new_producer, send, small_record

needs_shim = pytest.mark.skipif(why_no_shim() is not None, reason=str(why_no_shim()))

PARTITIONS = 4
OLD, NEW = 400, 200
# A silence is asked about after a second, and a stall after three.
SOON = ["topic.metadata.refresh.interval.ms=1000", "socket.timeout.ms=3000"]
ASKS = "asks where their logs end"


@pytest.fixture
def fetching():
    made = Fetching()
    yield made
    made.close()


def numbered(start, count):
    return [small_record(index) for index in range(start, start + count)]


def relaying(kafka, topic, aloqd, fetching, delivery="at_least_once", partitions=PARTITIONS):
    """It has relayed some records, and stands at the ends."""
    trial = TRIALS[delivery](kafka, topic, partitions)
    daemon = aloqd(trial.settings(from_properties=SOON))
    daemon.environment.update(fetching.environment)
    daemon.start_ready().await_assigned(partitions)
    fill(kafka.brokers, trial.source, numbered(0, OLD), partitions)
    trial.await_caught_up(daemon)
    return trial, daemon


def stalls_told(daemon):
    return re.findall(r"librdkafka does not fetch .*", daemon.log_text())


@needs_shim
@pytest.mark.parametrize("delivery", ["at_least_once", "at_most_once", "exactly_once"])
def test_a_partition_that_is_not_fetched_any_more_is_told_and_read_again(kafka, topic, aloqd, fetching, delivery):
    trial, daemon = relaying(kafka, topic, aloqd, fetching, delivery)
    fetching.halt(1)
    fill(kafka.brokers, trial.source, numbered(OLD, NEW), PARTITIONS)
    lag, stands_at = NEW // PARTITIONS, OLD // PARTITIONS

    def is_told(pipeline):
        behind = [(p["partition"], p["mark"], p["lag"]) for p in pipeline["partitions"] if p["lag"] != 0]
        return behind == [(1, stands_at, lag)] and pipeline["lag"] == lag
    daemon.await_pipeline(is_told, "the lag tells what nobody has fetched", timeout_s=20)
    trial.await_caught_up(daemon, timeout_s=30)
    pipeline = daemon.pipeline()
    assert pipeline["source_stalls"] == 1 and pipeline["state"] == "running", daemon.brief()
    assert 'aloqd_source_stalls_total{pipeline="relay"} 1' in daemon.get("/metrics")[1]
    (told,) = stalls_told(daemon)
    assert f"{trial.source} [1]" in told, told
    assert f"stands at offset {stands_at}, and the log ends at {stands_at + lag}" in told, told
    verdict = trial.finish(daemon)
    assert verdict.kept_exactly(), verdict


@needs_shim
def test_a_stall_that_does_not_end_is_told_again_and_ever_more_seldom(kafka, topic, aloqd, fetching):
    trial, daemon = relaying(kafka, topic, aloqd, fetching)
    fetching.refuse_resume()
    fetching.halt(2)
    fill(kafka.brokers, trial.source, numbered(OLD, NEW), PARTITIONS)
    times_ms = []
    for count in (1, 2, 3):
        daemon.await_pipeline(lambda p, count=count: p["source_stalls"] == count, f"{count} stalls", timeout_s=60)
        times_ms.append(next(p["last_error_at_ms"] for p in daemon.partitions().values() if p["partition"] == 2))
    # The lag stays true, and it is no secret that this partition does not move.
    assert daemon.pipeline()["lag"] == NEW // PARTITIONS, daemon.brief()
    assert times_ms[2] - times_ms[1] > 1.5 * (times_ms[1] - times_ms[0]), times_ms
    assert "once more, as the last time has not helped" in stalls_told(daemon)[1]
    daemon.await_pipeline(lambda p: p["stuck"] and f"{trial.source} [2]" in p["stuck"], "it is said to be stuck")

    # A stop does not wait for it.
    trial.stop_clean(daemon)
    fetching.refuse_resume(False)
    daemon.start_ready()
    verdict = trial.finish(daemon)
    assert verdict.kept_exactly(), verdict


@needs_shim
def test_an_order_to_fetch_is_not_overtaken(kafka, topic, aloqd, fetching):
    """librdkafka drops it, then, and never fetches the partition. To be read anew, all partitions are assigned anew, and
    the orders to fetch them come from librdkafka's own thread, which is slow here between numbering and queueing one."""
    trial, daemon = relaying(kafka, topic, aloqd, fetching)
    fetching.refuse_resume()
    fetching.halt(0)
    fill(kafka.brokers, trial.source, numbered(OLD, NEW), PARTITIONS)
    daemon.await_pipeline(lambda p: p["source_stalls"] == 1, "to read one anew alone does not help")
    fetching.refuse_resume(False)
    fetching.delay_starts(400)
    trial.await_caught_up(daemon, timeout_s=30)
    assert daemon.pipeline()["source_stalls"] == 2, stalls_told(daemon)
    fill(kafka.brokers, trial.source, numbered(OLD + NEW, NEW), PARTITIONS)
    trial.await_caught_up(daemon, timeout_s=20)
    assert daemon.pipeline()["source_stalls"] == 2, stalls_told(daemon)
    verdict = trial.finish(daemon)
    assert verdict.kept_exactly(), verdict


# ---- what is no stall ----

class Pipelines:
    """Several pipelines in one daemon, of one partition each. One is idle: it is asked about again and again, and so
    tells how much time the others had."""

    def __init__(self, kafka, topic):
        self.kafka, self.topic = kafka, topic
        self.settings = {"aloqd": {"log_level": "debug"}, "clusters": {}, "pipelines": {}}
        self.trials = {}

    def add(self, name, **settings):
        trial = Trial(self.kafka, lambda suffix: self.topic(f"{name}.{suffix}"))
        made = relay(self.kafka, trial.source, trial.target, name=name, group=trial.group, from_properties=SOON, **settings)
        self.settings["clusters"] = made["clusters"]
        self.settings["pipelines"].update(made["pipelines"])
        self.trials[name] = trial
        return trial

    def fill(self, name, start, count):
        fill(self.kafka.brokers, self.trials[name].source, numbered(start, count), 1)


def asked(daemon, name):
    """How often where the log of this pipeline's partition ends."""
    return len(re.findall(rf"\b{name}: .*{ASKS}", daemon.log_text()))


def partition_of(daemon, name):
    (partition,) = daemon.pipeline(name)["partitions"]
    return partition


def test_what_is_no_stall_is_left_alone(kafka, topic, aloqd):
    """Idle; behind an open transaction; at the end of a log of markers and of aborted records; paused, slow or blocked with
    records that wait."""
    pipelines = Pipelines(kafka, topic)
    for name in ("idle", "open", "aborted", "marked", "paused"):
        pipelines.add(name)
    pipelines.add("slow", rate={"records": 10})
    blocked = pipelines.add("blocked")
    kafka.alter_topic(blocked.target, max_message_bytes=1000)
    daemon = aloqd(pipelines.settings).start_ready()
    for name in pipelines.trials:
        daemon.await_pipeline(lambda p, name=name: len(daemon.pipeline(name)["partitions"]) == 1, f"{name} is assigned")
    daemon.await_ready()
    assert aloqctl(daemon, "pause", "paused").returncode == 0
    eventually(lambda: daemon.pipeline("paused")["state"] == "paused", 20, "it is paused")

    producers = {}
    for name in ("open", "aborted", "marked"):
        source = pipelines.trials[name].source
        pipelines.fill(name, 0, 10)
        producers[name] = producer = new_producer(kafka.brokers, transactional_id=source)
        producer.init_transactions(30)
        producer.begin_transaction()
        for record in numbered(100, 20):
            send(producer, source, 0, record)
        producer.flush(30)
        if name == "aborted":
            producer.abort_transaction(30)
        elif name == "marked":
            producer.commit_transaction(30)
    pipelines.fill("idle", 0, 10)
    pipelines.fill("paused", 0, 100)
    pipelines.fill("slow", 0, 1000)
    fill(kafka.brokers, blocked.source, [*numbered(0, 5), small_record(5, size_bytes=5000), *numbered(6, 50)], 1)
    eventually(lambda: daemon.pipeline("blocked")["state"] == "blocked", 30, lambda: f"it is blocked:\n{daemon.log_tail()}")

    before = asked(daemon, "idle")
    eventually(lambda: asked(daemon, "idle") >= before + 10, 60, lambda: f"it is asked about:\n{daemon.log_tail()}")
    for name in ("open", "aborted", "marked"):
        assert asked(daemon, name) >= 5, f"{name}: nobody has looked, and nothing was tested"
    for name in pipelines.trials:
        assert daemon.pipeline(name)["source_stalls"] == 0, (name, daemon.log_tail())
    for name, end in (("idle", 10), ("open", 10), ("aborted", 31), ("marked", 31)):
        assert partition_of(daemon, name)["mark"] == end, (name, partition_of(daemon, name))
    for name in ("paused", "slow", "blocked"):
        assert partition_of(daemon, name)["lag"] > 0, (name, partition_of(daemon, name))

    # And they go on.
    assert aloqctl(daemon, "resume", "paused").returncode == 0
    producers["open"].commit_transaction(30)
    for name, count in (("open", 30), ("paused", 100)):
        eventually(lambda name=name, count=count: daemon.pipeline(name)["counters"]["acked_records"] == count, 30,
                   lambda name=name: f"{name}: {daemon.pipeline(name)}")
        target = read_topic(kafka, pipelines.trials[name].target).records
        assert sum(map(len, target.values())) == count
    assert daemon.terminate() == 0, daemon.log_tail()
