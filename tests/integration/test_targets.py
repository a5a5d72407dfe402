"""The target: made, waited for, too narrow, or refusing a record."""

import random
import re

import pytest
from harness.aloqd import aloqctl
from harness.config import relay
from harness.reader import read_topic
from harness.trial import Trial
from harness.waiting import holds_for
from harness.workload import CREATED, EPOCH_MS, Record, fill, fill_mixed, small_record


def test_a_target_with_fewer_partitions_under_same_is_refused_before_the_first_record(kafka, topic, aloqd):
    trial = Trial(kafka, topic, 6, target_partitions=4)
    fill_mixed(kafka.brokers, trial.source, 600, 6)
    daemon = aloqd(trial.settings()).start()
    pipeline = daemon.await_state("failed", "backing_off")
    for word in (trial.source, trial.target, "6", "4"):
        assert word in pipeline["reason"], pipeline["reason"]
    assert daemon.get("/readyz")[0] == 503
    assert sum(kafka.log_ends(trial.target).values()) == 0
    assert set(trial.committed().values()) <= {0}
    # What it says to do about it, does.
    assert 'then run "aloqctl start relay"' in pipeline["reason"], pipeline["reason"]
    kafka.grow_topic(trial.target, 6)
    assert aloqctl(daemon, "start", "relay").returncode == 0
    verdict = trial.finish(daemon)
    assert verdict.kept_exactly(), verdict


def test_to_create_makes_the_target(kafka, topic, aloqd):
    source, target = kafka.create_topic(topic("in"), 3), topic("out")
    fill_mixed(kafka.brokers, source, 300, 3)
    daemon = aloqd(relay(kafka, source, target, to_create={
        "partitions": 5, "replication_factor": 1, "properties": ["retention.ms=123456789"]})).start_ready()
    daemon.await_pipeline(lambda p: p["counters"]["acked_records"] == 300, "300 records acknowledged")
    assert daemon.terminate() == 0
    assert len(kafka.partitions(target)) == 5
    assert kafka.topic_config(target)["retention.ms"] == "123456789"


def test_to_create_takes_the_sources_partitions_unless_told(kafka, topic, aloqd):
    source, target = kafka.create_topic(topic("in"), 3), topic("out")
    fill_mixed(kafka.brokers, source, 300, 3)
    daemon = aloqd(relay(kafka, source, target, to_create={"replication_factor": 1})).start_ready()
    daemon.await_pipeline(lambda p: p["counters"]["acked_records"] == 300, "300 records acknowledged")
    assert daemon.terminate() == 0
    assert len(kafka.partitions(target)) == 3


def test_a_missing_target_is_waited_for_with_the_command_that_makes_it(kafka, topic, aloqd):
    source, target = kafka.create_topic(topic("in"), 3), topic("out")
    fill_mixed(kafka.brokers, source, 300, 3)
    daemon = aloqd(relay(kafka, source, target)).start()
    reason = daemon.await_state("backing_off")["reason"]
    assert "kafka-topics" in reason and "--create" in reason and target in reason and "3" in reason, reason
    assert daemon.get("/readyz")[0] == 503
    holds_for(lambda: not kafka.topic_exists(target), 1.0, "nobody makes it behind the operator's back")
    kafka.create_topic(target, 3)
    daemon.await_ready()
    daemon.await_pipeline(lambda p: p["counters"]["acked_records"] == 300, "300 records acknowledged")
    assert daemon.terminate() == 0


def test_a_missing_source_is_waited_for(kafka, topic, aloqd):
    source, target = topic("in"), kafka.create_topic(topic("out"), 2)
    daemon = aloqd(relay(kafka, source, target)).start()
    assert source in daemon.await_state("backing_off")["reason"]
    kafka.create_topic(source, 2)
    fill_mixed(kafka.brokers, source, 100, 2)
    daemon.await_ready()
    daemon.await_pipeline(lambda p: p["counters"]["acked_records"] == 100, "100 records acknowledged")
    assert daemon.terminate() == 0


def test_a_target_deleted_while_relaying_is_waited_for_and_loses_nothing_new(kafka, topic, aloqd):
    trial = Trial(kafka, topic, 2)
    fill(kafka.brokers, trial.source, map(small_record, range(1000)), 2)
    daemon = aloqd(trial.settings()).start_ready()
    trial.await_caught_up(daemon)
    kafka.delete_topic(trial.target)
    fill(kafka.brokers, trial.source, map(small_record, range(1000, 2000)), 2)
    daemon.await_pipeline(lambda p: p["state"] != "running", "the pipeline says that its target is gone", 60)
    kafka.create_topic(trial.target, 2)
    daemon.await_ready(60)
    trial.await_caught_up(daemon)
    trial.stop_clean(daemon)
    relayed = read_topic(kafka, trial.target).records
    assert {int(r.key) for records in relayed.values() for r in records} >= set(range(1000, 2000))


def blocked_by(kafka, trial, daemon, poison, partition, at, words):
    """Waits for the one blocked partition, and checks that it stopped exactly there while others go on."""
    reason = daemon.await_state("blocked")["reason"]
    assert reason.startswith(f"a partition waits for a person: {trial.source} [{partition}] at offset {at}:"), reason
    assert reason.endswith("; decide with aloqctl unblock"), reason
    assert "restart" not in reason, "the other partitions would be held up for nothing"
    blocked = daemon.partitions(state="blocked")
    assert set(blocked) == {(trial.source, partition)}, blocked
    assert words in blocked[(trial.source, partition)]["error"], blocked
    # Known to be refused before it is sent: what lies before it may still be on its way then.
    daemon.await_pipeline(lambda p: all(q["mark"] == at for q in p["partitions"] if q["partition"] == partition),
                          "the blocked partition settles all before the record")
    others = {number: end for number, end in kafka.log_ends(trial.source).items() if number != partition}
    daemon.await_pipeline(lambda p: all(q["mark"] == others[q["partition"]] for q in p["partitions"]
                                        if q["partition"] in others), "the others go on to their end")
    status, said = daemon.get("/readyz")
    assert status == 503 and "blocked" in said, said
    daemon.terminate()
    assert "; 1 partition is blocked and waits for a person, everything else" in daemon.log_text(), daemon.log_tail()
    relayed = read_topic(kafka, trial.target).records[partition]
    assert relayed == read_topic(kafka, trial.source).records[partition][:at], "all before it, nothing after"
    assert poison not in relayed
    assert trial.committed()[partition] == at


def test_a_record_too_large_for_the_target_blocks_its_partition_alone(kafka, topic, aloqd):
    trial = Trial(kafka, topic, 3)
    kafka.alter_topic(trial.target, max_message_bytes=5000)
    poison = Record(b"large", b"x" * 20_000, (), CREATED, EPOCH_MS - 1)
    records = [small_record(index) for index in range(3000)]
    records[1501] = poison  # round robin: partition 1, offset 500
    fill(kafka.brokers, trial.source, records, 3)
    daemon = aloqd(trial.settings()).start()
    blocked_by(kafka, trial, daemon, poison, partition=1, at=500, words="max.message.bytes")
    # A person widens the target; the next start goes on where it stopped.
    kafka.alter_topic(trial.target, max_message_bytes=100_000)
    daemon.start_ready()
    assert trial.finish(daemon).kept_exactly()


# Each takes five million bytes, and no batch that is larger than a segment.
SMALL_SEGMENTS = {"max_message_bytes": 5_000_000, "segment_bytes": 1 << 20}


def incompressible(index, size_bytes, key=None):
    return Record(key, random.Random(index).randbytes(size_bytes), (), CREATED, EPOCH_MS + index)


def trial_of_a_record_that_no_segment_holds(kafka, topic):
    """The record is at offset 250 of partition 1, among 1000."""
    trial = Trial(kafka, topic, 2)
    kafka.alter_topic(trial.source, max_message_bytes=5_000_000)
    kafka.alter_topic(trial.target, **SMALL_SEGMENTS)
    poison = incompressible(501, 2_000_000, b"large")
    fill(kafka.brokers, trial.source, (poison if index == 501 else small_record(index) for index in range(1000)), 2,
         message_max_bytes=5_000_000)
    return trial, poison


@pytest.mark.parametrize("on_error", ["block", "skip", "dead_letter"])
def test_a_record_that_no_segment_of_the_target_holds_is_refused_alone(kafka, topic, aloqd, on_error):
    """It is below max.message.bytes: the broker refuses it by another name."""
    trial, poison = trial_of_a_record_that_no_segment_holds(kafka, topic)
    dead = kafka.create_topic(topic("dead"), 1, max_message_bytes=5_000_000)
    daemon = aloqd(trial.settings(on_error=on_error, **({"dead_letter": dead} if on_error == "dead_letter" else {}))).start()
    if on_error == "block":
        blocked_by(kafka, trial, daemon, poison, partition=1, at=250, words="segment.bytes")
        return
    trial.await_caught_up(daemon)
    trial.stop_clean(daemon)
    relayed = read_topic(kafka, trial.target).records
    assert sorted(int(r.key) for records in relayed.values() for r in records) == \
        [index for index in range(1000) if index != 501]
    assert re.search(r"offset 250.*RECORD_LIST_TOO_LARGE", daemon.log_text()), daemon.log_tail()
    letters = [(letter.key, letter.value, dict(letter.headers)["aloqd.error.code"])
               for letter in read_topic(kafka, dead).records[0]]
    assert letters == ([(poison.key, poison.value, b"RECORD_LIST_TOO_LARGE")] if on_error == "dead_letter" else [])


def test_a_dead_letter_that_no_segment_of_its_topic_holds_blocks_its_partition_alone(kafka, topic, aloqd):
    trial, poison = trial_of_a_record_that_no_segment_holds(kafka, topic)
    dead = kafka.create_topic(topic("dead"), 1, **SMALL_SEGMENTS)
    daemon = aloqd(trial.settings(on_error="dead_letter", dead_letter=dead)).start()
    blocked_by(kafka, trial, daemon, poison, partition=1, at=250, words="the topic for dead letters refuses it too: ")
    assert kafka.log_ends(dead) == {0: 0}


def test_a_batch_of_good_records_is_not_larger_than_a_segment_of_the_target(kafka, topic, aloqd):
    """Each of them fits; four million bytes of them do not."""
    trial = Trial(kafka, topic, 1)
    kafka.alter_topic(trial.target, **SMALL_SEGMENTS)
    fill(kafka.brokers, trial.source, (incompressible(index, 100_000, b"%d" % index) for index in range(200)), 1)
    daemon = aloqd(trial.settings(to_linger="500ms", to_properties=["batch.size=4000000"])).start_ready()
    trial.await_caught_up(daemon)
    assert trial.finish(daemon).kept_exactly()
    assert "segment size" not in daemon.log_text(), "a batch was refused: " + daemon.log_tail()


def test_a_record_without_key_for_a_compacted_target_blocks_its_partition_alone(kafka, topic, aloqd):
    trial = Trial(kafka, topic, 3)
    kafka.alter_topic(trial.target, cleanup_policy="compact")
    poison = Record(None, b"no key", (), CREATED, EPOCH_MS - 1)
    records = [small_record(index) for index in range(3000)]
    records[902] = poison  # partition 2, offset 300
    fill(kafka.brokers, trial.source, records, 3)
    daemon = aloqd(trial.settings()).start()
    blocked_by(kafka, trial, daemon, poison, partition=2, at=300,
               words="without a key")
