"""Where reading starts, what is crossed and what never is: start, isolation, markers, gaps."""

import contextlib

import pytest
from confluent_kafka import Consumer

from harness.config import QUICK_SESSION
from harness.proxy import CommitAnswers, FetchHolder, ListOffsetsHolder
from harness.reader import read_topic
from harness.trial import TRIALS, Trial
from harness.waiting import eventually, holds_for
from harness.workload import EPOCH_MS, Record, CREATED, Load, fill, new_producer, send, small_record


def numbered(start, count):
    return [small_record(index) for index in range(start, start + count)]


def relayed_numbers(trial):
    """What the target holds, as the numbers that small_record() put in the keys."""
    return sorted(int(record.key) for records in read_topic(trial.to, trial.target).records.values()
                  for record in records)


# ---- start ----

def test_start_earliest_is_the_default_and_is_committed_first(kafka, topic, faulty):
    trial = Trial(kafka, topic, 1)
    fill(kafka.brokers, trial.source, numbered(0, 20), 1)
    kafka.delete_records(trial.source, {0: 5})
    daemon = faulty(trial.settings(from_properties=QUICK_SESSION))
    # Dead with the first record in its hands.
    daemon.start_to_die("after-fetch").await_death()
    assert trial.committed() == {0: 5} and relayed_numbers(trial) == []
    daemon.start_ready()
    trial.await_caught_up(daemon)
    trial.stop_clean(daemon)
    assert relayed_numbers(trial) == list(range(5, 20))


def test_start_latest_is_committed_so_that_a_crash_cannot_move_it(kafka, topic, aloqd):
    trial = Trial(kafka, topic, 2)
    fill(kafka.brokers, trial.source, numbered(0, 20), 2)
    daemon = aloqd(trial.settings(from_start="latest", from_properties=QUICK_SESSION)).start_ready()
    daemon.await_assigned(2)
    eventually(lambda: trial.committed() == {0: 10, 1: 10}, 10,
               lambda: f"the start is committed: {trial.committed()}")
    daemon.kill()
    # Written while nobody reads: a second `latest` would skip them.
    fill(kafka.brokers, trial.source, numbered(20, 10), 2)
    daemon.start_ready()
    trial.await_caught_up(daemon)
    trial.stop_clean(daemon)
    assert relayed_numbers(trial) == list(range(20, 30))


@contextlib.contextmanager
def one_generation(kafka, trial, members):
    """So many that join inside get their first assignment at once: until then a member that gives nothing back holds
    the group."""
    holder = Consumer({"bootstrap.servers": kafka.brokers, "group.id": trial.group, "enable.auto.commit": False,
                       "auto.offset.reset": "latest", "log_level": 2})
    try:
        holder.subscribe([trial.source])
        eventually(lambda: holder.poll(0.1) or holder.assignment(), 30, "the group is held")
        yield
        eventually(lambda: len(kafka.admin.list_groups(trial.group, timeout=10)[0].members) == members + 1, 30,
                   lambda: kafka.admin.list_groups(trial.group, timeout=10)[0].members)
        assert trial.committed() == {}
    finally:
        holder.close()


def begin_together(kafka, topic, faulty, session):
    """Two members of a new group, which is to begin at the end: the one that has partition 0 is frozen before it has
    committed where. (Partitions are dealt out by the names that they have given themselves.)"""
    trial = Trial(kafka, topic, 2)
    fill(kafka.brokers, trial.source, numbered(0, 20), 2)
    first, second = (faulty(trial.settings(name=name, from_start="latest", from_properties=session), name)
                     for name in ("first", "second"))
    with one_generation(kafka, trial, 2):
        first.start_to_freeze("before-start-commit")
        second.start()
    first.await_frozen()
    return trial, first, second


def test_who_begins_with_others_puts_no_commit_of_theirs_back(kafka, topic, faulty):
    """The owner of partition 0 commits for all, and a broker takes that whenever it comes: the others wait for it."""
    trial, first, second = begin_together(kafka, topic, faulty, ["session.timeout.ms=30000"])
    fill(kafka.brokers, trial.source, numbered(20, 20), 2)
    holds_for(lambda: trial.committed() == {} and second.counter("consumed_records") == 0, 1.5,
              lambda: f"{trial.committed()} committed; {second.brief()}", every_s=0.2)
    first.thaw()
    trial.await_caught_up(first, second)
    assert second.pipeline()["restarts"] == 0
    trial.stop_clean(first)
    trial.stop_clean(second)
    assert relayed_numbers(trial) == list(range(20, 40))
    for partition, offsets in kafka.commit_history(trial.group, trial.source).items():
        assert offsets == sorted(offsets) and offsets[0] == 10, (partition, offsets)


def test_the_owner_of_partition_0_commits_a_start_at_latest_for_all(kafka, topic, faulty):
    """Or what another member had, and has not begun, would be taken for a partition that came later."""
    trial, first, second = begin_together(kafka, topic, faulty,
                                          ["session.timeout.ms=6000", "heartbeat.interval.ms=500"])
    second.kill()
    first.thaw()
    eventually(lambda: trial.committed() == {0: 10, 1: 10}, 10, lambda: f"committed: {trial.committed()}")
    fill(kafka.brokers, trial.source, numbered(20, 10), 2)
    first.await_assigned(2)
    trial.await_caught_up(first)
    trial.stop_clean(first)
    assert relayed_numbers(trial) == list(range(20, 30))


def test_start_applies_only_to_a_group_without_committed_offsets(kafka, topic, aloqd):
    trial = Trial(kafka, topic, 1)
    fill(kafka.brokers, trial.source, numbered(0, 20), 1)
    kafka.commit(trial.group, trial.source, {0: 7})
    daemon = aloqd(trial.settings(from_start="latest")).start_ready()
    trial.await_caught_up(daemon)
    trial.stop_clean(daemon)
    assert relayed_numbers(trial) == list(range(7, 20))


def test_start_timestamp_begins_at_the_first_record_not_older(kafka, topic, aloqd):
    trial = Trial(kafka, topic, 2)
    # Partition 0 has even numbers, 1 odd ones; all timestamps of partition 1 are older from here on.
    fill(kafka.brokers, trial.source, numbered(0, 40), 2)
    daemon = aloqd(trial.settings(from_start=f"timestamp:{EPOCH_MS + 25}")).start_ready()
    trial.await_caught_up(daemon)
    trial.stop_clean(daemon)
    assert relayed_numbers(trial) == list(range(25, 40))


def test_start_timestamp_later_than_all_records_begins_at_the_end(kafka, topic, aloqd):
    trial = Trial(kafka, topic, 1)
    fill(kafka.brokers, trial.source, numbered(0, 10), 1)
    daemon = aloqd(trial.settings(from_start="timestamp:2090-01-01T00:00:00Z")).start_ready()
    daemon.await_assigned(1)
    eventually(lambda: trial.committed() == {0: 10}, 10, lambda: f"committed: {trial.committed()}")
    fill(kafka.brokers, trial.source, numbered(10, 5), 1)
    trial.await_caught_up(daemon)
    trial.stop_clean(daemon)
    assert relayed_numbers(trial) == list(range(10, 15))


def test_start_none_blocks_where_nothing_is_committed(kafka, topic, aloqd):
    trial = Trial(kafka, topic, 1)
    fill(kafka.brokers, trial.source, numbered(0, 10), 1)
    daemon = aloqd(trial.settings(from_start="none")).start()
    daemon.await_state("blocked")
    assert trial.source in str(daemon.partitions(state="blocked")), daemon.partitions()
    assert daemon.get("/readyz")[0] == 503
    daemon.terminate()
    assert trial.committed() == {} and relayed_numbers(trial) == []
    kafka.commit(trial.group, trial.source, {0: 4})
    daemon.start_ready()
    trial.await_caught_up(daemon)
    trial.stop_clean(daemon)
    assert relayed_numbers(trial) == list(range(4, 10))


def test_partitions_that_appear_later_are_read_from_their_beginning(kafka, topic, aloqd):
    trial = Trial(kafka, topic, 1, target_partitions=3)
    daemon = aloqd(trial.settings(from_start="latest",
                                  from_properties=["topic.metadata.refresh.interval.ms=500"]))
    daemon.start_ready().await_assigned(1)
    kafka.grow_topic(trial.source, 3)
    fill(kafka.brokers, trial.source, numbered(0, 30), 3)
    daemon.await_assigned(3)
    trial.await_caught_up(daemon)
    trial.stop_clean(daemon)
    assert relayed_numbers(trial) == list(range(30))


# ---- isolation and markers ----

def transaction(kafka, name, records, commit, partitions=1):
    """All of the records are in the log, aborted or not."""
    producer = new_producer(kafka.brokers, transactional_id=f"{name}-writer")
    producer.init_transactions(30)
    producer.begin_transaction()
    for index, record in enumerate(records):
        send(producer, name, index % partitions, record)
    producer.flush(30)
    if commit:
        producer.commit_transaction(30)
    else:
        producer.abort_transaction(30)


def transactions_in(kafka, name, partitions=1):
    """0-9 committed, 10-19 aborted, 20-29 plain, 30-39 aborted."""
    transaction(kafka, name, numbered(0, 10), True, partitions)
    transaction(kafka, name, numbered(10, 10), False, partitions)
    fill(kafka.brokers, name, numbered(20, 10), partitions)
    transaction(kafka, name, numbered(30, 10), False, partitions)


def test_read_committed_relays_no_aborted_record(kafka, topic, aloqd):
    trial = Trial(kafka, topic, 2)
    transactions_in(kafka, trial.source, 2)
    daemon = aloqd(trial.settings()).start_ready()
    trial.await_caught_up(daemon)
    trial.stop_clean(daemon)
    assert relayed_numbers(trial) == [*range(10), *range(20, 30)]
    assert trial.verdict().kept_exactly()


def test_read_uncommitted_relays_aborted_records_too(kafka, topic, aloqd):
    trial = Trial(kafka, topic, 2)
    transactions_in(kafka, trial.source, 2)
    daemon = aloqd(trial.settings(from_isolation="read_uncommitted")).start_ready()
    trial.await_caught_up(daemon)
    trial.stop_clean(daemon)
    assert relayed_numbers(trial) == list(range(40))


def test_lag_reaches_0_and_the_commit_the_log_end_behind_markers_and_aborted_records(kafka, topic, aloqd):
    trial = Trial(kafka, topic, 2)
    transactions_in(kafka, trial.source, 2)
    daemon = aloqd(trial.settings(from_properties=QUICK_SESSION)).start_ready()
    daemon.await_pipeline(lambda p: p["lag"] == 0 and len(p["partitions"]) == 2, "lag 0")
    ends = kafka.log_ends(trial.source)
    eventually(lambda: trial.committed() == ends, 15,
               lambda: f"{trial.committed()} committed while it runs, {ends} is the log end")
    daemon.kill()
    # Nothing is left to be read again.
    daemon.start_ready().await_assigned(2)
    trial.stop_clean(daemon)
    assert len(relayed_numbers(trial)) == 20


def test_records_of_an_open_transaction_wait_for_its_end(kafka, topic, aloqd):
    trial = Trial(kafka, topic, 1)
    producer = new_producer(kafka.brokers, transactional_id=f"{trial.source}-open")
    producer.init_transactions(30)
    producer.begin_transaction()
    send(producer, trial.source, 0, small_record(0))
    producer.flush(30)
    fill(kafka.brokers, trial.source, numbered(1, 5), 1)
    daemon = aloqd(trial.settings()).start_ready()
    daemon.await_assigned(1)
    holds_for(lambda: daemon.counter("consumed_records") == 0, 1.0, "no read past an open transaction")
    producer.commit_transaction(30)
    trial.await_caught_up(daemon)
    trial.stop_clean(daemon)
    assert relayed_numbers(trial) == list(range(6))


def test_gaps_of_compaction_are_no_gaps(kafka, topic, aloqd):
    trial = Trial(kafka, topic, 1)
    kafka.alter_topic(trial.source, cleanup_policy="compact", segment_ms=100,
                      min_cleanable_dirty_ratio="0.01", max_compaction_lag_ms=100)
    for wave in range(3):
        fill(kafka.brokers, trial.source,
             [Record(b"%d" % (index % 20), b"v", (), CREATED, EPOCH_MS + 1000 * wave + index)
              for index in range(200)], 1)

    def compacted():
        # Each look writes one more record, so that the active segment is rolled and becomes cleanable.
        fill(kafka.brokers, trial.source, [Record(b"roll", b"", (), CREATED, EPOCH_MS + compacted.looks)], 1)
        compacted.looks += 1
        return len(read_topic(kafka, trial.source).records[0]) < 500
    compacted.looks = 10_000
    eventually(compacted, 60, "the log cleaner leaves gaps", every_s=1)
    daemon = aloqd(trial.settings()).start_ready()
    trial.await_caught_up(daemon)
    trial.stop_clean(daemon)
    assert trial.committed() == kafka.log_ends(trial.source)
    # The cleaner may have run on meanwhile: what the source still has, the target has.
    assert not trial.verdict().lost
    assert "gap in" not in daemon.log_text(), daemon.log_tail()


# ---- gaps ----

def gap(kafka, topic, aloqd, policy, delivery):
    """0-9 relayed and committed; 10-29 written; 10-24 removed by retention: a gap of 15 records."""
    trial = TRIALS[delivery](kafka, topic, 1)
    fill(kafka.brokers, trial.source, numbered(0, 10), 1)
    daemon = aloqd(trial.settings(from_on_gap=policy)).start_ready()
    trial.await_caught_up(daemon)
    trial.stop_clean(daemon)
    fill(kafka.brokers, trial.source, numbered(10, 20), 1)
    kafka.delete_records(trial.source, {0: 25})
    return trial, daemon.start()


@pytest.mark.parametrize("delivery", TRIALS)
def test_on_gap_block_stops_there_and_says_how_much_is_gone(kafka, topic, aloqd, delivery):
    trial, daemon = gap(kafka, topic, aloqd, "block", delivery)
    daemon.await_state("blocked")
    (blocked,) = daemon.partitions(state="blocked").values()
    assert "10" in blocked["error"] and "25" in blocked["error"] and "15" in blocked["error"], blocked
    status, said = daemon.get("/readyz")
    assert status == 503 and "relay" in said, said
    assert daemon.pipeline()["blocked_gaps"] == 1 and daemon.pipeline()["log_gaps"] == 0
    assert 'aloqd_blocked_gaps_total{pipeline="relay"} 1' in daemon.get("/metrics")[1]
    daemon.terminate()
    assert trial.committed() == {0: 10} and relayed_numbers(trial) == list(range(10))


@pytest.mark.parametrize("policy, goes_on_at", [("earliest", 25), ("latest", 30)])
@pytest.mark.parametrize("delivery", TRIALS)
def test_on_gap_crosses_only_as_told_and_counts_it(kafka, topic, aloqd, policy, goes_on_at, delivery):
    trial, daemon = gap(kafka, topic, aloqd, policy, delivery)
    daemon.await_ready()
    daemon.await_pipeline(lambda p: p["log_gaps"] == 1, "the gap is counted")
    assert daemon.pipeline()["log_gap_records"] == goes_on_at - 10
    assert daemon.counter("lost_records") == 0, "what is gone is the source's loss"
    fill(kafka.brokers, trial.source, numbered(30, 5), 1)
    trial.await_caught_up(daemon)
    trial.stop_clean(daemon)
    assert relayed_numbers(trial) == [*range(10), *range(goes_on_at, 35)]
    assert trial.committed() == {0: kafka.log_ends(trial.source)[0]}
    assert any("gap" in line and trial.source in line for line in daemon.log_text().splitlines())


def a_gap_before(kafka, trial):
    """The group stands at 10, and the log begins at 25."""
    fill(kafka.brokers, trial.source, numbered(0, 30), 1)
    kafka.delete_records(trial.source, {0: 25})
    kafka.commit(trial.group, trial.source, {0: 10})


def gap_lines(daemon):
    return [line for line in daemon.log_text().splitlines() if "gap in the source" in line]


@contextlib.contextmanager
def commit_answers(kafka, trial, aloqd):
    """What happens to them, and a daemon whose source lies behind that."""
    answers = CommitAnswers(kafka.proxied_port, kafka.alias_port)
    try:
        yield answers, aloqd(trial.settings(from_brokers=f"127.0.0.1:{kafka.proxied_port}", to_brokers=kafka.brokers,
                                            from_on_gap="earliest",
                                            from_properties=[*QUICK_SESSION, "socket.timeout.ms=1500"]))
    finally:
        answers.close()


@pytest.mark.parametrize("point", ["before-start-commit", "after-start-commit"])
def test_a_gap_is_told_by_whoever_commits_behind_it_before_it_does(kafka, topic, faulty, point):
    """Who comes later sees none any more."""
    trial = Trial(kafka, topic, 1)
    a_gap_before(kafka, trial)
    daemon = faulty(trial.settings(from_on_gap="earliest", from_properties=QUICK_SESSION))
    daemon.start_to_die(point).await_death()
    assert trial.committed() == {0: 25 if point == "after-start-commit" else 10}
    assert len(gap_lines(daemon)) == 1 and "deleted 15 offsets from 10 on" in gap_lines(daemon)[0], daemon.log_text()
    fill(kafka.brokers, trial.source, numbered(30, 5), 1)
    trial.await_caught_up(daemon.start_ready())
    # Crossed twice, where the first time came to nothing.
    assert daemon.pipeline()["log_gaps"] == (0 if point == "after-start-commit" else 1)
    trial.stop_clean(daemon)
    assert relayed_numbers(trial) == list(range(25, 35))


def test_a_gap_is_told_although_the_commit_behind_it_is_not_awaited(kafka, topic, aloqd):
    """A stop comes while the answer is on its way."""
    trial = Trial(kafka, topic, 1)
    a_gap_before(kafka, trial)
    with commit_answers(kafka, trial, aloqd) as (answers, daemon):
        answers.set(holding=True)
        daemon.start()
        eventually(answers.holds, 30, lambda: f"a commit is answered: {daemon.brief()}")
        daemon.await_pipeline(lambda p: p["log_gaps"] == 1, "the gap is counted")
        assert daemon.terminate() == 0, daemon.log_tail()
    assert trial.committed() == {0: 25}
    assert len(gap_lines(daemon)) == 1, daemon.log_text()


def test_a_gap_is_told_although_the_commit_behind_it_seems_to_have_failed(kafka, topic, aloqd):
    """It is looked at again, and there is none any more. It is told once."""
    trial = Trial(kafka, topic, 1)
    a_gap_before(kafka, trial)
    with commit_answers(kafka, trial, aloqd) as (answers, daemon):
        answers.set(failing=True)
        daemon.start()
        eventually(lambda: answers.failed, 30, lambda: f"a commit is answered: {daemon.brief()}")
        answers.set(failing=False)
        trial.await_caught_up(daemon)
        assert (daemon.pipeline()["log_gaps"], daemon.pipeline()["log_gap_records"]) == (1, 15), daemon.brief()
        trial.stop_clean(daemon)
    assert trial.committed() == {0: 30}
    assert len(gap_lines(daemon)) == 1, daemon.log_text()


def test_a_gap_that_opens_while_reading_is_not_crossed_silently(kafka, far_kafka, topic, aloqd):
    """Retention passes a slow relay: what it has not fetched yet is gone."""
    trial = Trial(kafka, topic, 1, to=far_kafka, segment_bytes=1_048_576)
    far_kafka.freeze()
    try:
        fill(kafka.brokers, trial.source, [small_record(index, 20_000) for index in range(10_000)], 1)
        far_kafka.thaw()
        daemon = aloqd(trial.settings(aloqd_memory="32MiB")).start_ready()
        daemon.await_acked(100)
        far_kafka.freeze()
        held = daemon.await_pipeline(lambda p: p["held_records"] > 0, "records held")
        kafka.delete_records(trial.source, {0: 9990})
    finally:
        far_kafka.thaw()
    daemon.await_state("blocked")
    (blocked,) = daemon.partitions(state="blocked").values()
    assert "9990" in blocked["error"], (blocked, held)
    daemon.terminate()
    assert trial.committed()[0] < 9990


@pytest.mark.parametrize("policy", ["block", "earliest"])
def test_a_stop_commits_what_was_relayed_before_a_gap_that_is_being_looked_at(kafka, topic, aloqd, policy):
    """Nothing of the partition is committed before it is known that its log is still the same."""
    trial = Trial(kafka, topic, 1)
    holder = FetchHolder(kafka.proxied_port, kafka.alias_port)
    daemon = aloqd(trial.settings(from_brokers=f"127.0.0.1:{kafka.proxied_port}", to_brokers=kafka.brokers,
                                  from_on_gap=policy, commit={"records": 1_000_000, "interval": "1h"}))
    try:
        fill(kafka.brokers, trial.source, numbered(0, 20), 1)
        daemon.start_ready()
        trial.await_caught_up(daemon)
        holder.set(holding=True)
        eventually(holder.holds, 30, "it asks for more")
        fill(kafka.brokers, trial.source, numbered(20, 20), 1)
        kafka.delete_records(trial.source, {0: 30})
        holder.set(KIND=ListOffsetsHolder.KIND)
        eventually(holder.holds, 30, lambda: f"it looks where the log begins: {daemon.brief()}")
        assert trial.committed() == {0: 0}
        daemon.process.terminate()
        eventually(lambda: "draining\n" in daemon.log_text(), 10, daemon.log_tail)
        holder.set(holding=False)
        assert daemon.await_end(timeout_s=10) == 0, daemon.log_tail()
    finally:
        holder.close()
    assert trial.committed() == {0: 20}
    daemon.write_config(trial.settings(from_on_gap="earliest"))
    trial.await_caught_up(daemon.start_ready())
    trial.stop_clean(daemon)
    assert relayed_numbers(trial) == [*range(20), *range(30, 40)]


def test_a_commit_beyond_the_log_end_blocks_instead_of_replaying_everything(kafka, topic, aloqd):
    """Truncation, or a topic that was deleted and made anew."""
    trial = Trial(kafka, topic, 1)
    fill(kafka.brokers, trial.source, numbered(0, 10), 1)
    kafka.commit(trial.group, trial.source, {0: 500})
    daemon = aloqd(trial.settings()).start()
    daemon.await_state("blocked")
    (blocked,) = daemon.partitions(state="blocked").values()
    assert "500" in blocked["error"] and "10" in blocked["error"], blocked
    daemon.terminate()
    assert trial.committed() == {0: 500} and relayed_numbers(trial) == []


@pytest.mark.parametrize("policy, goes_on_at", [("earliest", 0), ("latest", 10)])
def test_a_commit_beyond_the_log_end_is_taken_back_only_as_told(kafka, topic, faulty, policy, goes_on_at):
    """The place to which it went back is committed before the first record is read: a crash cannot move it."""
    trial = Trial(kafka, topic, 1)
    fill(kafka.brokers, trial.source, numbered(0, 10), 1)
    kafka.commit(trial.group, trial.source, {0: 500})
    daemon = faulty(trial.settings(from_on_gap=policy, from_properties=QUICK_SESSION))
    daemon.start_to_die("after-start-commit").await_death()
    assert trial.committed() == {0: goes_on_at}
    fill(kafka.brokers, trial.source, numbered(10, 5), 1)
    trial.await_caught_up(daemon.start())
    trial.stop_clean(daemon)
    assert relayed_numbers(trial) == list(range(goes_on_at, 15)) and trial.committed() == {0: 15}
    # The same again, without a crash: it is told, and not counted, as nobody knows how much there was.
    kafka.commit(trial.group, trial.source, {0: 500})
    daemon.start()
    trial.await_caught_up(daemon)
    daemon.await_pipeline(lambda p: p["log_gaps"] == 1, "the gap is counted")
    assert daemon.pipeline()["log_gap_records"] == 0 and daemon.pipeline()["blocked_gaps"] == 0
    trial.stop_clean(daemon)
    line = next(line for line in reversed(daemon.log_text().splitlines()) if "gap in the source" in line)
    assert "the log ends at 15, before offset 500" in line and trial.source in line, line
    assert relayed_numbers(trial) == sorted([*range(goes_on_at, 15), *(range(15) if policy == "earliest" else ())])
    assert trial.committed() == {0: 15}


def test_a_partition_is_repositioned_though_commits_never_cease(kafka, far_kafka, topic, aloqd):
    """at_most_once commits all the time, where much comes: whoever waited for a moment without a commit on its way would
    wait for ever."""
    slow = Trial(kafka, lambda end: topic(f"slow-{end}"), 1, to=far_kafka, segment_bytes=1_048_576)
    busy = Trial(kafka, topic, 3, to=far_kafka)
    settings = busy.settings(sources=[slow.source, busy.source], delivery="at_most_once", aloqd_memory="32MiB",
                             from_on_gap="earliest")
    far_kafka.freeze()
    try:
        fill(kafka.brokers, slow.source, [small_record(index, 20_000) for index in range(10_000)], 1)
        far_kafka.thaw()
        daemon = aloqd(settings).start_ready()
        daemon.await_acked(100)
        far_kafka.freeze()
        daemon.await_pipeline(lambda p: p["held_records"] > 0, "records held")
        kafka.delete_records(slow.source, {0: 9990})
        load = Load(kafka.brokers, busy.source, 3, rate=3000)
    finally:
        far_kafka.thaw()
    with load:
        daemon.await_pipeline(lambda p: p["log_gaps"] == 1, "the gap is crossed", timeout_s=30)
        eventually(lambda: daemon.partitions()[slow.source, 0]["mark"] == 10_000, 30, daemon.brief)
    assert daemon.terminate() == 0, daemon.log_tail()
