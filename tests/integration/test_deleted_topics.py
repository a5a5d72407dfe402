"""One of several source topics is deleted under the relay: the others are relayed as if nothing had happened."""

import time

import pytest

from harness.checker import compare
from harness.config import relay
from harness.reader import read_topic
from harness.waiting import eventually
from harness.workload import Load, fill, small_record

# Rare enough that records of both topics wait for one commit.
COMMIT = {"records": 1_000_000_000, "interval": "4s"}
# Much longer than it takes. A transaction holds all its offsets or none, and those of a topic that is gone it can not: it is
# given up at the bound, and what it held is read again.
DRAIN_S = {"at_least_once": 60, "at_most_once": 60, "exactly_once": 3}


class Pair:
    """Two topics, copied by one pipeline: `kept`, and `doomed`, which is deleted."""

    def __init__(self, kafka, topic, aloqd, delivery, listed):
        self.kafka, stem = kafka, topic("t")
        # In this order: whoever blames both names the first.
        self.kept, self.doomed = (kafka.create_topic(f"{stem}-{name}", 2) for name in ("kept", "not-kept"))
        settings = relay(kafka, None, "copy.{topic}", group=topic("group"), delivery=delivery, commit=COMMIT,
                         sources=[self.kept, self.doomed] if listed else [f"^{stem}-.*"],
                         to_create={"replication_factor": 1}, revoke_timeout=f"{DRAIN_S[delivery]}s",
                         aloqd_drain_timeout="60s", from_on_gap="earliest")
        if delivery == "exactly_once":
            settings["pipelines"]["relay"]["to"]["cluster"] = "source"
            del settings["clusters"]["target"]
        self.daemon = aloqd(settings).start_ready()
        self.daemon.await_assigned(4)

    def verdict(self):
        return compare(read_topic(self.kafka, self.kept).records,
                       read_topic(self.kafka, f"copy.{self.kept}").records)


def committed_offsets(daemon, topic):
    return {number: p["committed"] for (name, number), p in daemon.partitions().items() if name == topic}


@pytest.mark.parametrize("listed", [True, False], ids=["listed", "matched"])
@pytest.mark.parametrize("delivery", ["at_least_once", "at_most_once", "exactly_once"])
def test_a_topic_that_is_deleted_costs_the_others_nothing(kafka, topic, aloqd, delivery, listed):
    pair = Pair(kafka, topic, aloqd, delivery, listed)
    daemon = pair.daemon
    with Load(kafka.brokers, pair.kept, 2, 2000) as load:
        daemon.await_acked(2000)
        # Right after a commit, so that the next one holds records of both.
        before = committed_offsets(daemon, pair.kept)
        eventually(lambda: committed_offsets(daemon, pair.kept) != before, 30, daemon.log_tail)
        fill(kafka.brokers, pair.doomed, map(small_record, range(200)), 2)
        eventually(lambda: sum(p["end"] for (name, _), p in daemon.partitions().items() if name == pair.doomed) == 200,
                   30, daemon.log_tail)
        assert not any(committed_offsets(daemon, pair.doomed).values()), "it was committed meanwhile: too slow"
        kafka.delete_topic(pair.doomed)
        began = time.monotonic()
        # It says so, and begins anew; where the topic was named it waits for it.
        daemon.await_pipeline(lambda p: p["restarts"] > 0, "it begins anew", timeout_s=120)
        took_s = time.monotonic() - began
        load.stop()
    assert pair.doomed in daemon.log_text()
    for line in daemon.log_text().splitlines():
        assert "UNKNOWN_TOPIC" not in line or pair.kept not in line, line
    assert took_s < 60, took_s
    assert delivery == "exactly_once" or daemon.counter("revoke_timeouts") == 0, daemon.brief()
    if listed:
        daemon.await_state("backing_off")
        kafka.create_topic(pair.doomed, 2)
    daemon.await_pipeline(lambda p: p["state"] == "running" and p["lag"] == 0, "all is relayed", timeout_s=90)
    assert daemon.counter("repeated_records") == 0, daemon.brief()
    assert daemon.terminate() == 0, daemon.log_tail()
    verdict = pair.verdict()
    assert verdict.compared == load.produced and verdict.kept_exactly(), (verdict, daemon.log_tail())
