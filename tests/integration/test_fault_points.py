"""kill -9 at every step: the daemon is built with named fault points, dies at each of them, and is started again.

What must hold afterwards is what its delivery promises. The installed daemon has no fault points
(tests/scripts/test_fault_points.sh). Most of the time a restarted daemon waits for the session of the dead one, so the
cases of a test run side by side."""

import pathlib
import re
import time
from collections import namedtuple
from concurrent.futures import ThreadPoolExecutor

import pytest
from confluent_kafka import Consumer, Producer

from harness.aloqd import aloqctl
from harness.checker import Place, compare
from harness.config import QUICK_SESSION
from harness.reader import read_topic
from harness.trial import TRIALS, AtMostOnceTrial, CommitAudit, ExactTrial, Losses, Trial
from harness.waiting import eventually
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

# Of each delivery, by the name of a point: the deaths of the process there, one after the other.
AT_EACH_STEP = {
    "at_least_once": {
        "after-fetch": [Death(1), Death(2500)],
        "after-produce": [Death(700), Death(2500, wait_ms=GETS_OUT_MS)],
        "after-report": [Death(1), Death(2500)],
        "before-commit": [Death(1), Death(3)],
        "after-commit-sent": [Death(1), Death(3, wait_ms=GETS_OUT_MS)],
        "after-commit-answered": [Death(3)],
    },
    "at_most_once": {
        "after-fetch": [Death(2500)],
        "before-commit": [Death(1), Death(3)],
        "after-commit-sent": [Death(1), Death(3, wait_ms=GETS_OUT_MS)],
        "after-commit-before-produce": [Death(1), Death(3)],
        "after-commit-answered": [Death(3)],
        "after-produce": [Death(700), Death(2500, wait_ms=GETS_OUT_MS)],
        "after-report": [Death(1), Death(2500)],
    },
    "exactly_once": {
        "after-fetch": [Death(2500)],
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
    },
}
WHILE_STOPPING = {
    "at_least_once": {
        "before-final-commit": [Death(1)],
        "after-final-commit-sent": [Death(1), Death(1, wait_ms=GETS_OUT_MS)],
        "after-final-commit-answered": [Death(1)],
        "before-release": [Death(1), Death(2)],
        "after-release": [Death(1), Death(2)],
    },
    "at_most_once": {
        "before-release": [Death(1), Death(2)],
        "after-release": [Death(1), Death(2)],
    },
    "exactly_once": {
        "after-txn-reports": [Death(1)],
        "before-send-offsets": [Death(1)],
        "after-send-offsets": [Death(1), Death(1, run_us=1000)],
        "after-txn-commit": [Death(1)],
        "after-txn-committed": [Death(1)],
        "before-release": [Death(1), Death(2)],
        "after-release": [Death(1), Death(2)],
    },
}
WHILE_ANOTHER_JOINS = {
    **dict.fromkeys(("at_least_once", "exactly_once"), {
        "after-revoke-begin": [Death(1), Death(2)],
        "before-release": [Death(1)],
        "after-release": [Death(1)],
    }),
    "at_most_once": {
        "after-revoke-begin": [Death(1)],
        "before-release": [Death(1)],
        "after-release": [Death(1)],
    },
}
# What at_most_once has committed when it meets what is refused is not read again: it dies there only once.
WHILE_REPLACED = {
    **dict.fromkeys(("at_least_once", "exactly_once"), {
        "before-recreate": [Death(1), Death(2)],
        "after-recreate": [Death(1), Death(2)],
    }),
    "at_most_once": {
        "before-recreate": [Death(2)],
        "after-recreate": [Death(1)],
    },
}
AT_A_REFUSED_RECORD = {
    **dict.fromkeys(("at_least_once", "exactly_once"), {
        "after-dead-letter-produce": [Death(1), Death(2, wait_ms=GETS_OUT_MS)],
        "after-dead-letter-report": [Death(1), Death(2)],
        "after-skip": [Death(1), Death(2)],
    }),
    "at_most_once": {
        "after-dead-letter-produce": [Death(2, wait_ms=GETS_OUT_MS)],
        "after-dead-letter-report": [Death(1)],
        "after-skip": [Death(1)],
    },
}
# A partition stops at a record, and what was committed behind it is given back.
WHILE_GIVING_BACK = {
    "at_most_once": {
        "before-give-back": [Death(1)],
        "after-give-back": [Death(1)],
        # The same where the process ends before the policy asks for that commit.
        "before-final-commit": [Death(1)],
        "after-final-commit-sent": [Death(1, wait_ms=GETS_OUT_MS)],
        "after-final-commit-answered": [Death(1)],
    },
}
AT_AN_UNKNOWN_END = {
    "exactly_once": {"after-unknown-before-rewind": [Death(1)]},
}
WHILE_UNBLOCKING = dict.fromkeys(TRIALS, {"after-unblock-begin": [Death(1)]})
AT_THE_START = dict.fromkeys(TRIALS, {
    "before-start-commit": [Death(1)],
    "after-start-commit": [Death(1)],
})
GROUPS = (AT_EACH_STEP, WHILE_STOPPING, WHILE_ANOTHER_JOINS, WHILE_REPLACED, AT_A_REFUSED_RECORD, WHILE_GIVING_BACK,
          AT_AN_UNKNOWN_END, WHILE_UNBLOCKING, AT_THE_START)

# What a delivery never passes: no daemon of these tests does, and if one did, it would want a case.
OF_TRANSACTIONS = {"after-txn-init", "after-txn-begin", "after-txn-reports", "before-send-offsets",
                   "after-send-offsets", "after-txn-commit", "after-txn-committed", "after-unknown-before-rewind"}
OF_COMMITS = {"before-commit", "after-commit-sent", "after-commit-answered", "before-final-commit",
              "after-final-commit-sent", "after-final-commit-answered"}
OF_COMMITS_THAT_COME_FIRST = {"after-commit-before-produce", "before-give-back", "after-give-back"}
NEVER_PASSED = {
    "at_least_once": OF_TRANSACTIONS | OF_COMMITS_THAT_COME_FIRST,
    "at_most_once": OF_TRANSACTIONS,
    "exactly_once": OF_COMMITS | OF_COMMITS_THAT_COME_FIRST,
}


@pytest.fixture
def faulty(faulty):
    """Makes daemons that must not pass what their delivery is said never to pass."""
    made = []

    def make(settings, *name):
        daemon = faulty(settings, *name)
        passed = daemon.directory / "passed"
        daemon.environment["ALOQD_FAULT_POINTS_PASSED"] = str(passed)
        made.append((next(iter(settings["pipelines"].values())).get("delivery", "at_least_once"), passed))
        return daemon
    yield make
    for delivery, passed in made:
        unexpected = NEVER_PASSED[delivery] & set(passed.read_text().split() if passed.exists() else ())
        assert not unexpected, (delivery, unexpected)


def cases_of(group):
    """(delivery, point, deaths)"""
    return [(delivery, *case) for delivery, points in group.items() for case in points.items()]


def side_by_side(play, cases):
    """play(*case) for all cases; every failure is told, with its case."""
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


class Judgement:
    """What is asked of a trial, by its delivery, when the process has died now and then."""

    def __init__(self, trial):
        self.trial = trial
        self.losses = Losses(trial) if isinstance(trial, AtMostOnceTrial) else None

    def look(self):
        """After a death. Returns how many records may be lost by it. (Another instance may run: what it has on its way
        is counted, too.)"""
        return self.losses.look() if self.losses else 0

    def check(self, verdict):
        if self.losses:
            assert verdict.kept_at_most_once(), verdict
            assert len(verdict.lost) <= self.losses.lost, (verdict, self.losses.lost)
        elif isinstance(self.trial, ExactTrial):
            assert verdict.kept_exactly(), verdict
        else:
            assert verdict.kept_at_least_once(), verdict


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
    """With every delivery that passes it."""
    named = {name for path in SOURCES.rglob("*.c") for line in re.findall(r"FAULT_POINT\((.*)\);", path.read_text())
             for name in re.findall(r'"([a-z-]+)"', line)}
    for delivery in TRIALS:
        tried = {point for group in GROUPS for point in group.get(delivery, ())}
        assert tried | NEVER_PASSED[delivery] == named, delivery
        assert not tried & NEVER_PASSED[delivery], delivery


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
    side_by_side(play, AT_EACH_STEP["at_least_once"].items())


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
    side_by_side(play, AT_EACH_STEP["at_most_once"].items())


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
    side_by_side(play, AT_EACH_STEP["exactly_once"].items())


def ended_unkept(daemon):
    """Its transactions that it does not take for committed."""
    return daemon.counter("transactions_aborted") + daemon.counter("transactions_unknown")


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
    assert ended_unkept(first) > 0, "it was not frozen in a transaction: the test proves nothing"
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
    assert ended_unkept(daemon) > 0, "it was not frozen in a transaction: the test proves nothing"
    verdict = trial.finish(daemon)
    assert verdict.kept_exactly(), verdict


def test_another_instance_takes_over_when_the_transaction_of_a_dead_one_has_ended(kafka, topic, faulty):
    """The dead one's offsets are pending, and only the brokers end its transaction: nobody else has its id. Until then
    its partitions wait; then they are read, at once."""
    timeout_s, sweep_s, busy_s = 15, 1, 10  # transaction.timeout.ms; how often these brokers look; the machine
    trial = ExactTrial(kafka, topic, PARTITIONS)
    first, second = [faulty(trial.settings(commit=OFTEN, from_properties=SHORT_SESSION), name)
                     for name in ("first", "second")]
    first.start_to_die("after-send-offsets", 2)
    second.start()
    for daemon in (first, second):
        daemon.await_assigned(1)
    ((_, left),) = first.partitions(state="reading")
    with Load(kafka.brokers, trial.source, PARTITIONS, rate=1000):
        first.await_death()
        died = time.monotonic()
        began = kafka.log_ends(trial.target)[left]
        assert kafka.log_ends(trial.target, "read_uncommitted")[left] > began, "a transaction is open"
        eventually(lambda: (trial.source, left) in second.partitions(state="reading"), 2 * timeout_s, second.brief)
        took_s = time.monotonic() - died
        # Its markers are written to one partition after the other: the offsets' may have been the first.
        eventually(lambda: kafka.log_ends(trial.target)[left] > began, 2, "the transaction that was left has ended")
        assert took_s < timeout_s + sweep_s + busy_s
        assert second.pipeline()["restarts"] == 0
    verdict = trial.finish(second)
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
    side_by_side(play, WHILE_STOPPING["at_least_once"].items())


def test_at_most_once_and_exactly_once_killed_while_they_drain(kafka, topic, faulty):
    def play(delivery, point, deaths):
        trial = TRIALS[delivery](kafka, topics_of(topic, delivery, point), PARTITIONS)
        # With exactly_once nothing is committed before the drain.
        commit = {"commit": {"records": 10_000_000, "interval": "9s"}} if delivery == "exactly_once" else {}
        daemon = faulty(trial.settings(from_properties=SHORT_SESSION, **commit), f"{delivery}-{point}")
        judgement = Judgement(trial)
        with Load(kafka.brokers, trial.source, PARTITIONS, rate=2000):
            for death in deaths:
                daemon.start_to_die(point, *death).await_acked(1000)
                daemon.process.terminate()
                daemon.await_death()
                lost = judgement.look()
                # What is given up was written to its end.
                assert lost == 0 or death.passing < PARTITIONS, lost
        judgement.check(trial.finish(daemon.start()))
    side_by_side(play, [case for case in cases_of(WHILE_STOPPING) if case[0] != "at_least_once"])


def test_killed_while_another_member_joins(kafka, topic, faulty):
    def play(delivery, point, death):
        trial = TRIALS[delivery](kafka, topics_of(topic, delivery, point, death.passing), PARTITIONS)
        # Both live for a while: a session that ends meanwhile, on a busy machine, is another course of events.
        settings = trial.settings(commit=OFTEN, from_properties=QUICK_SESSION)
        # Names of their own: exactly_once makes the transactional id of them, and the cases run side by side.
        case = f"{delivery}-{point}-{death.passing}"
        first, second = faulty(settings, f"first-{case}"), faulty(settings, f"second-{case}")
        judgement = Judgement(trial)
        with Load(kafka.brokers, trial.source, PARTITIONS, rate=2000):
            first.start_to_die(point, *death).await_acked(1000)
            second.start()
            first.await_death()
            judgement.look()
            second.await_assigned(PARTITIONS)
        judgement.check(trial.finish(second))
    side_by_side(play, [(delivery, point, death) for delivery, point, deaths in cases_of(WHILE_ANOTHER_JOINS)
                        for death in deaths])


# ---- a producer that has failed ----

def without_key(index):
    """A compacted topic refuses it."""
    return Record(None, b"no key %d" % index, (), CREATED, EPOCH_MS + index)


def fill_refused(trial, count, *refused):
    """Its target takes no record without a key, and the source has some. Returns all records."""
    trial.to.alter_topic(trial.target, cleanup_policy="compact")
    records = [without_key(index) if index in refused else small_record(index) for index in range(count)]
    fill(trial.cluster.brokers, trial.source, records, trial.partitions)
    return records


def test_killed_while_the_producer_is_replaced(kafka, topic, faulty):
    """A compacted topic refuses records without a key, and the producer that was refused is made anew."""
    def play(delivery, point, deaths):
        trial = TRIALS[delivery](kafka, topics_of(topic, delivery, point), PARTITIONS)
        fill_refused(trial, 2000, 900)
        daemon = faulty(trial.settings(commit=OFTEN, from_properties=SHORT_SESSION), f"{delivery}-{point}")
        judgement = Judgement(trial)
        for death in deaths:
            die_at(daemon, point, death)
            judgement.look()
        kafka.alter_topic(trial.target, cleanup_policy="delete")
        judgement.check(trial.finish(daemon.start()))
    side_by_side(play, cases_of(WHILE_REPLACED))


def test_killed_where_the_end_of_a_transaction_is_unknown(kafka, topic, faulty):
    """Another client has taken the transactional id: what became of the transaction only the brokers know, and it dies
    before it has asked them."""
    def play(delivery, point, deaths):
        trial = TRIALS[delivery](kafka, topic, PARTITIONS)
        fill(kafka.brokers, trial.source, map(small_record, range(400)), PARTITIONS)
        # All reports are in, and the transaction is open, when it is taken.
        commit = {"records": 1000, "interval": "4s"}
        # Nor is its place in the group lost meanwhile, on a busy machine: that would end the transaction.
        daemon = faulty(trial.settings(commit=commit, from_properties=QUICK_SESSION), "unknown")
        judgement = Judgement(trial)
        for death in deaths:
            daemon.start_to_die(point, *death).await_acked(400)
            Producer({"bootstrap.servers": kafka.brokers, "transactional.id": f"aloqd.relay.{daemon.name}.0",
                      "log_level": 2}).init_transactions(30)
            daemon.await_death()
            judgement.look()
        judgement.check(trial.finish(daemon.start()))
    side_by_side(play, cases_of(AT_AN_UNKNOWN_END))


# ---- records that the target refuses ----

def test_killed_at_a_refused_record(kafka, topic, faulty):
    """A compacted topic refuses records without a key. No other record is taken for one of them, and each of them is
    where on_error puts it: with exactly_once, once; with at_most_once, at most."""
    def play(delivery, point, deaths):
        names = topics_of(topic, delivery, point)
        trial = TRIALS[delivery](kafka, names, PARTITIONS)
        refused = (400, 403, 900)
        records = fill_refused(trial, 1200, *refused)
        dead = kafka.create_topic(names("dead"))
        on_error = {"on_error": "skip"} if point == "after-skip" else {"on_error": "dead_letter", "dead_letter": dead}
        daemon = faulty(trial.settings(commit=OFTEN, from_properties=SHORT_SESSION, **on_error), f"{delivery}-{point}")
        judgement = Judgement(trial)
        for death in deaths:
            die_at(daemon, point, death)
            judgement.look()
        trial.await_caught_up(daemon.start())
        trial.stop_clean(daemon)
        good = {partition: [record for record in records[partition::PARTITIONS] if record.key is not None]
                for partition in range(PARTITIONS)}
        judgement.check(compare(good, read_topic(kafka, trial.target).records))
        letters = [record.value for record in read_topic(kafka, dead).records[0]]
        wanted = [] if point == "after-skip" else [records[index].value for index in refused]
        assert delivery == "at_least_once" or len(letters) == len(set(letters)), letters
        assert set(letters) <= set(wanted) if delivery == "at_most_once" else set(letters) == set(wanted), letters
    side_by_side(play, cases_of(AT_A_REFUSED_RECORD))


def test_at_most_once_killed_while_it_gives_back(kafka, topic, faulty):
    """What was committed beyond a record at which its partition stops: before it is given back it is lost, then not."""
    def play(_, point, deaths):
        trial = AtMostOnceTrial(kafka, topics_of(topic, point))
        while_stopping = "final" in point
        fill_refused(trial, 1000, 450)
        # The first commit holds the record at fault and some behind it, and only the end makes another one.
        commit = {"records": 500, "interval": "1h" if while_stopping else "50ms"}
        daemon = faulty(trial.settings(commit=commit, from_properties=SHORT_SESSION), point)
        judgement = Judgement(trial)
        for death in deaths:
            daemon.start_to_die(point, *death)
            if while_stopping:
                daemon.await_state("blocked")
                daemon.process.terminate()
            daemon.await_death()
            judgement.look()
        given_back = point in ("after-give-back", "after-final-commit-sent", "after-final-commit-answered")
        assert trial.committed()[0] == 450 if given_back else trial.committed()[0] >= 500, trial.committed()
        kafka.alter_topic(trial.target, cleanup_policy="delete")
        daemon.write_config(trial.settings(from_properties=SHORT_SESSION))
        verdict = trial.finish(daemon.start())
        judgement.check(verdict)
        assert bool(verdict.lost) != given_back, verdict
    side_by_side(play, cases_of(WHILE_GIVING_BACK))


def test_killed_when_it_begins_to_do_what_a_person_has_decided(kafka, topic, faulty):
    """Then the partition waits for a person again: nothing of the decision is left."""
    def play(delivery, point, deaths):
        trial = TRIALS[delivery](kafka, topics_of(topic, delivery), PARTITIONS)
        records = fill_refused(trial, 1000, 500)
        daemon = faulty(trial.settings(commit=OFTEN, from_properties=SHORT_SESSION), delivery)
        judgement = Judgement(trial)

        def skip():
            daemon.await_pipeline(lambda p: {q["partition"]: q["mark"] for q in p["partitions"]} == {0: 250, 1: 500} and
                                  p["state"] == "blocked", "all is settled but what is blocked")
            return aloqctl(daemon, "unblock", "relay", trial.source, "0", "--skip", "--offset", "250")
        for death in deaths:
            daemon.start_to_die(point, *death)
            assert skip().returncode != 0, "nobody is there to tell that it is done"
            daemon.await_death()
            judgement.look()
        daemon.start()
        done = skip()
        assert done.returncode == 0, (done, daemon.log_tail())
        trial.await_caught_up(daemon)
        trial.stop_clean(daemon)
        good = {0: [record for record in records[0::2] if record.key is not None], 1: records[1::2]}
        verdict = compare(good, read_topic(kafka, trial.target).records)
        judgement.check(verdict)
        assert not verdict.lost, verdict
    side_by_side(play, cases_of(WHILE_UNBLOCKING))


# ---- the first start ----

def test_a_start_at_latest_is_kept_once_it_is_committed(kafka, topic, faulty):
    """It dies before the first record is read; what came while it was dead is not skipped by a second `latest`."""
    def play(delivery):
        trial = TRIALS[delivery](kafka, topics_of(topic, delivery), PARTITIONS)
        old, new = [small_record(index) for index in range(100)], [small_record(index) for index in range(100, 200)]
        fill(kafka.brokers, trial.source, old, PARTITIONS)
        daemon = faulty(trial.settings(from_start="latest", from_properties=SHORT_SESSION), delivery)
        for point, at in (("before-start-commit", {}), ("after-start-commit", {0: 50, 1: 50})):
            for death in AT_THE_START[delivery][point]:
                die_at(daemon, point, death)
                assert trial.committed() == at
        fill(kafka.brokers, trial.source, new, PARTITIONS)
        trial.await_caught_up(daemon.start())
        trial.stop_clean(daemon)
        target = read_topic(kafka, trial.target).records
        assert target == {partition: new[partition::PARTITIONS] for partition in range(PARTITIONS)}
    side_by_side(play, [(delivery,) for delivery in AT_THE_START])


def expel_frozen_members(kafka, group, topic):
    """Returns once another member of the group, which commits nothing, has had all partitions, and has left again."""
    other = Consumer({"bootstrap.servers": kafka.brokers, "group.id": group, "enable.auto.commit": False,
                      "partition.assignment.strategy": "range,roundrobin"})
    other.subscribe([topic])
    try:
        eventually(lambda: other.poll(0.2) is None and len(other.assignment()) == len(kafka.partitions(topic)), 60,
                   "the frozen one's partitions are given to the other one")
    finally:
        other.close()


def test_what_one_life_of_the_clients_could_not_commit_is_counted_when_the_next_one_sends_it_again(kafka, topic, faulty):
    """The clients are made anew, and the last commit of the old ones is refused: the group has expelled them."""
    trial = Trial(kafka, topic, PARTITIONS)
    trigger = kafka.create_topic(topic("trigger"), 1)
    daemon = faulty(trial.settings(sources=[trial.source, trigger], revoke_timeout="2s", from_on_gap="earliest",
                                   commit={"records": 1_000_000_000, "interval": "1h"}, from_properties=SHORT_SESSION), "one")
    daemon.start_to_freeze("before-final-commit")
    daemon.await_assigned(PARTITIONS + 1)
    sent = fill(kafka.brokers, trial.source, map(small_record, range(600)), PARTITIONS)
    daemon.await_pipeline(lambda p: p["counters"]["acked_records"] == sent, "all is sent, and nothing committed")
    # A source topic that is not there any more ends the clients.
    kafka.delete_topic(trigger)
    daemon.await_frozen()
    expel_frozen_members(kafka, trial.group, trial.source)
    daemon.thaw()
    daemon.await_state("backing_off")
    kafka.create_topic(trigger, 1)
    daemon.await_assigned(PARTITIONS + 1)
    daemon.await_pipeline(lambda p: p["counters"]["acked_records"] == 2 * sent, "all is sent once more")
    assert daemon.counter("repeated_records") == sent, daemon.brief()
    # Once it is committed, all that comes is new.
    fill(kafka.brokers, trial.source, map(small_record, range(600, 800)), PARTITIONS)
    trial.await_caught_up(daemon)
    assert daemon.counter("repeated_records") == sent, daemon.brief()
    trial.stop_clean(daemon)
    verdict = trial.verdict()
    assert verdict.kept_at_least_once() and verdict.repeated == sent, verdict
