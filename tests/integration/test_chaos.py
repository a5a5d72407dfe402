"""The faults of the most worth, in their short form, on three nodes; and the judgement itself, which must see every
broken promise. All faults, and longer: scripts/chaos."""

import os
import pathlib
import random
import subprocess
import sys
import time

import pytest

from chaos.bout import Bout
from chaos.broker_faults import acks_rest
from chaos.campaign import Tally, table
from chaos.clock import MovableClock
from chaos.kafka_tools import coordinator, lead, leaders, move_leaders, transactional_ids
from chaos.promise import (ANY, AT_LEAST_ONCE, AT_MOST_ONCE, CAUSES_OF_REPEATS, COUNTED, DELIVERIES, EXACTLY_ONCE, FAULTS,
                           FROM_COMMITS, NEVER, Evidence, Fault, broken_promises)
from chaos.stall import stalled_thread, why_no_stall
from harness.checker import Place, Verdict, compare
from harness.cluster import AS_RELAY
from harness.proxy import FetchHolder, Proxies
from harness.reader import read_topic
from harness.trial import ExactTrial, Trial
from harness.waiting import eventually, holds_for
from harness.workload import Load, new_producer, send, small_record

SEED = os.environ.get("ALOQD_SEED", "1")

# Where a delivery is left out, the row says no more about it than others do.
SHORT = {
    "brokers-killed": (AT_LEAST_ONCE, EXACTLY_ONCE),
    "group-coordinator-killed": (AT_LEAST_ONCE,),
    "transaction-coordinator-killed": (EXACTLY_ONCE,),
    "one-frozen": (AT_LEAST_ONCE,),
    "two-frozen": (AT_MOST_ONCE, EXACTLY_ONCE),
    "in-sync-replicas-too-few": (AT_LEAST_ONCE,),
    "leaders-moved": (EXACTLY_ONCE,),
    "truncated": (AT_LEAST_ONCE,),
    "members-crash-cooperative": (EXACTLY_ONCE,),
    "not-authorised": (AT_LEAST_ONCE,),
    "takeover-from-the-killed": (EXACTLY_ONCE,),
    "stalled": (AT_MOST_ONCE, EXACTLY_ONCE),
    "blackhole": (EXACTLY_ONCE,),
    "answers-lost": (AT_MOST_ONCE,),
    "clock-moved": (AT_LEAST_ONCE,),
    "files-used-up": (EXACTLY_ONCE,),
}


@pytest.mark.parametrize("name, delivery", [(name, delivery) for name, some in SHORT.items() for delivery in some])
def test_the_promise_is_kept(kafka3, request, name, delivery):
    fault = FAULTS[name]
    # What this machine cannot make (no root, no tmpfs): the fault says what it needs.
    if fault.needs():
        pytest.skip(fault.needs())
    bout = Bout(kafka3, fault, delivery, SEED)
    request.node.daemons = bout.instances
    request.addfinalizer(bout.close)
    verdict, broken = bout.run()
    excuse = broken and delivery == EXACTLY_ONCE and bout.trial.excused_by_kafka(verdict)
    if excuse:
        pytest.skip(excuse)
    assert not broken, (broken, verdict, bout.evidence)


# ---- acks = 1 ----

def test_acks_1_loses_nothing_while_its_leaders_stay(kafka3, topic, aloqd):
    """Connections are reset under load. A change of leaders may cost the order. They are moved at rest, when all that they have
    acknowledged is copied: under load it could be lost by that."""
    rng, trial, proxies = random.Random(SEED), Trial(kafka3, topic, 6), Proxies(kafka3)
    daemon = aloqd(trial.settings(to_acks=1, to_brokers=proxies.brokers, to_properties=AS_RELAY))

    def arrived():
        """What every in-sync replica has, in whatever order."""
        return compare(*(read_topic(kafka3, name).records for name in (trial.source, trial.target)))

    def all_is_there():
        verdict = arrived()
        return not (verdict.lost or verdict.altered or verdict.misplaced)

    def relay_under_resets(first):
        with Load(kafka3.brokers, trial.source, 6, rate=2000, first=first) as load:
            daemon.await_acked(500)
            for _ in range(4):
                proxies.reset_all()
                daemon.await_acked(300)
        trial.await_caught_up(daemon)
        return first + load.produced
    try:
        daemon.start()
        produced = relay_under_resets(0)
        eventually(all_is_there, 30, lambda: f"all is copied: {arrived()}")
        move_leaders(kafka3, trial.target, rng)
        produced = relay_under_resets(produced)
        trial.stop_clean(daemon)
        eventually(all_is_there, 30, lambda: f"all is copied: {arrived()}")
    finally:
        proxies.close()
    assert arrived().compared == produced


# ---- what the client library makes of it ----

def write_transaction(producer, topic, indices, commit=True):
    producer.begin_transaction()
    for index in indices:
        send(producer, topic, 0, small_record(index))
    producer.flush(30)
    (producer.commit_transaction if commit else producer.abort_transaction)(30)


def test_an_overtaken_answer_hides_nothing_that_was_committed(kafka3, topic, aloqd):
    """A leader gets a request to fetch late, and answers it when another one has led meanwhile and it leads again: with
    what librdkafka has had from the other, and a committed transaction that it then takes for an aborted one
    (src/kafka/source_doubts.c)."""
    trial = Trial(kafka3, topic)
    kafka3.commit(trial.group, trial.source, {0: 0})
    heart = coordinator(kafka3, "__consumer_offsets", trial.group)  # must not miss a heartbeat
    first, second = (node for node in (1, 2, 3) if node != heart)
    lead(kafka3, trial.source, {0: first})
    proxies = Proxies(kafka3, FetchHolder)
    at = {node: proxies.each[node - 1] for node in (first, second)}

    def await_acked(records):
        daemon.await_pipeline(lambda p: p["counters"]["acked_records"] == records, f"{records} are relayed")

    def await_migration(before, now):
        eventually(lambda: f"migrating from broker {before} to {now}" in daemon.log_text(), 30,
                   lambda: f"librdkafka goes from {before} to {now}:\n{daemon.log_tail()}")

    daemon = aloqd(trial.settings(aloqd_log_level="debug", from_brokers=proxies.brokers, from_properties=[
        *AS_RELAY, "topic.metadata.refresh.interval.ms=300", "socket.timeout.ms=60000", "debug=topic"]))
    producer = new_producer(kafka3.brokers, transactional_id=trial.source)
    try:
        daemon.start_ready()
        producer.init_transactions(30)
        write_transaction(producer, trial.source, range(5))
        await_acked(5)
        at[first].set(holding=True)
        eventually(at[first].holds, 10, "the next request is kept from the first leader")
        lead(kafka3, trial.source, {0: second})
        write_transaction(producer, trial.source, range(5, 15), commit=False)
        write_transaction(producer, trial.source, range(15, 20))
        await_migration(first, second)
        await_acked(10)
        at[second].set(holding=True)
        eventually(at[second].holds, 10, "and from the second")
        lead(kafka3, trial.source, {0: first})
        await_migration(second, first)
        write_transaction(producer, trial.source, range(20, 25))
        kafka3.await_no_open_transaction(trial.source)
        passed = at[first].passed
        at[first].set(holding=False)
        eventually(lambda: at[first].passed >= passed + 2, 30, "what was kept is answered: there is another request")
        at[second].set(holding=False)
        write_transaction(producer, trial.source, range(25, 30))
        verdict = trial.finish(daemon)
    finally:
        proxies.close()
    assert verdict.kept_exactly(), verdict


def make_lead_some(cluster, topic, nodes):
    """One of the nodes leads a partition at least: the tests before may have left it none."""
    if nodes.isdisjoint(leaders(cluster, topic).values()):
        lead(cluster, topic, {0: min(nodes)})
        eventually(lambda: leaders(cluster, topic)[0] in nodes, 30, f"a node of {nodes} leads of {topic}")


def test_a_transaction_that_hangs_stops_no_polling(kafka3, topic, aloqd):
    """The coordinator of transactions is frozen when one is to be ended, and with it one more, so that no other takes its
    place, for longer than a member may be silent. The third is the group's coordinator, has the target, and hears of the
    member all the while."""
    trial = ExactTrial(kafka3, topic, replicas=1, min_insync_replicas=1)
    kafka3.commit(trial.group, trial.source, {0: 0})
    new_producer(kafka3.brokers, transactional_id=trial.source).init_transactions(30)  # the internal topics are there now
    heart = leaders(kafka3, trial.target)[0]
    others = [node for node in (1, 2, 3) if node != heart]
    make_lead_some(kafka3, "__consumer_offsets", {heart})
    make_lead_some(kafka3, "__transaction_state", set(others))
    trial.group = next(name for name in (topic(f"group-{number}") for number in range(100))
                       if coordinator(kafka3, "__consumer_offsets", name) == heart)
    name, frozen_first = next((name, node) for name, node in (
        (name, coordinator(kafka3, "__transaction_state", f"aloqd.relay.{name}.0"))
        for name in (f"hung-{number}" for number in range(100))) if node != heart)
    # A heartbeat may be late on a busy machine; a poll may not.
    membership = ["session.timeout.ms=10000", "heartbeat.interval.ms=1000", "max.poll.interval.ms=10000"]
    daemon = aloqd(trial.settings(revoke_timeout="6s", from_properties=membership, commit={"interval": "5s"}), name)

    def has_stayed():
        pipeline = daemon.pipeline()
        return pipeline["restarts"] == 0 and pipeline["counters"]["lost_partitions"] == 0

    def hangs():
        pipeline = daemon.pipeline()
        return (pipeline["counters"]["transactions_committed"] == ended and pipeline["held_records"] > 0 and
                pipeline["in_flight_records"] == 0)
    with Load(kafka3.brokers, trial.source, 1, rate=500):
        ended = daemon.start_ready().await_pipeline(
            lambda p: p["counters"]["transactions_committed"] > 0, "a transaction is ended")["counters"]["transactions_committed"]
        daemon.await_acked(100)
        assert transactional_ids(kafka3)[f"aloqd.relay.{name}.0"] == frozen_first
        for node in sorted(others, key=lambda node: node != frozen_first):
            kafka3.freeze(node)
        try:
            eventually(lambda: hangs() and acks_rest(daemon), 20, daemon.brief)
            holds_for(lambda: has_stayed() and hangs(), 12, daemon.brief, every_s=0.2)
        finally:
            for node in others:
                kafka3.thaw(node)
        daemon.await_acked(1000)
    assert has_stayed(), daemon.brief()
    verdict = trial.finish(daemon)
    assert verdict.kept_exactly(), verdict


# ---- the tools ----

def test_the_clock_of_one_process_is_moved():
    clock = MovableClock()
    try:
        for ahead_s in (0, 3600, -3600):
            clock.move_to(ahead_s)
            said = subprocess.run(["date", "+%s"], env={**os.environ, **clock.environment}, stdout=subprocess.PIPE,
                                  check=True).stdout
            assert abs(int(said) - ahead_s - time.time()) < 20, (ahead_s, said)
    finally:
        clock.close()


@pytest.mark.skipif(why_no_stall() is not None, reason=str(why_no_stall()))
def test_one_thread_of_a_process_stands_still_while_the_others_run():
    program = "import threading as t; t.Thread(target=t.Event().wait).start(); print(flush=True); t.Event().wait()"
    process = subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE)

    def states():
        """{is it the first thread: its state}; the first thread has the process's number."""
        return {int(thread.name) == process.pid: (thread / "stat").read_text().rsplit(")", 1)[1].split()[0]
                for thread in pathlib.Path(f"/proc/{process.pid}/task").iterdir()}
    try:
        process.stdout.readline()
        asleep = {True: "S", False: "S"}
        eventually(lambda: states() == asleep, 10, "both threads wait")
        with stalled_thread(process.pid):
            assert states() == {True: "t", False: "S"}
        eventually(lambda: states() == asleep, 10, "the thread is let go")
    finally:
        process.kill()
        process.communicate()


# ---- the judgement ----

def fault(repeats=NEVER, lost=NEVER, stalled_owner=False):
    return Fault("a-fault", "a fault", None, repeats, lost, stalled_owner, DELIVERIES, None)


def verdict(**found):
    made = Verdict()
    for name, value in found.items():
        setattr(made, name, value)
    return made


KEPT = {}
LOST = {"lost": ["one"]}
ALTERED = {"altered": ["one"]}
MISPLACED = {"misplaced": ["one"]}
DISORDERED = {"out_of_order": ["one"]}
WITHOUT_ORDER = {"out_of_order": ["one"], "without_order": ["one"]}
REPEATED = {"repeated": 3, "restarts": [Place(0, 7)]}


@pytest.mark.parametrize("allowed", [NEVER, COUNTED, FROM_COMMITS, ANY])
@pytest.mark.parametrize("delivery", [AT_MOST_ONCE, AT_LEAST_ONCE, EXACTLY_ONCE])
def test_what_no_fault_may_do_is_always_seen(delivery, allowed):
    one = fault(repeats=allowed, lost=allowed)
    assert broken_promises(one, delivery, verdict(**KEPT), Evidence()) == []
    for found in (ALTERED, MISPLACED, DISORDERED):
        assert broken_promises(one, delivery, verdict(**found), Evidence()), found
    if delivery != AT_MOST_ONCE:
        assert broken_promises(one, delivery, verdict(**LOST), Evidence())
    if delivery != AT_LEAST_ONCE:
        assert broken_promises(one, delivery, verdict(**REPEATED), Evidence())


@pytest.mark.parametrize("allowed, counted, kept", [
    (NEVER, 3, False), (COUNTED, 2, False), (COUNTED, 3, True), (ANY, 0, True)])
def test_repeats_and_losses_are_held_against_what_was_counted(allowed, counted, kept):
    evidence = Evidence({"repeated_records": counted, "lost_records": counted, "restarts": 1})
    repeats = broken_promises(fault(repeats=allowed), AT_LEAST_ONCE, verdict(**REPEATED), evidence)
    losses = broken_promises(fault(lost=allowed), AT_MOST_ONCE, verdict(lost=["one", "two", "three"]), evidence)
    assert (not repeats, not losses) == (kept, kept), (repeats, losses)


@pytest.mark.parametrize("cause", [*CAUSES_OF_REPEATS, None])
def test_nothing_is_repeated_while_assignment_and_producer_are_kept(cause):
    """Not even what is counted."""
    evidence = Evidence({"repeated_records": 3, "acked_records": 1000, **dict.fromkeys(CAUSES_OF_REPEATS, 0)})
    if cause:
        evidence.counters[cause] = 1
    broken = broken_promises(fault(repeats=COUNTED), AT_LEAST_ONCE, verdict(**REPEATED), evidence)
    assert bool(broken) == (cause is None), broken


def test_what_an_instance_that_was_killed_has_counted_is_not_held_against_it():
    evidence = Evidence({"repeated_records": 3}, killed=1)
    assert not broken_promises(fault(repeats=COUNTED), AT_LEAST_ONCE, verdict(**REPEATED), evidence)


def test_repeats_begin_at_committed_offsets():
    one = fault(repeats=FROM_COMMITS)
    assert not broken_promises(one, AT_LEAST_ONCE, verdict(**REPEATED), Evidence(began_at={Place(0, 7)}))
    assert broken_promises(one, AT_LEAST_ONCE, verdict(**REPEATED), Evidence(began_at={Place(1, 7), Place(0, 6)}))


def test_a_stalled_owner_excuses_a_late_request_and_with_exactly_once_nothing():
    one = fault(repeats=ANY, lost=ANY, stalled_owner=True)
    assert not broken_promises(one, AT_LEAST_ONCE, verdict(**DISORDERED), Evidence())
    assert broken_promises(one, AT_LEAST_ONCE, verdict(**WITHOUT_ORDER), Evidence())
    assert not broken_promises(one, AT_MOST_ONCE, verdict(**DISORDERED, late_runs=2), Evidence({"lost_partitions": 2}))
    assert broken_promises(one, AT_MOST_ONCE, verdict(**DISORDERED, late_runs=2), Evidence({"lost_partitions": 1}))
    assert broken_promises(one, EXACTLY_ONCE, verdict(**DISORDERED), Evidence({"lost_partitions": 1}))


def test_the_evidence_sums_over_instances():
    evidence = Evidence()
    for repeated in (2, 5):
        evidence.add({"counters": {"repeated_records": repeated, "unsettled": None}, "log_gaps": 1})
    evidence.add({})
    assert evidence.count("repeated_records") == 7 and evidence.count("log_gaps") == 2


def test_the_table_says_what_was_kept_broken_and_skipped():
    tallies = {("sigterm", AT_LEAST_ONCE): Tally(rounds=2, records=100, took_s=3.4),
               ("kill-9", EXACTLY_ONCE): Tally(rounds=1, repeated=4, broken=1),
               ("disk-full", AT_LEAST_ONCE): Tally(skipped="no root")}
    said = "\n".join(table(tallies))
    for part in ("kept", "BROKEN 1 times", "skipped: no root"):
        assert part in said, said
