"""aloqctl's Kafka tools: produce and consume, on a real Kafka, looked at with another client library's binding."""

import json
import os
import re
import signal
import subprocess
import time

import pytest

from harness.aloqd import BUILD, run
from harness.checker import compare
from harness.config import relay, render
from harness.reader import read_topic
from harness.waiting import eventually
from harness.workload import fill_mixed

LIBRDKAFKA = tuple(int(part) for part in re.search(r"librdkafka (\d+)\.(\d+)", run("-V")[1]).groups())
# sysexits
USAGE, DATA, NO_INPUT, UNAVAILABLE, OUTPUT, TEMPORARY, CONFIG = 64, 65, 66, 69, 74, 75, 78


@pytest.fixture(name="tool")
def tool_fixture(kafka):
    """Runs aloqctl COMMAND on the cluster: what subprocess.run() returns, with text unless stdin is bytes."""
    def run_tool(command, *arguments, stdin="", brokers=kafka.brokers, timeout_s=60):
        connection = ["--brokers", brokers] if brokers else []
        return subprocess.run([BUILD / "aloqctl", command, *connection, *map(str, arguments)], input=stdin,
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=isinstance(stdin, str),
                              timeout=timeout_s, check=False)
    return run_tool


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


def test_what_cannot_be_printed_is_the_exit_status(kafka, topic, tool):
    name = kafka.create_topic(topic("a"), 1)
    assert tool("produce", name, stdin="x\n").returncode == 0
    for arguments, stdin in ((["consume", "--brokers", kafka.brokers, "--until-end", name], ""),
                             (["consume", "--brokers", kafka.brokers, "--count", "1", "--json", name], ""),
                             (["produce", "--brokers", kafka.brokers, name], "y\n"),
                             (["help"], ""), (["help", "produce"], ""), (["--version"], "")):
        with open("/dev/full", "w", encoding="ascii") as full:
            done = subprocess.run([BUILD / "aloqctl", *arguments], input=stdin, stdout=full, stderr=subprocess.PIPE,
                                  text=True, timeout=60, check=False)
        assert done.returncode == OUTPUT, (arguments, done.stderr)
        assert done.stderr.count("cannot write to the standard output") == 1, (arguments, done.stderr)
    assert values(tool, name) == ["x", "y"], "what was said of it changes nothing"


def test_consume_starts_and_ends_where_it_is_told(kafka, topic, tool):
    name = kafka.create_topic(topic("a"), 2)
    lines = "".join(json.dumps({"value": str(i), "partition": i % 2, "timestamp": 1000 + i}) + "\n" for i in range(10))
    assert tool("produce", name, "--json", stdin=lines).returncode == 0
    assert values(tool, name, "--from", "offset:3") == ["6", "8", "7", "9"]
    assert values(tool, name, "--from", "timestamp:1004") == ["4", "6", "8", "5", "7", "9"]
    assert values(tool, name, "--from", "end") == [] == values(tool, name, "--from", "offset:9")
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
    done = tool("produce", name, *transaction, "--transaction-timeout", "2s", "--abort", stdin="d\ne\n")
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


def offsets(daemon, *arguments, stdin=""):
    """aloqctl offsets, by the daemon's own configuration."""
    action, *rest = arguments
    return subprocess.run([BUILD / "aloqctl", "offsets", action, "-c", daemon.config, *map(str, rest)], input=stdin,
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, timeout=60, check=False)


def test_offsets_are_shown_kept_set_and_put_back(kafka, topic, tool, aloqd, tmp_path):
    source, target = kafka.create_topic(topic("in"), 2), kafka.create_topic(topic("out"), 2)
    lines = "".join(json.dumps({"value": str(i), "partition": i % 2, "timestamp": 1000 + i}) + "\n" for i in range(10))
    assert tool("produce", source, "--json", stdin=lines).returncode == 0
    group = topic("group")
    daemon = aloqd(relay(kafka, source, target, group=group)).start_ready()
    eventually(lambda: kafka.committed(group, source) == {0: 5, 1: 5}, 30, daemon.brief)

    # Nothing is set behind the back of whoever reads; who that is, is told.
    done = offsets(daemon, "seek", "relay", "--to", "earliest")
    assert done.returncode == TEMPORARY and f'"{group}" has members' in done.stderr and "aloqd-relay-" in done.stderr
    done = offsets(daemon, "seek", "relay", "--to", "earliest", "--dry-run")
    assert done.returncode == TEMPORARY and "nothing was changed" in done.stderr
    assert daemon.terminate() == 0
    assert kafka.committed(group, source) == {0: 5, 1: 5}
    # A coordinator that is busy takes a moment to let the member go.
    eventually(lambda: offsets(daemon, "seek", "relay", "--to", "latest", "--dry-run").returncode == 0, 30,
               lambda: offsets(daemon, "seek", "relay", "--to", "latest", "--dry-run").stderr)

    shown = [line.split() for line in offsets(daemon, "show", "relay").stdout.splitlines()[1:]]
    assert shown == [[source, "0", "5", "0", "5", "0"], [source, "1", "5", "0", "5", "0"]]
    kept = tmp_path / "offsets.json"
    assert offsets(daemon, "export", "relay", "--file", kept).returncode == 0
    assert [(o["partition"], o["offset"]) for o in json.loads(kept.read_text())["offsets"]] == [(0, 5), (1, 5)]
    assert json.loads(kept.read_text())["group"] == group

    done = offsets(daemon, "seek", "relay", "--to", "offset:2", "--partition", 1, "--dry-run")
    assert done.returncode == 0, done.stderr
    assert [line.split() for line in done.stdout.splitlines()[1:]] == [[source, "1", "5", "2", "3"]]
    assert kafka.committed(group, source) == {0: 5, 1: 5}
    for where, wanted in (("offset:2", {0: 2, 1: 2}), ("timestamp:1005", {0: 3, 1: 2}), ("latest", {0: 5, 1: 5}),
                          ("earliest", {0: 0, 1: 0}), ("timestamp:9999", {0: 5, 1: 5})):
        done = offsets(daemon, "seek", "relay", "--to", where)
        assert done.returncode == 0, done.stderr
        assert kafka.committed(group, source) == wanted, where
    done = offsets(daemon, "seek", "relay", "--to", "offset:6")
    assert done.returncode == DATA and "has the offsets 0 to 5, and not 6" in done.stderr
    assert offsets(daemon, "seek", "relay", "--to", "offset:4").returncode == 0
    assert offsets(daemon, "import", "relay", "--topic", source, "--partition", 0, stdin=kept.read_text()).returncode == 0
    assert kafka.committed(group, source) == {0: 5, 1: 4}

    # What was set is where it goes on.
    daemon.start_ready()
    eventually(lambda: kafka.committed(group, source) == {0: 5, 1: 5}, 30, daemon.brief)
    assert daemon.terminate() == 0
    assert kafka.log_ends(target) == {0: 5, 1: 6}

    # A group that is nobody's pipeline; another one's offsets; a file that is none.
    other = topic("other")
    arguments = ["--group", other, "--topic", source]
    assert tool("offsets", "import", *arguments, "--file", kept).returncode == 0
    assert kafka.committed(other, source) == {0: 5, 1: 5}
    shown = json.loads(tool("offsets", "show", "--group", other, "--json").stdout)
    assert [(o["topic"], o["committed"], o["lag"]) for o in shown["offsets"]] == [(source, 5, 0)] * 2
    for text in ("", "{}", f'{{"offsets":[{{"topic":"{source}"}}]}}', kept.read_text().replace('"partition":1', '"partition":7')):
        assert tool("offsets", "import", "--group", other, stdin=text).returncode == DATA, text
    assert offsets(daemon, "show", "nosuch").returncode == 1
    assert tool("offsets", "show", "--group", topic("never")).returncode == UNAVAILABLE


def test_an_offset_is_kept_with_the_topic_that_it_belongs_to(kafka, topic, tool):
    """aloqd stores the id of the topic with each commit, and would take one of a topic that was made again for another's."""
    name, group = kafka.create_topic(topic("a"), 1), topic("group")
    assert tool("produce", name, stdin="a\nb\n").returncode == 0
    ids = ["A" * 22, "B" * 22]
    kafka.commit_with_metadata(group, name, 0, 1, f"aloqd1 topic={ids[0]}")
    exported = tool("offsets", "export", "--group", group).stdout
    assert json.loads(exported)["offsets"] == [{"topic": name, "partition": 0, "offset": 1, "topic_id": ids[0]}]
    done = tool("offsets", "import", "--group", group, stdin=exported)
    if LIBRDKAFKA >= (2, 3):  # knows the topic's id, which is another one
        assert done.returncode == DATA and "was made again since" in done.stderr
    else:
        assert done.returncode == 0, done.stderr
    assert tool("offsets", "seek", "--group", group, "--to", "latest").returncode == 0
    now = json.loads(tool("offsets", "export", "--group", group).stdout)["offsets"][0]
    # Nothing of the old one is left: the offset is of the topic that is there now.
    assert now["offset"] == 2 and now.get("topic_id") not in ids and ("topic_id" in now) == (LIBRDKAFKA >= (2, 3))
