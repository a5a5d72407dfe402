"""at_least_once on a real Kafka: all records, in order, byte for byte; what is repeated and when."""

import signal
import time

import pytest
from confluent_kafka import Consumer

from harness.checker import Place
from harness.config import QUICK_SESSION
from harness.reader import read_topic
from harness.trial import CommitAudit, Trial
from harness.waiting import eventually
from harness.workload import Load, fill, fill_mixed, small_record

PARTITIONS = 6


def test_200000_mixed_records_arrive_exactly_and_in_order(kafka, topic, aloqd):
    trial = Trial(kafka, topic, PARTITIONS)
    fill_mixed(kafka.brokers, trial.source, 200_000, PARTITIONS)
    daemon = aloqd(trial.settings()).start_ready()
    verdict = trial.finish(daemon)
    assert verdict.compared == 200_000 and verdict.kept_exactly(), verdict
    assert trial.committed() == kafka.log_ends(trial.source)


def test_sigterm_ten_times_under_load_loses_and_repeats_nothing(kafka, topic, aloqd):
    trial = Trial(kafka, topic, PARTITIONS)
    daemon = aloqd(trial.settings())
    with Load(kafka.brokers, trial.source, PARTITIONS, rate=10_000) as load:
        for _ in range(10):
            daemon.start_ready()
            daemon.await_acked(2000)
            produced = load.produced
            assert daemon.terminate() == 0, daemon.log_tail()
            eventually(lambda: load.produced > produced, 5, "the load goes on")
            # What was settled is committed, exactly: this is why nothing is repeated.
            assert trial.committed() == kafka.log_ends(trial.target)
        load.stop()
    daemon.start_ready()
    verdict = trial.finish(daemon)
    assert verdict.compared == load.produced and verdict.kept_exactly(), verdict


def test_kill_9_ten_times_loses_nothing_and_repeats_only_what_was_not_committed(kafka, topic, aloqd):
    trial = Trial(kafka, topic, PARTITIONS)
    daemon = aloqd(trial.settings(from_properties=QUICK_SESSION))
    audit = CommitAudit(trial)
    restarted_from = set()
    with Load(kafka.brokers, trial.source, PARTITIONS, rate=5000):
        for round_number in range(10):
            daemon.start()
            # Not always at the same point of the commit's second.
            daemon.await_acked(1500 + 700 * round_number)
            daemon.kill()
            restarted_from |= {Place(partition, offset) for partition, offset in audit.look().items()}
    daemon.start()
    verdict = trial.finish(daemon)
    audit.close()
    assert verdict.kept_at_least_once(), verdict
    # Offsets are indexes here: the source has no gaps. The very first read started from 0.
    restarted_from |= {Place(partition, 0) for partition in range(PARTITIONS)}
    assert set(verdict.restarts) <= restarted_from, (verdict.restarts, restarted_from)
    assert verdict.repeated > 0, "no kill hit anything: the test proves nothing"


def test_kill_9_in_sync_mode_with_one_record_repeats_at_most_one_per_partition(kafka, topic, aloqd):
    trial = Trial(kafka, topic, PARTITIONS)
    fill(kafka.brokers, trial.source, map(small_record, range(60_000)), PARTITIONS)
    daemon = aloqd(trial.settings(commit={"mode": "sync", "records": 1}, from_properties=QUICK_SESSION))
    audit = CommitAudit(trial)
    kills = 3
    for _ in range(kills):
        daemon.start()
        daemon.await_acked(200)
        daemon.kill()
        committed = audit.look()
        for partition, records in audit.target.records.items():
            distinct = len(set(records))
            assert distinct - committed.get(partition, 0) <= 1, (partition, distinct, committed)
    audit.close()
    daemon.write_config(trial.settings())
    daemon.start()
    verdict = trial.finish(daemon)
    assert verdict.kept_at_least_once(), verdict
    for partition in range(PARTITIONS):
        restarts = [place for place in verdict.restarts if place.partition == partition]
        assert len(restarts) <= kills, restarts
    assert verdict.repeated <= kills * PARTITIONS, verdict


def test_sync_mode_commits_each_record_before_the_next_is_sent(kafka, topic, aloqd):
    trial = Trial(kafka, topic, 1)
    fill(kafka.brokers, trial.source, map(small_record, range(300)), 1)
    daemon = aloqd(trial.settings(commit={"mode": "sync", "records": 1})).start()
    trial.await_caught_up(daemon)
    daemon.await_pipeline(lambda p: p["counters"]["commits"] >= 300, "a commit for each")
    trial.stop_clean(daemon)
    assert trial.verdict().kept_exactly()


@pytest.mark.parametrize("commit, most", [
    ({"mode": "async", "records": 100, "interval": "1h"}, 99),
    ({"mode": "sync", "records": 100, "interval": "1h"}, 99),
    ({"mode": "async", "records": 1_000_000, "interval": "200ms"}, 0),
])
def test_commits_follow_records_and_interval(kafka, topic, aloqd, commit, most):
    """After `records` records or `interval`, whichever comes first: so many may stay uncommitted."""
    trial = Trial(kafka, topic, 1)
    fill(kafka.brokers, trial.source, map(small_record, range(1050)), 1)
    daemon = aloqd(trial.settings(commit=commit)).start()
    trial.await_caught_up(daemon)
    eventually(lambda: 1050 - trial.committed().get(0, 0) <= most, 10,
               lambda: f"at most {most} of 1050 uncommitted; committed: {trial.committed()}", every_s=0.2)
    trial.stop_clean(daemon)
    assert trial.committed() == {0: 1050}


def test_two_instances_share_a_group_and_one_takes_over_from_the_other(kafka, topic, aloqd):
    trial = Trial(kafka, topic, PARTITIONS)
    with Load(kafka.brokers, trial.source, PARTITIONS, rate=3000):
        first = aloqd(trial.settings(), "first").start_ready()
        first.await_assigned(PARTITIONS)
        first.await_acked(3000)
        second = aloqd(trial.settings(), "second").start_ready()
        second.await_assigned(PARTITIONS // 2)
        first.await_assigned(PARTITIONS // 2)
        assert first.counter("revoke_timeouts") == 0, "what was in flight was awaited, and not given up"
        first.await_acked(1000)
        second.await_acked(1000)
        assert first.terminate() == 0, first.log_tail()
        second.await_assigned(PARTITIONS)
        second.await_acked(3000)
        first.start_ready()
        first.await_assigned(PARTITIONS // 2)
        first.await_acked(1000)
        assert second.terminate() == 0, second.log_tail()
        first.await_assigned(PARTITIONS)
    verdict = trial.finish(first)
    assert verdict.kept_exactly(), verdict


def test_a_killed_instance_is_replaced_by_the_other(kafka, topic, aloqd):
    trial = Trial(kafka, topic, PARTITIONS)
    with Load(kafka.brokers, trial.source, PARTITIONS, rate=3000):
        first = aloqd(trial.settings(from_properties=QUICK_SESSION), "first").start_ready()
        second = aloqd(trial.settings(from_properties=QUICK_SESSION), "second").start_ready()
        second.await_assigned(PARTITIONS // 2)
        first.await_assigned(PARTITIONS // 2)
        second.await_acked(1000)
        first.kill()
        second.await_assigned(PARTITIONS)
        second.await_acked(1000)
    verdict = trial.finish(second)
    assert verdict.kept_at_least_once(), verdict


def test_a_frozen_instance_that_lost_its_partitions_commits_nothing_late(kafka, topic, aloqd):
    """It comes back when another member has them: what it holds is purged, and its commits are void."""
    trial = Trial(kafka, topic, 2)
    with Load(kafka.brokers, trial.source, 2, rate=2000):
        first = aloqd(trial.settings(from_properties=QUICK_SESSION), "first").start_ready()
        first.await_acked(2000)
        first.freeze()
        second = aloqd(trial.settings(from_properties=QUICK_SESSION), "second").start_ready()
        second.await_assigned(2)
        second.await_acked(4000)
        first.thaw()
        # Both take part again, in whatever split.
        first.await_assigned(1)
        second.await_assigned(1)
    trial.await_caught_up(first, second)
    trial.stop_clean(first)
    trial.stop_clean(second)
    history = kafka.commit_history(trial.group, trial.source)
    assert all(len(offsets) > 4 and offsets == sorted(offsets) for offsets in history.values()), history
    verdict = trial.verdict()
    assert not verdict.lost and not verdict.altered and not verdict.misplaced, verdict


def test_sigint_drains_like_sigterm(kafka, topic, aloqd):
    trial = Trial(kafka, topic, 2)
    with Load(kafka.brokers, trial.source, 2, rate=5000):
        daemon = aloqd(trial.settings()).start_ready()
        daemon.await_acked(3000)
        assert daemon.terminate(signal.SIGINT) == 0, daemon.log_tail()
    assert trial.committed() == kafka.log_ends(trial.target)


def test_a_drain_that_cannot_finish_ends_in_time_with_its_own_status(kafka, far_kafka, topic, aloqd):
    trial = Trial(kafka, topic, 2, to=far_kafka)
    fill(kafka.brokers, trial.source, map(small_record, range(1000)), 2)
    daemon = aloqd(trial.settings(aloqd_drain_timeout="2s")).start_ready()
    trial.await_caught_up(daemon)
    far_kafka.freeze()
    try:
        fill(kafka.brokers, trial.source, map(small_record, range(1000, 3000)), 2)
        daemon.await_pipeline(lambda p: p["in_flight_records"] > 0, "records in flight")
        began = time.monotonic()
        assert daemon.terminate() == 75, daemon.log_tail()
        assert time.monotonic() - began < 12
    finally:
        far_kafka.thaw()
    assert trial.committed() == {0: 500, 1: 500}
    daemon.start_ready()
    verdict = trial.finish(daemon)
    assert verdict.kept_at_least_once(), verdict


def test_a_revoked_partition_that_cannot_be_settled_is_given_up_in_time(kafka, far_kafka, topic, aloqd):
    """The target does not answer. Whoever is to have the partition does not wait longer than revoke_timeout, and nothing
    is committed that the target may not have."""
    trial = Trial(kafka, topic, 2, to=far_kafka)
    fill(kafka.brokers, trial.source, map(small_record, range(1000)), 2)
    daemon = aloqd(trial.settings(revoke_timeout="2s")).start_ready()
    trial.await_caught_up(daemon)
    rival = Consumer({"bootstrap.servers": kafka.brokers, "group.id": trial.group, "enable.auto.commit": False})
    far_kafka.freeze()
    try:
        fill(kafka.brokers, trial.source, map(small_record, range(1000, 3000)), 2)
        daemon.await_pipeline(lambda p: all(one["in_flight"] > 0 for one in p["partitions"]), "records in flight")
        began = time.monotonic()
        rival.subscribe([trial.source])
        eventually(lambda: (rival.poll(0.1), rival.assignment())[1], 30, "the rival has a partition")
        assert time.monotonic() - began > 2
        daemon.await_pipeline(lambda p: p["counters"]["revoke_timeouts"] > 0, "the bound was exceeded")
        assert trial.committed() == {0: 500, 1: 500}
    finally:
        far_kafka.thaw()
        rival.close()
    daemon.await_assigned(2)
    verdict = trial.finish(daemon)
    assert not verdict.lost and not verdict.altered and not verdict.misplaced, verdict
    assert verdict.repeated <= 2000, verdict


def test_the_target_may_be_in_another_cluster(kafka, far_kafka, topic, aloqd):
    trial = Trial(kafka, topic, 3, to=far_kafka)
    fill_mixed(kafka.brokers, trial.source, 5000, 3)
    daemon = aloqd(trial.settings()).start_ready()
    assert trial.finish(daemon).kept_exactly()
    assert read_topic(far_kafka, trial.target).positions == kafka.log_ends(trial.source)
