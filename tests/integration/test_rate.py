"""A limit of the rate: it is kept, and nothing but reading waits for it."""

import time

from harness.trial import Trial
from harness.workload import fill, small_record

RATE, PARTITIONS = 1000, 3


def test_1000_records_a_second_hold_while_a_rebalance_and_a_stop_are_prompt(kafka, topic, aloqd):
    trial = Trial(kafka, topic, PARTITIONS)
    fill(kafka.brokers, trial.source, map(small_record, range(16 * RATE)), PARTITIONS)
    settings = trial.settings(rate={"records": RATE})
    first = aloqd(settings, "first").start_ready()
    first.await_acked(RATE // 2)
    assert first.pipeline()["stuck"] is None

    began, before = time.monotonic(), first.counter("acked_records")
    pipeline = first.await_acked(10 * RATE)
    elapsed_s = time.monotonic() - began
    rate = (pipeline["counters"]["acked_records"] - before) / elapsed_s
    assert 0.9 * RATE <= rate <= 1.1 * RATE, (rate, elapsed_s)
    marks = [partition["mark"] for partition in pipeline["partitions"]]
    # On a busy machine a partition may have nothing ready in its turn; but without turns one goes far ahead of the others.
    assert min(marks) > sum(marks) / 5, f"the partitions take turns: {marks}"

    # Another member comes in the middle of it. A heartbeat tells; the rest is no waiting.
    began = time.monotonic()
    second = aloqd(settings, "second").start()
    second.await_pipeline(lambda p: p["partitions"], "some partitions assigned")
    assert time.monotonic() - began < 10
    assert sum(kafka.log_ends(trial.target).values()) < 16 * RATE, "it ended too soon: nothing was tested"
    assert first.counter("revoke_timeouts") == 0

    began = time.monotonic()
    assert first.terminate() == 0, first.log_tail()
    assert second.terminate() == 0, second.log_tail()
    assert time.monotonic() - began < 5
    last = aloqd(trial.settings()).start_ready()
    verdict = trial.finish(last)
    assert verdict.kept_exactly(), verdict


def test_members_share_the_rate(kafka, topic, aloqd):
    """It is the pipeline's: each member takes its part of it, and together they take no more."""
    trial = Trial(kafka, topic, PARTITIONS)
    daemon = aloqd(trial.settings(members=3, rate={"records": RATE})).start_ready()
    daemon.await_pipeline(lambda p: [member["partition_count"] for member in p["members"]] == [1, 1, 1],
                          "each member has a partition")
    fill(kafka.brokers, trial.source, map(small_record, range(10 * RATE)), PARTITIONS)
    daemon.await_acked(RATE // 2)
    began, before = time.monotonic(), daemon.pipeline()
    after = daemon.await_acked(6 * RATE)
    elapsed_s = time.monotonic() - began
    assert sum(kafka.log_ends(trial.target).values()) < 10 * RATE, "it ended too soon: nothing was tested"
    rates = [(now["acked_records"] - then["acked_records"]) / elapsed_s
             for now, then in zip(after["members"], before["members"])]
    assert 0.9 * RATE <= sum(rates) <= 1.1 * RATE, (rates, elapsed_s)
    assert all(0.8 * RATE / 3 <= rate <= 1.2 * RATE / 3 for rate in rates), rates
    verdict = trial.finish(daemon)
    assert verdict.kept_exactly(), verdict


def test_bytes_a_second_hold(kafka, topic, aloqd):
    trial = Trial(kafka, topic, 2)
    records = [small_record(index) for index in range(8000)]
    size = sum(len(record.key or b"") + len(record.value or b"") for record in records) // len(records)
    fill(kafka.brokers, trial.source, iter(records), 2)
    daemon = aloqd(trial.settings(rate={"bytes": f"{RATE * size}"})).start_ready()
    daemon.await_acked(RATE // 2)
    began, before = time.monotonic(), daemon.counter("acked_records")
    pipeline = daemon.await_acked(6 * RATE)
    rate = (pipeline["counters"]["acked_records"] - before) / (time.monotonic() - began)
    assert 0.9 * RATE <= rate <= 1.1 * RATE, rate
    trial.stop_clean(daemon)


def test_a_broker_that_throttles_is_waited_for(kafka, topic, aloqd):
    """Kafka's quotas hold answers back, for longer than an interval of commits: that is no fault, and nothing is sent
    twice because of it."""
    trial = Trial(kafka, topic, PARTITIONS)
    fill(kafka.brokers, trial.source, map(small_record, range(12_000)), PARTITIONS)
    with kafka.throttled(producer_byte_rate=200_000, consumer_byte_rate=400_000):
        began = time.monotonic()
        daemon = aloqd(trial.settings(commit={"records": 500, "interval": "200ms"})).start_ready()
        trial.await_caught_up(daemon)
        took_s = time.monotonic() - began
        pipeline = daemon.pipeline()
        trial.stop_clean(daemon)
    assert took_s > 3, f"{took_s:.1f} s: nobody was throttled"
    assert pipeline["last_error"] is None and pipeline["restarts"] == 0, pipeline
    verdict = trial.verdict()
    assert verdict.kept_exactly(), verdict
