"""Source topics that are deleted and made again under the relay, or while it is away."""

import re

import pytest

from harness.aloqd import run
from harness.reader import read_topic
from harness.trial import ExactTrial, Trial
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


NO_TOPIC_IDS = "librdkafka before 2.3 is told no topic ids; docs/guarantees.md says what is not seen then"


def knows_topic_ids():
    """From librdkafka 2.3 on: else a topic that has grown past the old offset looks like the old one."""
    version = re.search(r"librdkafka (\d+)\.(\d+)", run("-V")[1])
    return (int(version[1]), int(version[2])) >= (2, 3)


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


# ---- gone ----

def await_missed(daemon, trial):
    """It says within seconds that the topic is gone, and which."""
    daemon.await_pipeline(lambda p: p["state"] == "backing_off" and
                          f"source topic {trial.source} does not exist" in p["reason"],
                          "the state names the topic that is gone", timeout_s=15)


def test_a_deleted_topic_is_named_and_awaited(kafka, topic, aloqd):
    """Nothing is under way: no commit and no record tells that the topic is gone."""
    trial, daemon = relaying(kafka, topic, aloqd, from_start="latest", from_on_gap="earliest")
    daemon.await_pipeline(lambda p: p["partitions"][0]["committed"] == OLD, "all is committed")
    kafka.delete_topic(trial.source)
    await_missed(daemon, trial)
    made_again(kafka, trial)
    daemon.await_pipeline(lambda p: p["counters"]["acked_records"] == OLD + NEW, "the new records are relayed")
    daemon.await_state("running")
    assert daemon.pipeline()["log_gaps"] == 1
    trial.stop_clean(daemon)
    assert relayed_numbers(trial) == [*range(OLD), *range(1000, 1000 + NEW)]


@pytest.mark.parametrize("noticed", [True, False])
def test_an_open_transaction_commits_nothing_of_a_topic_that_is_gone(kafka, topic, aloqd, noticed):
    """Its offsets would be taken for those of the topic that is made in its place."""
    trial = ExactTrial(kafka, topic, 1)
    daemon = aloqd(trial.settings(commit={"records": 1_000_000_000, "interval": "9s"}, revoke_timeout="2s",
                                  from_on_gap="earliest")).start_ready()
    daemon.await_assigned(1)
    fill(kafka.brokers, trial.source, numbered(0, OLD), 1)
    daemon.await_pipeline(lambda p: p["counters"]["acked_records"] == OLD, "the transaction holds them all")
    kafka.delete_topic(trial.source)
    if noticed:
        await_missed(daemon, trial)
    made_again(kafka, trial)
    daemon.await_pipeline(lambda p: p["counters"]["acked_records"] >= OLD + NEW, "the new records are relayed")
    trial.stop_clean(daemon)
    assert relayed_numbers(trial) == list(range(1000, 1000 + NEW))
    assert trial.committed() == {0: NEW}


# ---- while the relay is away ----

def lines(daemon, level, *words):
    return [line for line in daemon.log_text().splitlines()
            if line.startswith(level) and all(word in line for word in words)]


@pytest.mark.parametrize("start, level", [("latest", "warning"), ("earliest", "notice")])
def test_a_start_without_committed_offsets_is_said(kafka, topic, aloqd, start, level):
    """Kafka has deleted them together with the topic, and says nothing."""
    trial, daemon = relaying(kafka, topic, aloqd, from_start=start)
    trial.stop_clean(daemon)
    kafka.delete_topic(trial.source)
    made_again(kafka, trial)
    said = len(lines(daemon, level, trial.source, f'from.start = "{start}" applies'))
    daemon.start_ready().await_assigned(1)
    assert len(lines(daemon, level, trial.source, f'from.start = "{start}" applies')) == said + 1, daemon.log_text()
    daemon.await_pipeline(lambda p: p["lag"] == 0, "all is relayed")
    trial.stop_clean(daemon)
    new = NEW if start == "earliest" else 0
    assert relayed_numbers(trial) == [*range(OLD), *range(1000, 1000 + new)]


def test_lost_offsets_of_one_topic_are_told_from_those_of_a_new_group(kafka, topic, aloqd):
    trial = Trial(kafka, topic, 1)
    other = kafka.create_topic(topic("other"), 1)
    settings = trial.settings(sources=[trial.source, other])
    fill(kafka.brokers, trial.source, numbered(0, 10), 1)
    fill(kafka.brokers, other, numbered(10, 10), 1)
    daemon = aloqd(settings).start_ready()
    daemon.await_pipeline(lambda p: p["counters"]["acked_records"] == 20, "both are relayed")
    trial.stop_clean(daemon)
    assert not lines(daemon, "warning", "from.start")
    kafka.delete_topic(other)
    kafka.create_topic(other, 1)
    daemon.start_ready().await_assigned(2)
    assert lines(daemon, "warning", f"source topic {other}", "from.start", f"some on {trial.source}"), daemon.log_text()
    trial.stop_clean(daemon)


# ---- grown past the old offset ----

def test_a_recreated_topic_that_has_grown_past_the_offset_is_told_by_its_id(kafka, topic, aloqd):
    if not knows_topic_ids():
        pytest.skip(NO_TOPIC_IDS)
    trial, daemon = relaying(kafka, topic, aloqd)
    kafka.delete_topic(trial.source)
    made_again(kafka, trial, 2 * OLD)
    daemon.await_state("blocked")
    (blocked,) = daemon.partitions(state="blocked").values()
    assert "recreated" in blocked["error"], blocked
    daemon.terminate()


def test_a_commit_that_outlived_its_topic_is_told_by_the_id_in_it(kafka, topic, aloqd):
    if not knows_topic_ids():
        pytest.skip(NO_TOPIC_IDS)
    trial, daemon = relaying(kafka, topic, aloqd)
    trial.stop_clean(daemon)
    # The broker that would delete the group's offsets may be down when the topic is deleted. Here: the id of another.
    stale = "aloqd1 topic=vPeOCWypqUOSepEvx0cbog"
    kafka.commit_with_metadata(trial.group, trial.source, 0, OLD // 2, stale)
    daemon.start().await_state("blocked")
    (blocked,) = daemon.partitions(state="blocked").values()
    assert "recreated" in blocked["error"] and "vPeOCWypqUOSepEvx0cbog" in blocked["error"], blocked
    daemon.terminate()
    assert trial.committed() == {0: OLD // 2} and len(relayed_numbers(trial)) == OLD


def test_what_others_wrote_into_a_commit_is_passed_over(kafka, topic, aloqd):
    trial = Trial(kafka, topic, 1)
    fill(kafka.brokers, trial.source, numbered(0, 10), 1)
    kafka.commit_with_metadata(trial.group, trial.source, 0, 4, "aloqd1 topic=%n%n%n%n%n%n%n%n%n%n%n " + "x" * 3000)
    daemon = aloqd(trial.settings()).start_ready()
    daemon.await_pipeline(lambda p: p["counters"]["acked_records"] == 6, "it goes on at the offset")
    trial.stop_clean(daemon)
    assert relayed_numbers(trial) == list(range(4, 10))
