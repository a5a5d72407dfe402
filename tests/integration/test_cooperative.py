"""Cooperative rebalances (KIP-429): what stays with a member is read on while the rest moves. librdkafka does that well
from 2.10 on; where the system has an older one, scripts/test puts a newer one in its place for these."""

import pytest

from harness.aloqd import aloqctl, check_config
from harness.checker import Place
from harness.config import QUICK_SESSION, relay, render
from harness.library import (COOPERATIVE, COOPERATIVE_SINCE, COOPERATIVE_WELL_SINCE, cooperative_environment,
                             library_version, why_not_cooperative)
from harness.reader import read_topic
from harness.trial import CommitAudit, ExactTrial, Trial
from harness.waiting import eventually
from harness.workload import Load, fill, small_record

PARTITIONS = 6

each_delivery = pytest.mark.parametrize("delivery", ["at_most_once", "at_least_once", "exactly_once"])


@pytest.fixture
def cooperative(aloqd):
    """Makes daemons as aloqd does, with a librdkafka that does it well."""
    if why_not_cooperative():
        pytest.skip(why_not_cooperative())

    def make(settings, name="aloqd"):
        daemon = aloqd(settings, name)
        daemon.environment.update(cooperative_environment())
        return daemon
    return make


def trial_of(delivery, kafka, topic, partitions=PARTITIONS):
    return (ExactTrial if delivery == "exactly_once" else Trial)(kafka, topic, partitions)


def settings_of(trial, delivery, *properties, **settings):
    if delivery != "exactly_once":
        settings["delivery"] = delivery
    return trial.settings(from_properties=[COOPERATIVE, *properties], **settings)


def counted(daemon, *names):
    return tuple(daemon.counter(name) for name in names)


def assert_never_back(kafka, trial):
    """Whoever committed: no offset took another one back."""
    history = kafka.commit_history(trial.group, trial.source)
    assert set(history) == set(range(trial.partitions)), history
    for offsets in history.values():
        assert offsets == sorted(offsets), offsets


def test_an_older_librdkafka_refuses_it_and_says_why(tmp_path):
    if library_version() >= COOPERATIVE_SINCE:
        pytest.skip("the system's librdkafka can")
    settings = relay("127.0.0.1:1", "in", "out", from_properties=[COOPERATIVE])
    status, said = check_config(tmp_path / "aloqd.conf", render(settings))
    assert status == 78 and "pipelines.relay.from.properties" in said and "needs librdkafka 2.4" in said, said


def test_a_librdkafka_that_takes_it_and_does_it_badly_loses_nothing(kafka, topic, aloqd):
    """A commit that meets a rebalance may cost the member all its partitions: they are read again, and counted."""
    if not COOPERATIVE_SINCE <= library_version() < COOPERATIVE_WELL_SINCE:
        pytest.skip("the system's librdkafka refuses it, or does it well")
    trial = Trial(kafka, topic, PARTITIONS)
    settings = settings_of(trial, "at_least_once")
    first = aloqd(settings, "first")
    with Load(kafka.brokers, trial.source, PARTITIONS, rate=4000):
        first.start_ready().await_assigned(PARTITIONS)
        for turn in range(4):
            guest = aloqd(settings, f"guest-{turn}").start_ready()
            guest.await_assigned(PARTITIONS // 2)
            guest.await_acked(500)
            trial.stop_clean(guest)
            first.await_assigned(PARTITIONS)
            first.await_acked(500)
    verdict = trial.finish(first)
    assert verdict.kept_at_least_once(), verdict


@each_delivery
def test_members_come_and_go_and_only_what_moves_is_given_up(kafka, topic, cooperative, delivery):
    trial = trial_of(delivery, kafka, topic)
    settings = settings_of(trial, delivery)
    first = cooperative(settings, "first")
    with Load(kafka.brokers, trial.source, PARTITIONS, rate=4000):
        first.start_ready().await_assigned(PARTITIONS)
        first.await_acked(1000)
        for turn in range(3):
            assigned, revoked = counted(first, "assigned_partitions", "revoked_partitions")
            kept = dict(first.partitions())
            guest = cooperative(settings, f"guest-{turn}").start_ready()
            guest.await_assigned(PARTITIONS // 2)
            first.await_assigned(PARTITIONS // 2)
            # Eager, it would have given up all six, and taken three of them again.
            assert counted(first, "assigned_partitions", "revoked_partitions") == (assigned, revoked + 3), first.brief()
            assert set(first.partitions()) < set(kept)
            guest.await_acked(500)
            trial.stop_clean(guest)
            first.await_assigned(PARTITIONS)
            assert counted(first, "assigned_partitions", "revoked_partitions") == (assigned + 3, revoked + 3), first.brief()
            first.await_acked(500)
    assert first.counter("lost_partitions") == 0 and first.pipeline()["restarts"] == 0, first.brief()
    verdict = trial.finish(first)
    assert verdict.kept_exactly(), verdict


def test_a_killed_member_is_replaced_from_what_it_had_committed(kafka, topic, cooperative):
    trial = Trial(kafka, topic, PARTITIONS)
    settings = settings_of(trial, "at_least_once", *QUICK_SESSION)
    first = cooperative(settings, "first")
    audit = CommitAudit(trial)
    restarted_from = {Place(partition, 0) for partition in range(PARTITIONS)}
    with Load(kafka.brokers, trial.source, PARTITIONS, rate=4000):
        first.start_ready().await_assigned(PARTITIONS)
        for turn in range(3):
            guest = cooperative(settings, f"guest-{turn}").start_ready()
            guest.await_assigned(PARTITIONS // 2)
            guest.await_acked(500)
            theirs = {partition for _, partition in guest.partitions()}
            revoked = first.counter("revoked_partitions")
            guest.kill()
            committed = trial.committed()
            restarted_from |= {Place(partition, committed[partition]) for partition in theirs}
            first.await_assigned(PARTITIONS, timeout_s=60)
            assert first.counter("revoked_partitions") == revoked, first.brief()
            first.await_acked(500)
    audit.look()
    verdict = trial.finish(first)
    audit.close()
    assert verdict.kept_at_least_once(), verdict
    assert set(verdict.restarts) <= restarted_from, (verdict.restarts, restarted_from)


@pytest.mark.parametrize("delivery", ["at_least_once", "exactly_once"])
def test_a_frozen_member_commits_nothing_late(kafka, topic, cooperative, delivery):
    trial = trial_of(delivery, kafka, topic)
    settings = settings_of(trial, delivery, *QUICK_SESSION)
    frozen, other = cooperative(settings, "frozen"), cooperative(settings, "other")
    with Load(kafka.brokers, trial.source, PARTITIONS, rate=2000):
        for one in (frozen, other):
            one.start_ready()
        for one in (frozen, other):
            one.await_assigned(PARTITIONS // 2)
            one.await_acked(300)
        frozen.freeze()
        other.await_assigned(PARTITIONS, timeout_s=60)
        other.await_acked(1000)
        frozen.thaw()
        eventually(lambda: frozen.counter("lost_partitions") == PARTITIONS // 2, 30, frozen.brief)
        for one in (frozen, other):
            one.await_assigned(PARTITIONS // 2, timeout_s=60)
            one.await_acked(300)
    trial.await_caught_up(frozen, other)
    for one in (frozen, other):
        trial.stop_clean(one)
    verdict = trial.verdict()
    assert_never_back(kafka, trial)
    # What was on its way when it was frozen may arrive behind the other's: exactly_once has not even that.
    assert verdict.kept_exactly() if delivery == "exactly_once" else not verdict.lost, verdict


def test_a_gap_stops_one_partition_and_is_crossed_while_the_others_are_read_on(kafka, topic, cooperative):
    trial = Trial(kafka, topic, 3)
    fill(kafka.brokers, trial.source, [small_record(index) for index in range(3000)], 3)
    kafka.commit(trial.group, trial.source, {0: 0, 1: 0, 2: 0})
    kafka.delete_records(trial.source, {1: 500})
    settings = settings_of(trial, "at_least_once")
    one, other = cooperative(settings, "one"), cooperative(settings, "other")
    one.start()
    one.await_state("blocked")
    eventually(lambda: sum(p["mark"] == 1000 for p in one.partitions().values()) == 2, 30, one.brief)
    # It goes where it goes, and is blocked there, too.
    other.start()
    eventually(lambda: len(one.partitions()) + len(other.partitions()) == 3 and one.partitions() and other.partitions(), 60,
               lambda: f"shared: {one.brief()}; {other.brief()}")
    eventually(lambda: bool(one.partitions(state="blocked")) != bool(other.partitions(state="blocked")), 30,
               lambda: f"one has it: {one.brief()}; {other.brief()}")
    owner = one if one.partitions(state="blocked") else other
    done = aloqctl(owner, "unblock", "relay", trial.source, "1", "--skip")
    assert done.returncode == 0, done
    eventually(lambda: owner.partitions().get((trial.source, 1), {}).get("mark") == 1000, 30, owner.brief)
    fill(kafka.brokers, trial.source, [small_record(index) for index in range(3000, 6000)], 3)
    trial.await_caught_up(one, other)
    for daemon in (one, other):
        trial.stop_clean(daemon)
    verdict = trial.verdict()
    assert not verdict.repeated and verdict.compared == 5500, verdict


@pytest.mark.parametrize("on_gap", ["earliest", "block"])
def test_a_gap_that_opens_while_reading_takes_one_partition_out_alone(kafka, far_kafka, topic, cooperative, on_gap):
    """Retention passes a slow relay in one partition: that one is taken out of what librdkafka reads and, on purpose, in
    again elsewhere. Nothing else stops."""
    trial = Trial(kafka, topic, 2, to=far_kafka, segment_bytes=1_048_576)
    far_kafka.freeze()
    try:
        fill(kafka.brokers, trial.source, [small_record(index, 20_000) for index in range(10_000)], 2)
        far_kafka.thaw()
        daemon = cooperative(settings_of(trial, "at_least_once", aloqd_memory="32MiB", from_on_gap=on_gap)).start_ready()
        daemon.await_acked(100)
        far_kafka.freeze()
        daemon.await_pipeline(lambda p: p["held_records"] > 0, "records held")
        kafka.delete_records(trial.source, {0: 4990})
    finally:
        far_kafka.thaw()
    eventually(lambda: daemon.partitions().get((trial.source, 1), {}).get("mark") == 5000, 60, daemon.brief)
    if on_gap == "block":
        eventually(lambda: set(daemon.partitions(state="blocked")) == {(trial.source, 0)}, 30, daemon.brief)
        assert daemon.terminate() in (0, 75)
        assert trial.committed()[0] < 4990
        return
    eventually(lambda: daemon.partitions().get((trial.source, 0), {}).get("mark") == 5000, 60, daemon.brief)
    pipeline = daemon.pipeline()
    assert (pipeline["log_gaps"], pipeline["restarts"], pipeline["rebalances"]) == (1, 0, 1), pipeline
    fill(kafka.brokers, trial.source, [small_record(index) for index in range(10_000, 11_000)], 2)
    verdict = trial.finish(daemon)
    assert not verdict.lost and not verdict.repeated, verdict


def test_a_rebalance_that_overtakes_another_makes_it_begin_anew(kafka, far_kafka, topic, cooperative):
    """The source grows while what leaves is being settled: librdkafka joins again without waiting for that, and the next
    owner may read. Nothing of it is committed any more. (The guest writes elsewhere: the first one's target is frozen.)"""
    trial = Trial(kafka, topic, PARTITIONS, to=far_kafka, target_partitions=PARTITIONS + 2)
    kafka.create_topic(trial.target, PARTITIONS + 2)
    first, guest = (cooperative(settings_of(trial, "at_least_once", "topic.metadata.refresh.interval.ms=1000",
                                            revoke_timeout="40s", to_brokers=to), name)
                    for name, to in (("first", far_kafka), ("guest", kafka)))
    with Load(kafka.brokers, trial.source, PARTITIONS, rate=2000):
        first.start_ready().await_assigned(PARTITIONS)
        first.await_acked(500)
        far_kafka.freeze()
        try:
            first.await_pipeline(lambda p: p["in_flight_records"] > 1000, "records on their way")
            guest.start()
            first.await_pipeline(lambda p: p["counters"]["revoked_partitions"] == PARTITIONS // 2, "half of it leaves")
            kafka.grow_topic(trial.source, PARTITIONS + 2)
            eventually(lambda: "another rebalance came before one was finished" in first.log_text(), 30,
                       lambda: f"it has noticed:\n{first.log_tail()}")
        finally:
            far_kafka.thaw()
        for one in (first, guest):
            one.await_assigned(PARTITIONS // 2 + 1, timeout_s=60)
            one.await_acked(500)
    trial.await_caught_up(first, guest)
    for one in (first, guest):
        trial.stop_clean(one)
    trial.partitions += 2
    assert_never_back(kafka, trial)
    wanted, *found = ({record.key for records in read_topic(cluster, name).records.values() for record in records}
                      for cluster, name in ((kafka, trial.source), (kafka, trial.target), (far_kafka, trial.target)))
    assert wanted == set.union(*found), "nothing is lost"


def test_a_topic_that_comes_later_joins_and_nothing_else_stops(kafka, topic, cooperative):
    stem = topic("t")
    kafka.create_topic(f"{stem}-a", 3)
    settings = relay(kafka, None, "copy.{topic}", sources=[f"^{stem}-.*"], group=topic("group"),
                     to_create={"replication_factor": 1},
                     from_properties=[COOPERATIVE, "topic.metadata.refresh.interval.ms=1000"])
    daemon = cooperative(settings)
    with Load(kafka.brokers, f"{stem}-a", 3, rate=2000) as load:
        daemon.start_ready().await_assigned(3)
        daemon.await_acked(500)
        kafka.create_topic(f"{stem}-b", 2)
        fill(kafka.brokers, f"{stem}-b", [small_record(index) for index in range(200)], 2)
        daemon.await_assigned(5)
        daemon.await_acked(500)
        load.stop()
    copies = {f"copy.{stem}-a": load.produced, f"copy.{stem}-b": 200}

    def held():
        return {name: sum(map(len, read_topic(kafka, name).records.values())) for name in copies
                if kafka.topic_exists(name)}
    eventually(lambda: held() == copies, 60, lambda: f"{copies} relayed, not {held()}", every_s=0.3)
    assert counted(daemon, "assigned_partitions", "revoked_partitions", "lost_partitions") == (5, 0, 0), daemon.brief()
    assert daemon.terminate() == 0, daemon.log_tail()
