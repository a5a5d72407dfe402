"""kill -9 at every step: the daemon is built with named fault points, dies at each of them, and is started again.

What must hold afterwards is what its delivery promises. The installed daemon has no fault points
(tests/scripts/test_fault_points.sh)."""

from collections import namedtuple

import pytest

from harness.aloqd import PROGRAM_WITH_FAULT_POINTS
from harness.checker import Place
from harness.reader import read_topic
from harness.trial import CommitAudit, ExactTrial, Trial
from harness.workload import CREATED, EPOCH_MS, Load, Record, fill, small_record

PARTITIONS = 2
# The shortest session that the brokers of these tests allow: what a killed member had waits for so long.
SHORT_SESSION = ["session.timeout.ms=1000", "heartbeat.interval.ms=250"]
# Many small commits, so that many lie between two kills.
OFTEN = {"records": 200, "interval": "50ms"}
# So long the process stays at a point before it dies, where what it has handed over is to get out.
GETS_OUT_MS = 300


@pytest.fixture(name="faulty")
def faulty_fixture(aloqd):
    assert PROGRAM_WITH_FAULT_POINTS.exists(), f"not built: make {PROGRAM_WITH_FAULT_POINTS.name}"
    return lambda settings, name="aloqd": aloqd(settings, name, program=PROGRAM_WITH_FAULT_POINTS)


# One death: at this passing of a point, at once, or after having stayed there or gone on.
Death = namedtuple("Death", "passing wait_ms run_us", defaults=(0, 0))

# What a delivery passes on its way. name: the deaths of the process there, one after the other.
AT_LEAST_ONCE = {
    "after-fetch": [Death(1), Death(2500)],
    "after-produce": [Death(700), Death(2500, wait_ms=GETS_OUT_MS)],
    "after-report": [Death(1), Death(2500)],
    "before-commit": [Death(1), Death(3)],
    "after-commit-sent": [Death(1), Death(3, wait_ms=GETS_OUT_MS)],
    "after-commit-answered": [Death(3)],
}
EXACTLY_ONCE = {
    "after-txn-init": [Death(1)],
    "after-txn-begin": [Death(1), Death(3)],
    "after-produce": [Death(700), Death(2500, wait_ms=GETS_OUT_MS)],
    "after-report": [Death(1), Death(2500)],
    "after-txn-reports": [Death(1), Death(3)],
    "before-send-offsets": [Death(2), Death(2, run_us=1000)],
    # Then the end of the transaction is on its way: asked for, prepared, or done and not answered.
    "after-send-offsets": [Death(2), Death(2, run_us=300), Death(2, run_us=1000), Death(2, run_us=3000)],
    "after-txn-commit": [Death(1), Death(3)],
    "after-txn-committed": [Death(1), Death(3)],
}


def die_at(daemon, point, death):
    daemon.start_to_die(point, *death).await_death()


class Restarts:
    """From where the relay may have gone on: the beginning, and what was committed at each kill. Offsets are
    indexes here: the sources have no gaps."""

    def __init__(self, trial):
        self.audit = CommitAudit(trial)
        self.places = {Place(partition, 0) for partition in range(PARTITIONS)}

    def look(self):
        """After a kill. No committed offset lies beyond what the target holds."""
        committed = self.audit.look()
        self.places |= {Place(partition, offset) for partition, offset in committed.items()}
        return committed

    def check(self, verdict):
        self.audit.close()
        assert verdict.kept_at_least_once(), verdict
        assert set(verdict.restarts) <= self.places, (verdict.restarts, self.places)


@pytest.mark.parametrize("point", AT_LEAST_ONCE)
def test_at_least_once_killed(kafka, topic, faulty, point):
    trial = Trial(kafka, topic, PARTITIONS)
    daemon = faulty(trial.settings(commit=OFTEN, from_properties=SHORT_SESSION))
    restarts = Restarts(trial)
    with Load(kafka.brokers, trial.source, PARTITIONS, rate=4000):
        for death in AT_LEAST_ONCE[point]:
            die_at(daemon, point, death)
            restarts.look()
    verdict = trial.finish(daemon.start())
    restarts.check(verdict)
    if point == "after-produce":
        # What got out during the wait was written, and its reports were never seen.
        assert verdict.repeated > 0, verdict


@pytest.mark.parametrize("point", EXACTLY_ONCE)
def test_exactly_once_killed(kafka, topic, faulty, point):
    trial = ExactTrial(kafka, topic, PARTITIONS)
    daemon = faulty(trial.settings(commit=OFTEN, from_properties=SHORT_SESSION))
    with Load(kafka.brokers, trial.source, PARTITIONS, rate=4000):
        for death in EXACTLY_ONCE[point]:
            die_at(daemon, point, death)
    verdict = trial.finish(daemon.start())
    assert verdict.kept_exactly(), verdict
    assert trial.committed() == kafka.log_ends(trial.source)
    if point == "before-send-offsets":
        # All of the transaction was written by then: its records are there, and nobody sees them.
        assert trial.verdict_uncommitted().repeated > 0


# ---- stopping ----

WHILE_STOPPING = {
    "before-final-commit": [Death(1)],
    "after-final-commit-sent": [Death(1), Death(1, wait_ms=GETS_OUT_MS)],
    "after-final-commit-answered": [Death(1)],
    "before-release": [Death(1), Death(2)],
    "after-release": [Death(1), Death(2)],
}


@pytest.mark.parametrize("point", WHILE_STOPPING)
def test_at_least_once_killed_while_it_drains(kafka, topic, faulty, point):
    trial = Trial(kafka, topic, PARTITIONS)
    # Nothing is committed before the drain.
    daemon = faulty(trial.settings(commit={"records": 10_000_000, "interval": "1h"},
                                   from_properties=SHORT_SESSION))
    restarts = Restarts(trial)
    with Load(kafka.brokers, trial.source, PARTITIONS, rate=3000):
        for death in WHILE_STOPPING[point]:
            daemon.start_to_die(point, *death).await_acked(1000)
            daemon.process.terminate()
            daemon.await_death()
            committed = restarts.look()
            if point in ("before-release", "after-release"):
                # What is given up was committed to its end: of that nothing is repeated.
                held = {partition: len(set(records)) for partition, records in restarts.audit.target.records.items()}
                exact = [partition for partition in held if held[partition] == committed[partition]]
                assert len(exact) >= death.passing, (committed, held)
    restarts.check(trial.finish(daemon.start()))


@pytest.mark.parametrize("trial_type, point, passing", [
    (Trial, "after-revoke-begin", 1), (Trial, "after-revoke-begin", 2), (Trial, "before-release", 1),
    (Trial, "after-release", 1), (ExactTrial, "after-revoke-begin", 1)])
def test_killed_while_another_member_joins(kafka, topic, faulty, trial_type, point, passing):
    trial = trial_type(kafka, topic, PARTITIONS)
    settings = trial.settings(commit=OFTEN, from_properties=SHORT_SESSION)
    first, second = faulty(settings, "first"), faulty(settings, "second")
    with Load(kafka.brokers, trial.source, PARTITIONS, rate=3000):
        first.start_to_die(point, passing).await_acked(1000)
        second.start()
        first.await_death()
        second.await_assigned(PARTITIONS)
    verdict = trial.finish(second)
    assert verdict.kept_exactly() if trial_type is ExactTrial else verdict.kept_at_least_once(), verdict


# ---- a producer that has failed ----

@pytest.mark.parametrize("trial_type, point", [
    (Trial, "before-recreate"), (Trial, "after-recreate"), (ExactTrial, "before-recreate"),
    (ExactTrial, "after-recreate")])
def test_killed_while_the_producer_is_replaced(kafka, topic, faulty, trial_type, point):
    """A compacted topic refuses records without a key, and the producer that was refused is made anew."""
    trial = trial_type(kafka, topic, PARTITIONS)
    kafka.alter_topic(trial.target, cleanup_policy="compact")
    records = [small_record(index) for index in range(2000)]
    records[900] = Record(None, b"no key", (), CREATED, EPOCH_MS + 900)
    fill(kafka.brokers, trial.source, records, PARTITIONS)
    daemon = faulty(trial.settings(commit=OFTEN, from_properties=SHORT_SESSION))
    for passing in (1, 2):
        die_at(daemon, point, Death(passing))
    kafka.alter_topic(trial.target, cleanup_policy="delete")
    verdict = trial.finish(daemon.start())
    assert verdict.kept_exactly() if trial_type is ExactTrial else verdict.kept_at_least_once(), verdict


# ---- the first start ----

def test_a_start_at_latest_is_kept_once_it_is_committed(kafka, topic, faulty):
    """It dies before the first record is read; what came while it was dead is not skipped by a second `latest`."""
    trial = Trial(kafka, topic, PARTITIONS)
    old, new = [small_record(index) for index in range(100)], [small_record(index) for index in range(100, 200)]
    fill(kafka.brokers, trial.source, old, PARTITIONS)
    daemon = faulty(trial.settings(from_start="latest", from_properties=SHORT_SESSION))
    die_at(daemon, "before-start-commit", Death(1))
    assert trial.committed() == {}
    die_at(daemon, "after-start-commit", Death(1))
    assert trial.committed() == {partition: 50 for partition in range(PARTITIONS)}
    fill(kafka.brokers, trial.source, new, PARTITIONS)
    trial.await_caught_up(daemon.start())
    trial.stop_clean(daemon)
    target = read_topic(kafka, trial.target).records
    assert target == {partition: new[partition::PARTITIONS] for partition in range(PARTITIONS)}
