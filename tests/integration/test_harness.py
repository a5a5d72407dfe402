"""The harness on its own, without aloqd: what is produced is read back the same, and the proxy does what it
says. A fault of the harness must not look like one of the daemon's."""

import random
import socket
import sys
import threading
import time

import pytest

from harness.checker import Verdict, compare
from harness.cluster import free_port
from harness.config import render
from harness.proxy import Proxy
from harness.reader import read_topic
from harness.trial import CommitAudit, Trial
from harness.waiting import eventually
from harness.workload import (CREATED, EPOCH_MS, Load, Record, fill, fill_mixed, mixed_record, new_producer,
                              send, small_record)


def test_a_port_is_given_away_once(monkeypatch):
    """Also while nobody listens there, and to whoever asks: test runs beside each other do."""
    given = free_port(2)
    picks = iter([given - 1, given + 1, given + 2])
    monkeypatch.setattr(random, "randrange", lambda *_: next(picks))
    assert free_port(2) == given + 2


def test_the_workload_is_read_back_as_it_was_made(kafka, topic):
    name = kafka.create_topic(topic("t"), 3)
    fill_mixed(kafka.brokers, name, 3000, 3, seed=5)
    made = {partition: [mixed_record(5, index) for index in range(partition, 3000, 3)]
            for partition in range(3)}
    reader = read_topic(kafka, name)
    assert reader.records == made
    assert reader.offsets == {partition: list(range(1000)) for partition in range(3)}
    assert compare(made, reader.records).kept_exactly()


def test_reading_null_headers_does_not_use_up_none(kafka, topic):
    name = kafka.create_topic(topic("t"))
    fill(kafka.brokers, name, [Record(b"", b"", (("null", None),), CREATED, EPOCH_MS)] * 2000, 1)
    before = sys.getrefcount(None)
    assert len(read_topic(kafka, name).records[0]) == 2000
    assert sys.getrefcount(None) > before - 500


def test_reading_goes_past_transaction_markers(kafka, topic):
    name = kafka.create_topic(topic("t"))
    producer = new_producer(kafka.brokers, transactional_id=name)
    producer.init_transactions(30)
    for index, commit in enumerate([True, False]):
        producer.begin_transaction()
        send(producer, name, 0, small_record(index))
        producer.flush(30)
        (producer.commit_transaction if commit else producer.abort_transaction)(30)
    assert read_topic(kafka, name).offsets == {0: [0]}
    assert read_topic(kafka, name, "read_uncommitted").offsets == {0: [0, 2]}
    assert kafka.log_ends(name) == {0: 4}


def test_commits_are_read_without_joining_the_group(kafka, topic):
    name = kafka.create_topic(topic("t"), 2)
    fill_mixed(kafka.brokers, name, 10, 2)
    assert kafka.committed(topic("g"), name) == {}
    kafka.commit(topic("g"), name, {1: 3})
    assert kafka.committed(topic("g"), name) == {1: 3}


def test_the_audit_of_commits_sees_one_that_is_early(kafka, topic):
    trial = Trial(kafka, topic, 2)
    records = [mixed_record(3, index) for index in range(20)]
    fill(kafka.brokers, trial.source, records, 2)
    fill(kafka.brokers, trial.target, records[:-2], 2)
    audit = CommitAudit(trial)
    kafka.commit(trial.group, trial.source, {0: 9, 1: 5})
    assert audit.look() == {0: 9, 1: 5}
    kafka.commit(trial.group, trial.source, {0: 10})
    with pytest.raises(AssertionError, match="offset 10 is committed"):
        audit.look()
    fill(kafka.brokers, trial.target, records[-2:], 2)
    assert audit.look() == {0: 10, 1: 5}
    audit.close()


def test_deleted_records_move_the_log_start(kafka, topic):
    name = kafka.create_topic(topic("t"), 2)
    fill_mixed(kafka.brokers, name, 10, 2)
    kafka.delete_records(name, {0: 4})
    assert kafka.log_starts(name) == {0: 4, 1: 0}


def test_the_load_is_all_acknowledged_over_a_broker_restart(kafka, topic):
    name = kafka.create_topic(topic("t"), 2)
    with Load(kafka.brokers, name, 2, rate=2000) as load:
        eventually(lambda: load.delivery.delivered > 500, 10, "500 records")
        kafka.restart()
        before = load.delivery.delivered
        eventually(lambda: load.delivery.delivered > before + 500, 20, "500 more records")
    assert sum(map(len, read_topic(kafka, name).records.values())) == load.produced


def test_the_proxy_hands_kafka_through(kafka, proxy, topic):
    name = kafka.create_topic(topic("t"), 2)
    fill_mixed(f"127.0.0.1:{kafka.proxied_port}", name, 2000, 2)
    assert proxy.connections_made > 0
    assert sum(kafka.log_ends(name).values()) == 2000


# ---- what excuses a repeat ----

def skips(partitions, at="9999-12-31T23:59:59,999"):
    """A line of the broker's log."""
    return (f"{at} INFO  TransactionMarkerChannelManager: Couldn't find leader endpoint for partitions [{partitions}] while "
            "trying to send transaction markers for aloqd.relay.aloqd.1, these partitions are likely deleted already and "
            "hence can be skipped\n")


@pytest.fixture(name="excusing")
def excusing_fixture(kafka, topic, monkeypatch, tmp_path):
    """(a trial, a function that says whether the brokers' logs excuse a verdict of it). The logs are of the test's making."""
    name = kafka.create_topic(topic("t"))
    kafka.commit(topic("first"), name, {0: 0})  # or there is no __consumer_offsets yet
    trial = Trial(kafka, topic, 2)
    (tmp_path / "node-1").mkdir()
    monkeypatch.setattr(kafka, "directory", tmp_path)

    def excuses(line, **found):
        (tmp_path / "node-1" / "server.log.before").write_text("a first line\n" + line)
        verdict = Verdict()
        for what, value in found.items():
            setattr(verdict, what, value)
        return trial.excused_by_kafka(verdict) is not None
    return trial, excuses


def test_a_repeat_is_excused_where_kafka_has_skipped_markers_of_this_trial(kafka, excusing):
    trial, excuses = excusing
    offsets = kafka.offsets_partition(trial.group)
    for partitions in (f"{trial.target}-1", f"__consumer_offsets-{offsets}", f"other-0, {trial.target}-0"):
        assert excuses(skips(partitions), repeated=1), partitions
    assert not excuses("", repeated=1)
    for partitions in (f"{trial.target}-more-0", f"my.{trial.target}-0", f"{trial.source}-0",
                       f"__consumer_offsets-{offsets + 1}", f"__consumer_offsets-{offsets}0"):
        assert not excuses(skips(partitions), repeated=1), partitions


def test_what_kafka_has_skipped_before_this_trial_excuses_nothing(excusing):
    trial, excuses = excusing
    assert excuses(skips(f"{trial.target}-0", at=trial.began), repeated=1)
    assert not excuses(skips(f"{trial.target}-0", at="2001-01-01T00:00:00,000"), repeated=1)


@pytest.mark.parametrize("found", [{}, {"repeated": 1, "lost": ["one"]}, {"repeated": 1, "altered": ["one"]},
                                   {"repeated": 1, "out_of_order": ["one"]}, {"repeated": 1, "misplaced": ["one"]},
                                   {"lost": ["one"]}], ids=str)
def test_kafka_excuses_nothing_but_repeats(excusing, found):
    trial, excuses = excusing
    assert not excuses(skips(f"{trial.target}-0"), **found)


def test_the_time_of_the_brokers_logs_is_ours(kafka, topic):
    """Lines are told by it from those of an earlier test."""
    began = kafka.logs_now()
    name = kafka.create_topic(topic("t"))

    def times():
        text = (kafka.node_directory(1) / "server.log").read_text(errors="replace")
        return [line[:len(began)] for line in text.splitlines() if f"{name}-0" in line]
    eventually(times, 10, f"the broker says something of {name}")
    assert all(began <= time <= kafka.logs_now() for time in times()), (began, times())


def test_the_offsets_of_a_group_are_where_they_are_looked_for(kafka, topic):
    name = kafka.create_topic(topic("t"))
    kafka.commit(topic("first"), name, {0: 0})
    for number in range(6):  # of whose hashes some are negative
        group, before = topic(f"group-{number}"), kafka.log_ends("__consumer_offsets")
        kafka.commit(group, name, {0: number})
        grown = [partition for partition, end in kafka.log_ends("__consumer_offsets").items() if end > before[partition]]
        assert grown == [kafka.offsets_partition(group)]


# ---- the proxy, against an echo ----

@pytest.fixture(name="echo")
def echo_fixture():
    """An echo behind a proxy: (proxy, a function that connects)."""
    server = socket.create_server(("127.0.0.1", 0))
    threads = []

    def begin(target, *arguments):
        threads.append(threading.Thread(target=target, args=arguments, daemon=True))
        threads[-1].start()

    def serve():
        while True:
            try:
                end, _ = server.accept()
            except OSError:
                return
            begin(mirror, end)

    def mirror(end):
        with end:
            try:
                while data := end.recv(65536):
                    end.sendall(data)
            except OSError:
                return

    begin(serve)
    port = free_port()
    between = Proxy(port, server.getsockname()[1])
    ends = []

    def connect():
        ends.append(socket.create_connection(("127.0.0.1", port), timeout=5))
        return ends[-1]

    yield between, connect
    for end in ends:
        end.close()
    between.close()
    server.shutdown(socket.SHUT_RDWR)  # close() alone would leave its thread in accept()
    for thread in threads:
        thread.join(10)
    server.close()


def receive(end, count):
    data = b""
    while len(data) < count:
        more = end.recv(65536)
        assert more, "the connection has ended"
        data += more
    return data


def test_the_proxy_keeps_every_byte_in_order(echo):
    _, connect = echo
    end, data = connect(), bytes(range(256)) * 8000
    sender = threading.Thread(target=end.sendall, args=(data,), daemon=True)
    sender.start()
    assert receive(end, len(data)) == data
    sender.join(10)


def test_the_proxy_delays(echo):
    between, connect = echo
    between.set(delay_s=0.2)
    end, began = connect(), time.monotonic()
    end.sendall(b"x")
    assert receive(end, 1) == b"x" and time.monotonic() - began >= 0.4


def test_the_proxy_resets(echo):
    between, connect = echo
    end = connect()
    end.sendall(b"x")
    receive(end, 1)
    between.reset_all()
    with pytest.raises(ConnectionResetError):
        end.recv(1)
    again = connect()
    again.sendall(b"y")
    assert receive(again, 1) == b"y"


def test_a_frozen_proxy_keeps_what_was_sent(echo):
    between, connect = echo
    end = connect()
    end.sendall(b"a")
    receive(end, 1)
    between.set(frozen=True)
    end.sendall(b"b")
    end.settimeout(0.3)
    with pytest.raises(socket.timeout):
        end.recv(1)
    between.set(frozen=False)
    end.settimeout(5)
    assert receive(end, 1) == b"b"


def test_a_swallowing_proxy_loses_what_was_sent(echo):
    between, connect = echo
    end = connect()
    end.sendall(b"a")
    receive(end, 1)
    between.set(swallowing=True)
    end.sendall(b"b")
    end.settimeout(0.3)
    with pytest.raises(socket.timeout):
        end.recv(1)
    between.set(swallowing=False)
    end.settimeout(5)
    end.sendall(b"c")
    assert receive(end, 1) == b"c"


def test_a_deafening_proxy_loses_the_answers_and_all_that_a_deaf_connection_would_get(echo):
    between, connect = echo
    end, other = connect(), connect()
    for one in (end, other):
        one.sendall(b"a")
        receive(one, 1)
    between.set(deafening=True)
    end.sendall(b"b")
    end.settimeout(0.3)
    with pytest.raises(socket.timeout):
        end.recv(1)
    between.set(deafening=False)
    end.sendall(b"c")
    with pytest.raises(socket.timeout):
        end.recv(1)
    other.sendall(b"d")
    assert receive(other, 1) == b"d", "it has lost nothing"


def test_settings_are_written_as_aloqd_reads_them():
    assert render({"a": {"b": "x\"y\\z", "c": 1, "d": True, "e": ["p", "q"]}}) == (
        'a = {\n  b = "x\\"y\\\\z";\n  c = 1;\n  d = true;\n  e = [ "p", "q" ];\n};\n')
