"""Members of a group: several in one process, static ones, one that pauses, and one that is held up."""

import time

import pytest
from confluent_kafka import Consumer

from harness.aloqd import aloqctl
from harness.checker import Place
from harness.config import QUICK_SESSION
from harness.proxy import CommitHolder
from harness.trial import CommitAudit, Trial
from harness.waiting import eventually, holds_for
from harness.workload import Load, fill, small_record

PARTITIONS, MEMBERS = 6, 3


def shares(daemon):
    """How many partitions each member reads."""
    return [member["partition_count"] for member in daemon.pipeline().get("members", [])]


def await_shared(daemon):
    daemon.await_assigned(PARTITIONS)
    eventually(lambda: shares(daemon) == [PARTITIONS // MEMBERS] * MEMBERS, 45,
               lambda: f"the members share the partitions; they have {shares(daemon)}\n{daemon.log_tail()}")


def test_three_members_share_the_partitions_and_sigterm_repeats_nothing(kafka, topic, aloqd):
    trial = Trial(kafka, topic, PARTITIONS)
    daemon = aloqd(trial.settings(members=MEMBERS))
    with Load(kafka.brokers, trial.source, PARTITIONS, rate=4000) as load:
        for _ in range(2):
            daemon.start_ready()
            await_shared(daemon)
            daemon.await_acked(3000)
            pipeline = daemon.pipeline()
            assert len(pipeline["partitions"]) == PARTITIONS
            assert {partition["member"] for partition in pipeline["partitions"]} == {1, 2, 3}
            assert all(member["acked_records"] > 0 for member in pipeline["members"]), pipeline["members"]
            assert sum(m["acked_records"] for m in pipeline["members"]) == pipeline["counters"]["acked_records"]
            assert daemon.terminate() == 0, daemon.log_tail()
        load.stop()
    for number in range(1, MEMBERS + 1):
        assert f"pipeline=relay member={number}: the group has assigned" in daemon.log_text()
    daemon.start_ready()
    verdict = trial.finish(daemon)
    assert verdict.compared == load.produced and verdict.kept_exactly(), verdict


def test_three_members_relay_exactly_once_side_by_side(kafka, topic, aloqd):
    """Each has a transactional id of its own: none fences another."""
    trial = Trial(kafka, topic, PARTITIONS)
    daemon = aloqd(trial.settings(members=MEMBERS, delivery="exactly_once"))
    with Load(kafka.brokers, trial.source, PARTITIONS, rate=4000):
        daemon.start_ready()
        await_shared(daemon)
        daemon.await_acked(4000)
    pipeline = daemon.pipeline()
    assert pipeline["state"] == "running" and pipeline["counters"]["transactions_aborted"] == 0, daemon.brief()
    verdict = trial.finish(daemon)
    assert verdict.kept_exactly(), verdict


def test_three_members_killed_lose_nothing(kafka, topic, aloqd):
    trial = Trial(kafka, topic, PARTITIONS)
    daemon = aloqd(trial.settings(members=MEMBERS, from_properties=QUICK_SESSION))
    audit = CommitAudit(trial)
    restarted_from = {Place(partition, 0) for partition in range(PARTITIONS)}
    with Load(kafka.brokers, trial.source, PARTITIONS, rate=4000):
        for _ in range(3):
            daemon.start()
            await_shared(daemon)
            daemon.await_acked(2500)
            daemon.kill()
            restarted_from |= {Place(partition, offset) for partition, offset in audit.look().items()}
    daemon.start()
    verdict = trial.finish(daemon)
    audit.close()
    assert verdict.kept_at_least_once(), verdict
    assert set(verdict.restarts) <= restarted_from, (verdict.restarts, restarted_from)


def assert_no_rebalance(before, after):
    for name in ("assigned_partitions", "revoked_partitions", "lost_partitions"):
        assert after[name] == before[name], (name, before, after)


def test_a_paused_instance_keeps_its_partitions_and_relays_nothing_until_it_is_resumed(kafka, topic, aloqd):
    trial = Trial(kafka, topic, 6)
    # Neither comes before the end: what is committed is so because of the pause.
    settings = trial.settings(commit={"records": 1000000, "interval": "1h"})
    paused, other = aloqd(settings, "paused"), aloqd(settings, "other")
    with Load(kafka.brokers, trial.source, 6, rate=2000):
        for instance in (paused, other):
            instance.start()
        for instance in (paused, other):
            instance.await_assigned(3)
            instance.await_acked(500)
        before = [instance.pipeline()["counters"] for instance in (paused, other)]
        assert aloqctl(paused, "pause", "nobody").returncode == 1
        said = aloqctl(paused, "pause", "relay")
        assert said.returncode == 0 and said.stdout == "relay: paused\n", said
        rest = paused.pipeline()
        marks = {partition["partition"]: partition["mark"] for partition in rest["partitions"]}
        committed = trial.committed()
        assert len(marks) == 3 and marks == {number: committed.get(number) for number in marks}, (marks, committed)
        ends = kafka.log_ends(trial.source)

        def is_at_rest():
            pipeline = paused.pipeline()
            return (pipeline["state"] == "paused" and pipeline["held_records"] == 0 and
                    pipeline["counters"]["acked_records"] == rest["counters"]["acked_records"])

        holds_for(is_at_rest, 1, paused.brief)
        assert {partition["waits_for"] for partition in paused.pipeline()["partitions"]} == {"paused"}
        assert paused.get("/readyz")[0] == 200
        other.await_acked(500)
        grown = kafka.log_ends(trial.source)
        assert all(grown[number] > ends[number] for number in marks), (ends, grown)
        said = aloqctl(paused, "resume", "relay")
        assert said.returncode == 0 and said.stdout == "relay: running\n", said
        paused.await_acked(500)
        for instance, counters in zip((paused, other), before):
            assert_no_rebalance(counters, instance.pipeline()["counters"])
    trial.await_caught_up(paused, other)
    assert aloqctl(paused, "pause", "relay").returncode == 0
    for instance in (paused, other):
        trial.stop_clean(instance)
    verdict = trial.verdict()
    assert verdict.kept_exactly(), verdict


def test_a_paused_instance_stays_paused_whoever_joins_and_leaves(kafka, topic, aloqd):
    """What a rebalance brings it is paused, too."""
    trial = Trial(kafka, topic, 6)
    paused, guest = aloqd(trial.settings(), "paused"), aloqd(trial.settings(), "guest")

    def is_at_rest(partitions):
        pipeline = paused.pipeline()
        return (pipeline["state"] == "paused" and pipeline["held_records"] == 0 and
                pipeline["counters"]["acked_records"] == acked and
                [partition["waits_for"] for partition in pipeline["partitions"]] == ["paused"] * partitions)
    with Load(kafka.brokers, trial.source, 6, rate=2000):
        paused.start_ready().await_assigned(6)
        paused.await_acked(500)
        assert aloqctl(paused, "pause", "relay").returncode == 0
        acked = paused.counter("acked_records")
        guest.start_ready().await_assigned(3)
        eventually(lambda: is_at_rest(3), 20, paused.brief)
        guest.await_acked(1000)
        holds_for(lambda: is_at_rest(3), 1, paused.brief)
        trial.stop_clean(guest)
        eventually(lambda: is_at_rest(6), 20, paused.brief)
        ends = kafka.log_ends(trial.target)
        holds_for(lambda: is_at_rest(6), 2, paused.brief)
        assert kafka.log_ends(trial.target) == ends and paused.pipeline()["lag"] > 0
        assert paused.counter("assigned_partitions") >= 6 + 3 + 6 and paused.counter("lost_partitions") == 0
        assert aloqctl(paused, "resume", "relay").returncode == 0
        paused.await_acked(500)
    verdict = trial.finish(paused)
    assert verdict.kept_exactly(), verdict


def test_a_static_member_restarts_without_a_rebalance(kafka, topic, aloqd):
    trial = Trial(kafka, topic, 6)
    settings = trial.settings(from_static_membership=True)
    one, other = aloqd(settings, "one"), aloqd(settings, "other")
    with Load(kafka.brokers, trial.source, 6, rate=2000):
        for instance in (one, other):
            instance.start()
        for instance in (one, other):
            instance.await_assigned(3)
            instance.await_acked(500)
        before = other.pipeline()["counters"]
        for _ in range(3):
            assert one.terminate() == 0, one.log_tail()
            one.start().await_assigned(3)
            one.await_acked(100)
        after = other.pipeline()["counters"]
    assert_no_rebalance(before, after)
    trial.await_caught_up(one, other)
    for instance in (one, other):
        trial.stop_clean(instance)
    verdict = trial.verdict()
    assert verdict.kept_exactly(), verdict


def test_two_static_members_of_one_name_do_not_fight_for_ever(kafka, topic, aloqd):
    trial = Trial(kafka, topic, 2)
    settings = trial.settings(from_static_membership=True)
    first = aloqd(settings, "twin").start_ready()
    second = aloqd(settings, "twin").start_ready()
    reason = first.await_state("failed")["reason"]
    assert "give each its own aloqd.instance" in reason, reason
    second.await_assigned(2)


# ---- polling never stops ----

# A member that does not poll for this long is out, and one that is not heard of for the session.
POLLED = ["max.poll.interval.ms=10000", "session.timeout.ms=6000", "heartbeat.interval.ms=1000"]


def test_a_full_window_stops_no_polling(kafka, far_kafka, topic, aloqd):
    """The target is frozen for longer than a member may be silent: nothing is lost, and who joins meanwhile gets its part as
    soon as revoke_timeout lets it."""
    trial = Trial(kafka, topic, 2, to=far_kafka)
    fill(kafka.brokers, trial.source, map(small_record, range(500)), 2)
    daemon = aloqd(trial.settings(aloqd_memory="32MiB", revoke_timeout="2s", from_properties=POLLED)).start_ready()
    rival = Consumer({"bootstrap.servers": kafka.brokers, "group.id": trial.group, "enable.auto.commit": False})

    def has_stayed():
        pipeline = daemon.pipeline()
        return pipeline["restarts"] == 0 and pipeline["counters"]["lost_partitions"] == 0
    trial.await_caught_up(daemon)
    far_kafka.freeze()
    try:
        fill(kafka.brokers, trial.source, map(small_record, range(500, 40_000)), 2)
        daemon.await_pipeline(lambda p: p["held_records"] > 1000, "the window fills")
        holds_for(has_stayed, 11, daemon.brief, every_s=0.2)
        pipeline = daemon.pipeline()
        assert pipeline["lag"] > pipeline["held_records"] + 10_000, "the window is full, and there is more to read"
        began = time.monotonic()
        rival.subscribe([trial.source])
        eventually(lambda: (rival.poll(0.1), rival.assignment())[1], 20, lambda: f"a part for who joins; {daemon.brief()}")
        assert time.monotonic() - began < 2 + 5, "the rebalance is answered"
        assert len(rival.assignment()) == 1, "who joins shares, and does not take all over"
        daemon.await_pipeline(lambda p: p["counters"]["revoke_timeouts"] > 0, "the bound of the revoke was exceeded")
        daemon.await_pipeline(lambda p: p["held_records"] > 0 and len(p["partitions"]) == 1, "it reads on what it has kept")
        holds_for(lambda: (rival.poll(0), has_stayed())[1], 11, daemon.brief, every_s=0.2)
    finally:
        far_kafka.thaw()
        rival.close()
    daemon.await_assigned(2)
    assert has_stayed(), daemon.brief()
    verdict = trial.finish(daemon)
    assert not verdict.lost and not verdict.altered and not verdict.misplaced, verdict


# ---- commits that fail ----

@pytest.mark.parametrize("fails", [False, True], ids=["unanswered", "failing"])
def test_commits_that_fail_spiral_into_no_rebalance(kafka, topic, aloqd, fails):
    """For longer than the session none is answered, and then all are. Where one fails meanwhile, its connection goes with
    it: the coordinator's."""
    trial = Trial(kafka, topic, 2)
    holder = CommitHolder(kafka.proxied_port, kafka.alias_port)
    through = f"127.0.0.1:{kafka.proxied_port}"
    daemon = aloqd(trial.settings(
        from_brokers=through, to_brokers=kafka.brokers, commit={"interval": "100ms"},
        from_properties=["session.timeout.ms=6000", "heartbeat.interval.ms=1000",
                         f"socket.timeout.ms={1500 if fails else 60_000}"]))

    def membership():
        pipeline = daemon.pipeline()
        return (pipeline["restarts"], *(pipeline["counters"][f"{what}_partitions"]
                                        for what in ("assigned", "revoked", "lost")))
    try:
        with Load(kafka.brokers, trial.source, 2, rate=500):
            daemon.start_ready().await_assigned(2)
            daemon.await_pipeline(lambda p: p["counters"]["commits"] > 2, "commits")
            before = membership()
            holder.set(holding=True)
            eventually(holder.holds, 10, "a commit is held")
            holds_for(lambda: membership() == before, 10, daemon.brief, every_s=0.2)
            pipeline, tries = daemon.pipeline(), holder.holds()
            assert fails == (pipeline["counters"]["commit_failures"] > 0), daemon.brief()
            assert tries <= 10 if fails else tries == 1, f"{tries} tries in 10 s: {daemon.log_tail()}"
            daemon.await_acked(500)  # nothing else waits for it
            holder.set(holding=False)
            committed = pipeline["counters"]["commits"]
            daemon.await_pipeline(lambda p: p["counters"]["commits"] > committed + 2, "commits again")
        trial.await_caught_up(daemon)
        assert membership() == before, daemon.brief()
        trial.stop_clean(daemon)
    finally:
        holder.close()
    assert trial.committed() == kafka.log_ends(trial.source)
    verdict = trial.verdict()
    assert verdict.kept_exactly(), verdict
