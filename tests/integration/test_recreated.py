"""Source topics that are deleted and made again under the relay, or while it is away."""

import pytest

from harness.reader import read_topic
from harness.trial import Trial
from harness.workload import fill, small_record

OLD = 500
NEW = 100


def numbered(start, count):
    return [small_record(index) for index in range(start, start + count)]


def relayed_numbers(trial):
    """What the target holds, as the numbers that small_record() put in the keys."""
    return sorted(int(record.key) for records in read_topic(trial.to, trial.target).records.values()
                  for record in records)


def relaying(kafka, topic, aloqd, **settings):
    """A daemon that has relayed 0-499 of a topic that it has read since it was empty."""
    trial = Trial(kafka, topic, 1)
    daemon = aloqd(trial.settings(**settings)).start_ready()
    daemon.await_assigned(1)
    fill(kafka.brokers, trial.source, numbered(0, OLD), 1)
    trial.await_caught_up(daemon)
    return trial, daemon


def made_again(kafka, trial, records=NEW):
    """The topic again, with other records: 1000 and up."""
    kafka.create_topic(trial.source, trial.partitions)
    fill(kafka.brokers, trial.source, numbered(1000, records), trial.partitions)


# ---- under the relay ----

@pytest.mark.parametrize("start", ["latest", "earliest"])
def test_a_topic_made_again_under_the_relay_waits_for_a_person(kafka, topic, aloqd, start):
    trial, daemon = relaying(kafka, topic, aloqd, from_start=start)
    kafka.delete_topic(trial.source)
    made_again(kafka, trial)
    daemon.await_state("blocked")
    (blocked,) = daemon.partitions(state="blocked").values()
    assert "recreated" in blocked["error"], blocked
    daemon.terminate()
    assert relayed_numbers(trial) == list(range(OLD))


def test_a_topic_made_again_under_the_relay_is_relayed_where_on_gap_says_so(kafka, topic, aloqd):
    trial, daemon = relaying(kafka, topic, aloqd, from_start="latest", from_on_gap="earliest")
    kafka.delete_topic(trial.source)
    made_again(kafka, trial)
    daemon.await_pipeline(lambda p: p["counters"]["acked_records"] == OLD + NEW, "the new records are relayed")
    assert daemon.pipeline()["log_gaps"] == 1
    trial.stop_clean(daemon)
    assert relayed_numbers(trial) == [*range(OLD), *range(1000, 1000 + NEW)]
