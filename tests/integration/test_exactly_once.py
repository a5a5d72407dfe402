"""exactly_once on a real Kafka: for a reader with read_committed each record is there once, in order, whatever happens."""

import re
import time

import pytest

from harness.config import QUICK_SESSION
from harness.trial import CommitAudit, ExactTrial
from harness.waiting import eventually
from harness.workload import Load, fill, fill_mixed, new_producer, send, small_record

PARTITIONS = 6


def test_mixed_records_arrive_once_and_in_order(kafka, topic, aloqd):
    trial = ExactTrial(kafka, topic, PARTITIONS)
    fill_mixed(kafka.brokers, trial.source, 50_000, PARTITIONS)
    daemon = aloqd(trial.settings()).start_ready()
    verdict = trial.finish(daemon)
    assert verdict.compared == 50_000 and verdict.kept_exactly(), verdict
    assert trial.committed() == kafka.log_ends(trial.source)


def test_sigterm_ten_times_under_load(kafka, topic, aloqd):
    trial = ExactTrial(kafka, topic, PARTITIONS)
    daemon = aloqd(trial.settings())
    with Load(kafka.brokers, trial.source, PARTITIONS, rate=5000) as load:
        for _ in range(10):
            daemon.start_ready()
            daemon.await_acked(1000)
            assert daemon.terminate() == 0, daemon.log_tail()
        load.stop()
    daemon.start_ready()
    verdict = trial.finish(daemon)
    assert verdict.compared == load.produced and verdict.kept_exactly(), verdict


def test_kill_9_ten_times_under_load(kafka, topic, aloqd):
    trial = ExactTrial(kafka, topic, PARTITIONS)
    daemon = aloqd(trial.settings(from_properties=QUICK_SESSION))
    audit = CommitAudit(trial)
    with Load(kafka.brokers, trial.source, PARTITIONS, rate=5000) as load:
        for round_number in range(10):
            daemon.start()
            daemon.await_acked(500 + 300 * round_number)
            daemon.kill()
            audit.look()
        load.stop()
    daemon.start()
    verdict = trial.finish(daemon)
    audit.close()
    assert verdict.compared == load.produced and verdict.kept_exactly(), verdict
    everything = trial.verdict_uncommitted()
    assert everything.repeated > 0, "no kill hit an open transaction: the test proves nothing"


def test_aborted_transactions_of_the_source_are_not_relayed(kafka, topic, aloqd):
    trial = ExactTrial(kafka, topic, 2)
    producer = new_producer(kafka.brokers, transactional_id=topic("writer"))
    producer.init_transactions(30)
    for number in range(20):
        producer.begin_transaction()
        for index in range(50):
            send(producer, trial.source, index % 2, small_record(number * 100 + index))
        producer.flush(30)
        if number % 3 == 0:
            producer.abort_transaction(30)
        else:
            producer.commit_transaction(30)
    daemon = aloqd(trial.settings()).start_ready()
    verdict = trial.finish(daemon)
    assert verdict.compared == 13 * 50 and verdict.kept_exactly(), verdict
    # The last of them was committed; its marker is passed too.
    assert trial.committed() == kafka.log_ends(trial.source)


def test_two_instances_share_a_group(kafka, topic, aloqd):
    trial = ExactTrial(kafka, topic, PARTITIONS)
    with Load(kafka.brokers, trial.source, PARTITIONS, rate=3000) as load:
        first = aloqd(trial.settings(from_properties=QUICK_SESSION), "first").start_ready()
        first.await_acked(3000)
        second = aloqd(trial.settings(from_properties=QUICK_SESSION), "second").start_ready()
        second.await_assigned(PARTITIONS // 2)
        first.await_acked(1000)
        second.await_acked(1000)
        first.kill()
        second.await_assigned(PARTITIONS)
        second.await_acked(2000)
        first.start_ready()
        first.await_assigned(PARTITIONS // 2)
        assert second.terminate() == 0, second.log_tail()
        first.await_assigned(PARTITIONS)
        load.stop()
    verdict = trial.finish(first)
    assert verdict.compared == load.produced and verdict.kept_exactly(), verdict


def test_a_frozen_instance_is_fenced_off_by_its_group(kafka, topic, aloqd):
    """It comes back when another member has its partitions: what it holds must not be committed beside."""
    trial = ExactTrial(kafka, topic, 2)
    with Load(kafka.brokers, trial.source, 2, rate=2000) as load:
        first = aloqd(trial.settings(from_properties=QUICK_SESSION), "first").start_ready()
        first.await_acked(2000)
        first.freeze()
        second = aloqd(trial.settings(from_properties=QUICK_SESSION), "second").start_ready()
        second.await_assigned(2)
        second.await_acked(4000)
        first.thaw()
        first.await_assigned(1)
        second.await_assigned(1)
        load.stop()
    trial.await_caught_up(first, second)
    trial.stop_clean(first)
    trial.stop_clean(second)
    verdict = trial.verdict()
    assert verdict.compared == load.produced and verdict.kept_exactly(), verdict


def test_two_instances_with_one_name_do_not_fight_for_ever(kafka, topic, aloqd):
    """They have the same transactional id, and so fence each other: one of them says so and stops, or both do."""
    trial = ExactTrial(kafka, topic, 2)
    settings = trial.settings(aloqd_instance="same")
    with Load(kafka.brokers, trial.source, 2, rate=1000) as load:
        first = aloqd(settings, "first").start_ready()
        second = aloqd(settings, "second").start()
        eventually(lambda: "failed" in (first.pipeline().get("state"), second.pipeline().get("state")), 90,
                   lambda: f"one has failed: {first.brief()} {second.brief()}")
        for daemon in (first, second):
            if daemon.pipeline()["state"] == "failed":
                assert re.search(r"aloqd\.instance", daemon.pipeline()["reason"]), daemon.brief()
            assert daemon.terminate() in (0, 75), daemon.log_tail()
        load.stop()
    last = aloqd(trial.settings(), "last").start_ready()
    verdict = trial.finish(last)
    assert verdict.compared == load.produced and verdict.kept_exactly(), verdict


def test_a_broker_that_is_killed_under_load(kafka, topic, aloqd):
    trial = ExactTrial(kafka, topic, PARTITIONS)
    with Load(kafka.brokers, trial.source, PARTITIONS, rate=2000) as load:
        daemon = aloqd(trial.settings()).start_ready()
        for _ in range(2):
            daemon.await_acked(2000, timeout_s=90)
            kafka.restart(1, hard=True)
        daemon.await_acked(2000, timeout_s=90)
        load.stop()
    verdict = trial.finish(daemon)
    assert verdict.compared == load.produced and verdict.kept_exactly(), verdict


def test_a_drain_that_cannot_finish_ends_in_time_with_its_own_status(kafka, topic, aloqd):
    """The brokers are frozen under an open transaction. What it holds is read again, and is there once."""
    trial = ExactTrial(kafka, topic, 2)
    fill(kafka.brokers, trial.source, map(small_record, range(1000)), 2)
    daemon = aloqd(trial.settings(aloqd_drain_timeout="2s", commit={"records": 1_000_000, "interval": "9s"})).start_ready()
    daemon.await_pipeline(lambda p: p["counters"]["acked_records"] == 1000, "all are written")
    kafka.freeze()
    try:
        began = time.monotonic()
        assert daemon.terminate() == 75, daemon.log_tail()
        assert time.monotonic() - began < 12
    finally:
        kafka.thaw()
    daemon.write_config(trial.settings())
    verdict = trial.finish(daemon.start_ready())
    assert verdict.compared == 1000 and verdict.kept_exactly(), verdict
    assert trial.verdict_uncommitted().repeated == 1000, "no transaction was given up: the test proves nothing"


def test_a_full_window_is_committed_before_the_interval_is_over(kafka, topic, aloqd):
    """What is held is held until it is committed, so nothing more could be read until then."""
    trial = ExactTrial(kafka, topic, 2)
    fill(kafka.brokers, trial.source, map(small_record, range(150_000)), 2)
    daemon = aloqd(trial.settings(aloqd_memory="32MiB", commit={"records": 1_000_000_000, "interval": "9s"}))
    daemon.start_ready()
    daemon.await_acked(100_000)
    trial.stop_clean(daemon)
    daemon.write_config(trial.settings())
    daemon.start_ready()
    verdict = trial.finish(daemon)
    assert verdict.kept_exactly(), verdict


@pytest.mark.parametrize("records", [1, 100_000])
def test_a_transaction_holds_no_more_than_commit_records(kafka, topic, aloqd, records):
    trial = ExactTrial(kafka, topic, 1)
    fill(kafka.brokers, trial.source, map(small_record, range(200)), 1)
    daemon = aloqd(trial.settings(commit={"records": records, "interval": "100ms"})).start_ready()
    trial.await_caught_up(daemon)
    daemon.await_pipeline(lambda p: p["counters"]["transactions_committed"] >= 200 / records, "all are committed")
    committed = daemon.counter("transactions_committed")
    assert committed < 100 or records == 1, committed
    assert trial.finish(daemon).kept_exactly()
