"""kill -9 at every step: the daemon is built with named fault points, dies at each of them, and is started again.

What must hold afterwards is what its delivery promises. The installed daemon has no fault points
(tests/scripts/test_fault_points.sh). Most of the time a restarted daemon waits for the session of the dead one, so the
cases of a test run side by side."""

import pathlib
import re
from collections import namedtuple
from concurrent.futures import ThreadPoolExecutor

from harness.checker import Place, compare
from harness.reader import read_topic
from harness.trial import AtMostOnceTrial, CommitAudit, ExactTrial, Losses, Trial
from harness.workload import CREATED, EPOCH_MS, Load, Record, fill, small_record

SOURCES = pathlib.Path(__file__).resolve().parents[2] / "src"
PARTITIONS = 2
SIDE_BY_SIDE = 4
# The shortest session that the brokers of these tests allow: what a killed member had waits for so long.
SHORT_SESSION = ["session.timeout.ms=1000", "heartbeat.interval.ms=250"]
# Many small commits, so that many lie between two kills.
OFTEN = {"records": 200, "interval": "50ms"}
# So long the process stays at a point before it dies, where what it has handed over is to get out.
GETS_OUT_MS = 300

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
AT_MOST_ONCE = {
    "after-fetch": [Death(2500)],
    "before-commit": [Death(1), Death(3)],
    "after-commit-sent": [Death(1), Death(3, wait_ms=GETS_OUT_MS)],
    "after-commit-before-produce": [Death(1), Death(3)],
    "after-produce": [Death(700), Death(2500, wait_ms=GETS_OUT_MS)],
    "after-report": [Death(1), Death(2500)],
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
WHILE_STOPPING = {
    "before-final-commit": [Death(1)],
    "after-final-commit-sent": [Death(1), Death(1, wait_ms=GETS_OUT_MS)],
    "after-final-commit-answered": [Death(1)],
    "before-release": [Death(1), Death(2)],
    "after-release": [Death(1), Death(2)],
}
WHILE_ANOTHER_JOINS = {
    "after-revoke-begin": [Death(1), Death(2)],
    "before-release": [Death(1)],
    "after-release": [Death(1)],
}
WHILE_REPLACED = {
    "before-recreate": [Death(1), Death(2)],
    "after-recreate": [Death(1), Death(2)],
}
AT_A_REFUSED_RECORD = {
    "after-dead-letter-produce": [Death(1), Death(2, wait_ms=GETS_OUT_MS)],
    "after-dead-letter-report": [Death(1), Death(2)],
    "after-skip": [Death(1), Death(2)],
}
AT_THE_START = {
    "before-start-commit": [Death(1)],
    "after-start-commit": [Death(1)],
}


def side_by_side(play, cases):
    """play(point, death or deaths) for all cases; every failure is told, with its case."""
    def played(case):
        try:
            play(*case)
            return None
        except AssertionError as error:
            return f"{case}: {error}"
    with ThreadPoolExecutor(SIDE_BY_SIDE) as pool:
        failures = [failure for failure in pool.map(played, cases) if failure]
    assert not failures, "\n".join(failures)


def topics_of(topic, *case):
    """Names for one case of a test."""
    return lambda suffix: topic("-".join(map(str, case)) + "." + suffix)


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


def test_every_fault_point_has_a_case():
    named = {name for path in SOURCES.rglob("*.c") for line in re.findall(r"FAULT_POINT\((.*)\);", path.read_text())
             for name in re.findall(r'"([a-z-]+)"', line)}
    assert named == {*AT_LEAST_ONCE, *AT_MOST_ONCE, *EXACTLY_ONCE, *WHILE_STOPPING, *WHILE_ANOTHER_JOINS,
                     *WHILE_REPLACED, *AT_A_REFUSED_RECORD, *AT_THE_START}


# ---- at each step ----

def test_at_least_once_killed_at_each_step(kafka, topic, faulty):
    def play(point, deaths):
        trial = Trial(kafka, topics_of(topic, point), PARTITIONS)
        daemon = faulty(trial.settings(commit=OFTEN, from_properties=SHORT_SESSION), point)
        restarts = Restarts(trial)
        with Load(kafka.brokers, trial.source, PARTITIONS, rate=2000):
            for death in deaths:
                die_at(daemon, point, death)
                restarts.look()
        verdict = trial.finish(daemon.start())
        restarts.check(verdict)
        if point == "after-produce":
            # What got out during the wait was written, and its reports were never seen.
            assert verdict.repeated > 0, verdict
    side_by_side(play, AT_LEAST_ONCE.items())


def test_at_most_once_killed_at_each_step(kafka, topic, faulty):
    def play(point, deaths):
        trial = AtMostOnceTrial(kafka, topics_of(topic, point), PARTITIONS)
        daemon = faulty(trial.settings(from_properties=SHORT_SESSION), point)
        losses = Losses(trial)
        with Load(kafka.brokers, trial.source, PARTITIONS, rate=2000):
            for death in deaths:
                die_at(daemon, point, death)
                losses.look()
        verdict = trial.finish(daemon.start())
        assert verdict.kept_at_most_once(), verdict
        assert len(verdict.lost) <= losses.lost, verdict
        if point == "after-commit-before-produce":
            assert verdict.lost, "committed, and never produced: the test proves nothing"
    side_by_side(play, AT_MOST_ONCE.items())


def test_exactly_once_killed_at_each_step(kafka, topic, faulty):
    def play(point, deaths):
        trial = ExactTrial(kafka, topics_of(topic, point), PARTITIONS)
        daemon = faulty(trial.settings(commit=OFTEN, from_properties=SHORT_SESSION), point)
        with Load(kafka.brokers, trial.source, PARTITIONS, rate=2000):
            for death in deaths:
                die_at(daemon, point, death)
        verdict = trial.finish(daemon.start())
        assert verdict.kept_exactly(), verdict
        assert trial.committed() == kafka.log_ends(trial.source)
        if point == "before-send-offsets":
            # All of the transaction was written by then: its records are there, and nobody sees them.
            assert trial.verdict_uncommitted().repeated > 0
    side_by_side(play, EXACTLY_ONCE.items())


def test_an_owner_frozen_at_the_end_of_its_transaction_commits_nothing_beside_the_new_one(kafka, topic, faulty):
    """It has asked for its membership, and another member has its partitions when it uses it."""
    trial = ExactTrial(kafka, topic, PARTITIONS)
    first, second = [faulty(trial.settings(commit=OFTEN, from_properties=SHORT_SESSION), name)
                     for name in ("first", "second")]
    with Load(kafka.brokers, trial.source, PARTITIONS, rate=2000):
        first.start_to_freeze("before-send-offsets", 3).await_frozen()
        second.start().await_assigned(PARTITIONS)
        second.await_acked(2000)
        first.thaw()
        first.await_assigned(1)
    trial.await_caught_up(first, second)
    trial.stop_clean(first)
    trial.stop_clean(second)
    verdict = trial.verdict()
    assert verdict.kept_exactly(), verdict


def test_a_transaction_that_ended_by_itself_is_not_taken_for_a_committed_one(kafka, topic, faulty):
    """Frozen with its offsets added, until the broker has aborted its transaction; the membership outlives that. Then
    the commit is refused, and nobody but the brokers knows why."""
    trial = ExactTrial(kafka, topic, PARTITIONS)
    daemon = faulty(trial.settings(commit=OFTEN, from_properties=["session.timeout.ms=60000"]), "alone")
    with Load(kafka.brokers, trial.source, PARTITIONS, rate=1000):
        daemon.start_to_freeze("after-send-offsets", 3).await_frozen()
        kafka.await_no_open_transaction(trial.target)
        daemon.thaw()
        daemon.await_acked(1000)
    verdict = trial.finish(daemon)
    assert verdict.kept_exactly(), verdict


# ---- stopping ----

def test_at_least_once_killed_while_it_drains(kafka, topic, faulty):
    def play(point, deaths):
        trial = Trial(kafka, topics_of(topic, point), PARTITIONS)
        # Nothing is committed before the drain.
        daemon = faulty(trial.settings(commit={"records": 10_000_000, "interval": "1h"},
                                       from_properties=SHORT_SESSION), point)
        restarts = Restarts(trial)
        with Load(kafka.brokers, trial.source, PARTITIONS, rate=2000):
            for death in deaths:
                daemon.start_to_die(point, *death).await_acked(1000)
                daemon.process.terminate()
                daemon.await_death()
                committed = restarts.look()
                if point in ("before-release", "after-release"):
                    # What is given up was committed to its end: of that nothing is repeated.
                    held = {partition: len(set(records))
                            for partition, records in restarts.audit.target.records.items()}
                    exact = [partition for partition in held if held[partition] == committed[partition]]
                    assert len(exact) >= death.passing, (committed, held)
        restarts.check(trial.finish(daemon.start()))
    side_by_side(play, WHILE_STOPPING.items())


def test_killed_while_another_member_joins(kafka, topic, faulty):
    def play(trial_type, point, death):
        trial = trial_type(kafka, topics_of(topic, trial_type.__name__, point, death.passing), PARTITIONS)
        settings = trial.settings(commit=OFTEN, from_properties=SHORT_SESSION)
        # Names of their own: exactly_once makes the transactional id of them, and the cases run side by side.
        case = f"{point}-{death.passing}"
        first, second = faulty(settings, f"first-{case}"), faulty(settings, f"second-{case}")
        with Load(kafka.brokers, trial.source, PARTITIONS, rate=2000):
            first.start_to_die(point, *death).await_acked(1000)
            second.start()
            first.await_death()
            second.await_assigned(PARTITIONS)
        verdict = trial.finish(second)
        assert verdict.kept_exactly() if trial_type is ExactTrial else verdict.kept_at_least_once(), verdict
    side_by_side(play, [(trial_type, point, death) for trial_type in (ExactTrial, Trial)
                        for point, deaths in WHILE_ANOTHER_JOINS.items() for death in deaths])


# ---- a producer that has failed ----

def test_killed_while_the_producer_is_replaced(kafka, topic, faulty):
    """A compacted topic refuses records without a key, and the producer that was refused is made anew."""
    def play(trial_type, point, deaths):
        trial = trial_type(kafka, topics_of(topic, trial_type.__name__, point), PARTITIONS)
        kafka.alter_topic(trial.target, cleanup_policy="compact")
        records = [small_record(index) for index in range(2000)]
        records[900] = Record(None, b"no key", (), CREATED, EPOCH_MS + 900)
        fill(kafka.brokers, trial.source, records, PARTITIONS)
        daemon = faulty(trial.settings(commit=OFTEN, from_properties=SHORT_SESSION), point)
        for death in deaths:
            die_at(daemon, point, death)
        kafka.alter_topic(trial.target, cleanup_policy="delete")
        verdict = trial.finish(daemon.start())
        assert verdict.kept_exactly() if trial_type is ExactTrial else verdict.kept_at_least_once(), verdict
    side_by_side(play, [(trial_type, *case) for trial_type in (Trial, ExactTrial) for case in WHILE_REPLACED.items()])


# ---- records that the target refuses ----

def test_killed_at_a_refused_record(kafka, topic, faulty):
    """A compacted topic refuses records without a key. No other record is taken for one of them, and each of them is
    where on_error puts it: with exactly_once, once."""
    def play(trial_type, point, deaths):
        exactly = trial_type is ExactTrial
        names = topics_of(topic, trial_type.__name__, point)
        trial = trial_type(kafka, names, PARTITIONS)
        kafka.alter_topic(trial.target, cleanup_policy="compact")
        refused = {index: Record(None, b"no key %d" % index, (), CREATED, EPOCH_MS + index)
                   for index in (400, 403, 900)}
        records = [refused.get(index) or small_record(index) for index in range(1200)]
        fill(kafka.brokers, trial.source, records, PARTITIONS)
        dead = kafka.create_topic(names("dead"))
        on_error = {"on_error": "skip"} if point == "after-skip" else {"on_error": "dead_letter", "dead_letter": dead}
        daemon = faulty(trial.settings(commit=OFTEN, from_properties=SHORT_SESSION, **on_error), point)
        for death in deaths:
            die_at(daemon, point, death)
        trial.await_caught_up(daemon.start())
        trial.stop_clean(daemon)
        good = {partition: [record for record in records[partition::PARTITIONS] if record not in refused.values()]
                for partition in range(PARTITIONS)}
        verdict = compare(good, read_topic(kafka, trial.target).records)
        assert verdict.kept_exactly() if exactly else verdict.kept_at_least_once(), verdict
        letters = [record.value for record in read_topic(kafka, dead).records[0]]
        wanted = [] if point == "after-skip" else [record.value for record in refused.values()]
        assert sorted(letters if exactly else set(letters)) == wanted, letters
    side_by_side(play, [(trial_type, *case) for trial_type in (Trial, ExactTrial)
                        for case in AT_A_REFUSED_RECORD.items()])


# ---- the first start ----

def test_a_start_at_latest_is_kept_once_it_is_committed(kafka, topic, faulty):
    """It dies before the first record is read; what came while it was dead is not skipped by a second `latest`."""
    trial = Trial(kafka, topic, PARTITIONS)
    old, new = [small_record(index) for index in range(100)], [small_record(index) for index in range(100, 200)]
    fill(kafka.brokers, trial.source, old, PARTITIONS)
    daemon = faulty(trial.settings(from_start="latest", from_properties=SHORT_SESSION), "start")
    die_at(daemon, "before-start-commit", *AT_THE_START["before-start-commit"])
    assert trial.committed() == {}
    die_at(daemon, "after-start-commit", *AT_THE_START["after-start-commit"])
    assert trial.committed() == {partition: 50 for partition in range(PARTITIONS)}
    fill(kafka.brokers, trial.source, new, PARTITIONS)
    trial.await_caught_up(daemon.start())
    trial.stop_clean(daemon)
    target = read_topic(kafka, trial.target).records
    assert target == {partition: new[partition::PARTITIONS] for partition in range(PARTITIONS)}
