"""A call of librdkafka that does not return: it is told, it holds up nothing else, and in the end aloqd ends for systemd to
start it anew. Here the thread stays before the call, as it would in it."""

import time

import pytest

from harness.aloqd import aloqctl
from harness.config import QUICK_SESSION
from harness.trial import ExactTrial, Trial
from harness.waiting import holds_for
from harness.workload import fill, small_record

# Twenty seconds are two then, and five minutes half a one.
HURRY = 10
HANGS = r"does not return from a call (adding the offsets to a transaction)"


@pytest.fixture
def trial(kafka, topic):
    made = ExactTrial(kafka, topic, 2)
    fill(kafka.brokers, made.source, map(small_record, range(1000)), 2)
    return made


def hanging(trial, faulty, **settings):
    """A daemon that is in such a call, and has told it."""
    daemon = faulty(trial.settings(commit={"records": 100, "interval": "50ms"}, from_properties=QUICK_SESSION, **settings))
    daemon.start_to_hang("before-send-offsets", 2, HURRY).await_pipeline(
        lambda p: p["state"] == "backing_off" and HANGS in p["reason"], "it is told")
    assert HANGS in daemon.log_text(), daemon.log_tail()
    return daemon


def assert_kept(trial, aloqd):
    verdict = trial.finish(aloqd(trial.settings(from_properties=QUICK_SESSION), "next").start_ready())
    assert verdict.compared == 1000 and verdict.kept_exactly(), verdict


def test_the_daemon_ends_with_a_failure_and_the_next_one_goes_on(trial, faulty, aloqd):
    daemon = hanging(trial, faulty)
    assert daemon.await_end(60) == 70, daemon.log_tail()
    assert "the other pipelines are drained, and aloqd ends with status 70" in daemon.log_text(), daemon.log_tail()
    assert_kept(trial, aloqd)


def test_another_pipeline_is_drained_before(kafka, trial, topic, faulty, aloqd):
    other = Trial(kafka, lambda end: topic(f"other-{end}"), 2)
    fill(kafka.brokers, other.source, map(small_record, range(1000)), 2)
    settings = trial.settings(commit={"records": 100, "interval": "50ms"}, from_properties=QUICK_SESSION)
    settings["pipelines"]["other"] = other.settings()["pipelines"]["relay"]
    settings["clusters"]["target"] = settings["clusters"]["source"]
    daemon = faulty(settings).start_to_hang("before-send-offsets", 2, HURRY)
    assert daemon.await_end(90) == 70, daemon.log_tail()
    assert other.committed() == kafka.log_ends(other.source)
    assert "pipeline=other: ended: stopped; 1000 records consumed, 1000 acknowledged" in daemon.log_text(), daemon.log_tail()
    assert_kept(trial, aloqd)


def test_a_stop_is_over_within_its_bound(trial, faulty, aloqd):
    daemon = hanging(trial, faulty, aloqd_drain_timeout="2s")
    began = time.monotonic()
    assert daemon.terminate() == 75, daemon.log_tail()
    assert time.monotonic() - began < 12
    assert_kept(trial, aloqd)


def test_a_time_in_which_no_broker_answers_is_told_as_that(kafka, trial, faulty):
    """It may last, and then the call returns: no reason to end."""
    daemon = hanging(trial, faulty)
    kafka.freeze()
    try:
        daemon.await_pipeline(lambda p: p["state"] == "backing_off" and "no broker" in p["reason"], "the cluster is down")
        # Longer than it would wait otherwise.
        holds_for(lambda: daemon.process.poll() is None, 35, daemon.log_tail, every_s=0.5)
    finally:
        kafka.thaw()
    assert daemon.await_end(60) == 70, daemon.log_tail()


def test_a_client_that_cannot_be_closed_because_no_broker_answers_is_waited_for(kafka, topic, faulty):
    """An offset commit is on its way: librdkafka closes no consumer before that is answered, and the freeze lasts for
    longer than a call may."""
    trial = Trial(kafka, topic, 2)
    fill(kafka.brokers, trial.source, map(small_record, range(20000)), 2)
    daemon = faulty(trial.settings(commit={"interval": "50ms"}, rate={"records": 500}, aloqd_drain_timeout="2s",
                                   from_properties=QUICK_SESSION))
    daemon.environment["ALOQD_FAULT_HURRY"] = str(HURRY)
    daemon.start_ready().await_acked(500)
    kafka.freeze()
    try:
        daemon.await_pipeline(lambda p: p["state"] == "backing_off" and "no broker" in p["reason"], "the cluster is down")
        assert aloqctl(daemon, "restart", "--no-wait", "relay").returncode == 0
        daemon.await_pipeline(lambda p: p["state"] == "draining" and "no broker" in (p["reason"] or ""), "it says why it waits")
        holds_for(lambda: daemon.process.poll() is None, 40, daemon.log_tail, every_s=0.5)
    finally:
        kafka.thaw()
    daemon.await_acked(500)
    assert "ending the consumer" not in daemon.log_text(), daemon.log_tail()
    assert trial.finish(daemon).kept_at_least_once()
