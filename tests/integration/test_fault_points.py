"""kill -9 at every step: the daemon is built with named fault points, dies at each of them, and is started again.

What must hold afterwards is what its delivery promises. The installed daemon has no fault points
(tests/scripts/test_fault_points.sh)."""

import pytest

from harness.aloqd import PROGRAM_WITH_FAULT_POINTS
from harness.checker import Place
from harness.reader import read_topic
from harness.trial import CommitAudit, Trial
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


# What a delivery passes on its way. name: the passings at which the process dies, one after the other;
# (passing, ms) stays there before it does.
AT_LEAST_ONCE = {
    "after-fetch": [1, 2500],
    "after-produce": [700, (2500, GETS_OUT_MS)],
    "after-report": [1, 2500],
    "before-commit": [1, 3],
    "after-commit-sent": [1, (3, GETS_OUT_MS)],
    "after-commit-answered": [3],
}


def die_at(daemon, point, passing):
    passing, wait_ms = passing if isinstance(passing, tuple) else (passing, 0)
    daemon.start_to_die(point, passing, wait_ms).await_death()


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
        for passing in AT_LEAST_ONCE[point]:
            die_at(daemon, point, passing)
            restarts.look()
    verdict = trial.finish(daemon.start())
    restarts.check(verdict)
    if point == "after-produce":
        # What got out during the wait was written, and its reports were never seen.
        assert verdict.repeated > 0, verdict


# ---- stopping ----

WHILE_STOPPING = {
    "before-final-commit": [1],
    "after-final-commit-sent": [1, (1, GETS_OUT_MS)],
    "after-final-commit-answered": [1],
    "before-release": [1, 2],
    "after-release": [1, 2],
}


@pytest.mark.parametrize("point", WHILE_STOPPING)
def test_at_least_once_killed_while_it_drains(kafka, topic, faulty, point):
    trial = Trial(kafka, topic, PARTITIONS)
    # Nothing is committed before the drain.
    daemon = faulty(trial.settings(commit={"records": 10_000_000, "interval": "1h"},
                                   from_properties=SHORT_SESSION))
    restarts = Restarts(trial)
    with Load(kafka.brokers, trial.source, PARTITIONS, rate=3000):
        for passing in WHILE_STOPPING[point]:
            number, wait_ms = passing if isinstance(passing, tuple) else (passing, 0)
            daemon.start_to_die(point, number, wait_ms).await_acked(1000)
            daemon.process.terminate()
            daemon.await_death()
            committed = restarts.look()
            if point in ("before-release", "after-release"):
                # What is given up was committed to its end: of that nothing is repeated.
                held = {partition: len(set(records)) for partition, records in restarts.audit.target.records.items()}
                assert sum(held[partition] == committed[partition] for partition in held) >= number, (committed, held)
    restarts.check(trial.finish(daemon.start()))


@pytest.mark.parametrize("point, passing", [
    ("after-revoke-begin", 1), ("after-revoke-begin", 2), ("before-release", 1), ("after-release", 1)])
def test_at_least_once_killed_while_another_member_joins(kafka, topic, faulty, point, passing):
    trial = Trial(kafka, topic, PARTITIONS)
    settings = trial.settings(commit=OFTEN, from_properties=SHORT_SESSION)
    first, second = faulty(settings, "first"), faulty(settings, "second")
    with Load(kafka.brokers, trial.source, PARTITIONS, rate=3000):
        first.start_to_die(point, passing).await_acked(1000)
        second.start()
        first.await_death()
        second.await_assigned(PARTITIONS)
    verdict = trial.finish(second)
    assert verdict.kept_at_least_once(), verdict


# ---- a producer that has failed ----

@pytest.mark.parametrize("point", ["before-recreate", "after-recreate"])
def test_at_least_once_killed_while_the_producer_is_replaced(kafka, topic, faulty, point):
    """A compacted topic refuses records without a key, and the producer that was refused is made anew."""
    trial = Trial(kafka, topic, PARTITIONS)
    kafka.alter_topic(trial.target, cleanup_policy="compact")
    records = [small_record(index) for index in range(2000)]
    records[900] = Record(None, b"no key", (), CREATED, EPOCH_MS + 900)
    fill(kafka.brokers, trial.source, records, PARTITIONS)
    daemon = faulty(trial.settings(commit=OFTEN, from_properties=SHORT_SESSION))
    restarts = Restarts(trial)
    for passing in (1, 2):
        die_at(daemon, point, passing)
        restarts.look()
    kafka.alter_topic(trial.target, cleanup_policy="delete")
    restarts.check(trial.finish(daemon.start()))


# ---- the first start ----

def test_a_start_at_latest_is_kept_once_it_is_committed(kafka, topic, faulty):
    """It dies before the first record is read; what came while it was dead is not skipped by a second `latest`."""
    trial = Trial(kafka, topic, PARTITIONS)
    old, new = [small_record(index) for index in range(100)], [small_record(index) for index in range(100, 200)]
    fill(kafka.brokers, trial.source, old, PARTITIONS)
    daemon = faulty(trial.settings(from_start="latest", from_properties=SHORT_SESSION))
    die_at(daemon, "before-start-commit", 1)
    assert trial.committed() == {}
    die_at(daemon, "after-start-commit", 1)
    assert trial.committed() == {partition: 50 for partition in range(PARTITIONS)}
    fill(kafka.brokers, trial.source, new, PARTITIONS)
    trial.await_caught_up(daemon.start())
    trial.stop_clean(daemon)
    target = read_topic(kafka, trial.target).records
    assert target == {partition: new[partition::PARTITIONS] for partition in range(PARTITIONS)}
