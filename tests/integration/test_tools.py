"""aloqctl's Kafka tools: produce and consume, on a real Kafka, looked at with another client library's binding."""

import json
import os
import signal
import subprocess
import time

import pytest

from harness.aloqd import BUILD
from harness.checker import compare
from harness.config import render
from harness.reader import read_topic
from harness.waiting import eventually
from harness.workload import fill_mixed

# sysexits
USAGE, DATA, NO_INPUT, UNAVAILABLE, TEMPORARY, CONFIG = 64, 65, 66, 69, 75, 78


@pytest.fixture(name="tool")
def tool_fixture(kafka):
    """Runs aloqctl COMMAND on the cluster: what subprocess.run() returns, with text unless stdin is bytes."""
    def run(command, *arguments, stdin="", brokers=kafka.brokers, timeout_s=60):
        connection = ["--brokers", brokers] if brokers else []
        return subprocess.run([BUILD / "aloqctl", command, *connection, *map(str, arguments)], input=stdin,
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=isinstance(stdin, str),
                              timeout=timeout_s, check=False)
    return run


def values(tool, topic, *arguments):
    """The values that consume prints, in the order of partitions and offsets."""
    done = tool("consume", topic, "--until-end", "--json", *arguments)
    assert done.returncode == 0, done.stderr
    records = [json.loads(line) for line in done.stdout.splitlines()]
    return [record["value"] for record in sorted(records, key=lambda r: (r["partition"], r["offset"]))]


def test_consume_as_json_and_produce_of_it_is_a_copy(kafka, topic, tool):
    source, target = kafka.create_topic(topic("in"), 2), kafka.create_topic(topic("out"), 2)
    count = fill_mixed(kafka.brokers, source, 200, 2)
    read = tool("consume", source, "--until-end", "--json", stdin=b"")
    assert read.returncode == 0 and read.stdout.count(b"\n") == count, read.stderr
    written = tool("produce", target, "--json", stdin=read.stdout)
    assert written.returncode == 0, written.stderr
    assert written.stdout.decode() == f"{target}: {count} records acknowledged\n"
    verdict = compare(read_topic(kafka, source).records, read_topic(kafka, target).records)
    assert verdict.compared == count and verdict.kept_exactly(), verdict


def test_lines_keys_headers_files_and_orders(kafka, topic, tool, tmp_path):
    name = kafka.create_topic(topic("a"), 1)
    (tmp_path / "lines").write_bytes(b"k1:v1\nk2::v:2\nk3:")
    (tmp_path / "whole").write_bytes(b"\x00whole\nfile\xff")
    assert tool("produce", name, tmp_path / "lines", "--key-separator", ":", "--header", "h=1",
                "--header", "h=2=").returncode == 0
    assert tool("produce", name, "--file", tmp_path / "whole", "--key", "f").returncode == 0
    assert tool("produce", name, stdin="plain\n\n").returncode == 0
    assert tool("produce", name, "--orders", 3, "--first-order", 7).returncode == 0
    records = read_topic(kafka, name).records[0]
    headers = (("h", b"1"), ("h", b"2="))
    assert [(r.key, r.value, r.headers) for r in records[:6]] == [
        (b"k1", b"v1", headers), (b"k2", b":v:2", headers), (b"k3", b"", headers),
        (b"f", b"\x00whole\nfile\xff", ()), (None, b"plain", ()), (None, b"", ())]
    orders = [json.loads(record.value) for record in records[6:]]
    assert [order["id"] for order in orders] == [7, 8, 9]
    assert all(set(order) == {"id", "user", "item", "quantity"} for order in orders)
    assert [record.key.decode() for record in records[6:]] == [order["user"] for order in orders]


def test_what_fails_is_told_and_is_the_exit_status(kafka, topic, tool, tmp_path):
    small = kafka.create_topic(topic("small"), 1, max_message_bytes=1000)
    done = tool("produce", small, stdin="fits\n" + "x" * 2000 + "\nfits too\n" + "y" * 3000 + "\n")
    assert done.returncode == UNAVAILABLE
    assert "2 records failed: Broker: Message size too large" in done.stderr, done.stderr
    assert values(tool, small) == ["fits", "fits too"]
    done = tool("produce", topic("none"), stdin="x\n")
    assert done.returncode == UNAVAILABLE and "there is no topic" in done.stderr
    assert not kafka.topic_exists(topic("none")), "asking for it has created it"
    done = tool("produce", small, "--json", stdin='{"value":"kept"}\n{"value":\n{"value":"not reached"}\n')
    assert done.returncode == DATA and "standard input, line 2: it is not JSON" in done.stderr
    assert values(tool, small) == ["fits", "fits too", "kept"]
    assert tool("produce", small, "--partition", 1, stdin="x\n").returncode == DATA
    assert tool("produce", small, tmp_path / "none").returncode == NO_INPUT
    done = tool("produce", small, "--timeout", "1s", stdin="x\n", brokers="127.0.0.1:1")
    assert done.returncode == UNAVAILABLE and "127.0.0.1:1 do not answer" in done.stderr
    for arguments in (["--acks", "2"], ["--abort"], ["--orders", "0"], ["-X", "acks=1"], ["-X", "plugin.library.paths=x"],
                      ["--key", "a", "--key-separator", "b"], ["-X", "nonsense"]):
        assert tool("produce", small, *arguments).returncode == USAGE, arguments
    assert tool("consume", small, "-X", "no.such.property=1").returncode == CONFIG


def test_consume_starts_and_ends_where_it_is_told(kafka, topic, tool):
    name = kafka.create_topic(topic("a"), 2)
    lines = "".join(json.dumps({"value": str(i), "partition": i % 2, "timestamp": 1000 + i}) + "\n" for i in range(10))
    assert tool("produce", name, "--json", stdin=lines).returncode == 0
    assert values(tool, name, "--from", "offset:3") == ["6", "8", "7", "9"]
    assert values(tool, name, "--from", "timestamp:1004") == ["4", "6", "8", "5", "7", "9"]
    assert values(tool, name, "--from", "end") == []
    assert values(tool, name, "--partition", 1) == ["1", "3", "5", "7", "9"]
    assert len(values(tool, name, "--count", 3)) == 3
    assert tool("consume", name, "--partition", 2).returncode == UNAVAILABLE
    assert tool("consume", name, "--from", "yesterday").returncode == USAGE
    kafka.delete_records(name, {0: 2})
    assert values(tool, name, "--partition", 0) == ["4", "6", "8"]


def test_nothing_hostile_reaches_the_terminal_and_no_group_is_left(kafka, topic, tool):
    name = kafka.create_topic(topic("a"), 1)
    hostile = "\x1b]0;title\x07\x9b2J\u202e\r".encode() + b"\xff"
    assert tool("produce", name, "--key", "a\tb", "--header", "\x1b=x", stdin=hostile + b"\n").returncode == 0
    for arguments in ([], ["--values"], ["--json"]):
        said = tool("consume", name, "--until-end", *arguments, stdin=b"").stdout
        assert said.endswith(b"\n") and all(32 <= byte < 127 for byte in said[:-1]), said
    assert "aloqctl" not in [group.id for group in kafka.admin.list_groups(timeout=10)]


def test_a_consumer_goes_on_until_it_is_stopped(kafka, topic, tool, tmp_path):
    name = kafka.create_topic(topic("a"), 1)
    out = tmp_path / "out"
    with out.open("wb") as stream, subprocess.Popen(
            [BUILD / "aloqctl", "consume", "--brokers", kafka.brokers, name, "--values"], stdout=stream) as consumer:
        for number in range(2):
            assert tool("produce", name, stdin=f"{number}\n").returncode == 0
            eventually(lambda: out.read_text() == "".join(f"{i}\n" for i in range(number + 1)), 20, out.read_text)
        consumer.send_signal(signal.SIGTERM)
        assert consumer.wait(20) == 0


def test_transactions(kafka, topic, tool):
    name = kafka.create_topic(topic("a"), 2)
    transaction = ["--transactional-id", topic("id")]
    done = tool("produce", name, *transaction, "--transaction-records", 2, stdin="a\nb\nc\n")
    assert done.stdout == f"{name}: 3 records acknowledged, 2 transactions committed\n", done.stderr
    done = tool("produce", name, *transaction, "--abort", stdin="d\ne\n")
    assert done.stdout == f"{name}: 2 records acknowledged, 1 transaction aborted\n", done.stderr
    assert sorted(values(tool, name)) == ["a", "b", "c"]
    assert sorted(values(tool, name, "--isolation", "read_uncommitted")) == ["a", "b", "c", "d", "e"]

    # One is open as long as the input is; a signal aborts it, and its successor need not wait.
    with subprocess.Popen([BUILD / "aloqctl", "produce", "--brokers", kafka.brokers, name, *transaction],
                          stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as producer:
        producer.stdin.write("f\n")
        producer.stdin.flush()
        eventually(lambda: "f" in values(tool, name, "--isolation", "read_uncommitted"), 20, "f is written")
        producer.send_signal(signal.SIGINT)
        assert producer.wait(20) == TEMPORARY
        assert producer.stdout.read() == f"{name}: 1 record acknowledged, 1 transaction aborted\n"
    kafka.await_no_open_transaction(name, timeout_s=5)
    assert sorted(values(tool, name)) == ["a", "b", "c"]

    # A record that the brokers refuse takes the others of its transaction along.
    small = kafka.create_topic(topic("small"), 1, max_message_bytes=1000)
    done = tool("produce", small, *transaction, stdin="fits\n" + "x" * 2000 + "\n")
    assert done.returncode == UNAVAILABLE and "its transaction was aborted" in done.stderr
    assert values(tool, small) == []


def test_the_rate_holds(kafka, topic, tool):
    name = kafka.create_topic(topic("a"), 1)
    began = time.monotonic()
    assert tool("produce", name, "--orders", 40, "--rate", 20).returncode == 0
    assert 1.9 <= time.monotonic() - began <= 4


def test_the_cluster_of_a_configuration(kafka, topic, tool, tmp_path):
    name = kafka.create_topic(topic("a"), 1)
    config = tmp_path / "aloqd.conf"
    clusters = {"main": {"brokers": kafka.brokers},
                "locked": {"brokers": kafka.brokers,
                           "sasl": {"mechanism": "PLAIN", "username": "u", "password": "credential:secret"}}}
    pipeline = {"enabled": False, "from": {"cluster": "main", "topics": ["a"]}, "to": {"topic": "b"}}
    config.write_text(render({"clusters": clusters, "pipelines": {"p": pipeline}}))
    config.chmod(0o600)
    arguments = ["-c", config, "--cluster", "main"]
    assert tool("produce", name, *arguments, stdin="x\n", brokers=None).returncode == 0
    assert tool("consume", name, *arguments, "--until-end", "--values", brokers=None).stdout == "x\n"
    done = tool("consume", name, "-c", config, "--cluster", "locked", brokers=None)
    assert done.returncode == CONFIG and "credential:secret" in done.stderr
    done = tool("consume", name, "-c", config, brokers=None)
    assert done.returncode == USAGE and "several clusters" in done.stderr
    config.write_text("clusters = { main = { brokers = 7; }; };\n")
    done = tool("consume", name, *arguments, brokers=None)
    assert done.returncode == CONFIG and f"{config}:1: clusters.main.brokers" in done.stderr
    assert not os.environ.get("CREDENTIALS_DIRECTORY")
