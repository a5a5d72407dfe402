"""aloqctl verify, on a real Kafka: a target that is as it should be is clean, and each way to spoil it is found, with its
coordinates. The targets are made up here, by hand: no relay of ours is trusted."""

import contextlib
import json
import os
import pathlib
import pty
import re
import subprocess
import time

import pytest

from harness.aloqd import BUILD
from harness.config import relay
from harness.waiting import eventually

CLEAN, NOT_CLEAN, UNAVAILABLE = 0, 1, 69


def ctl(*arguments, stdin="", **options):
    return subprocess.run([BUILD / "aloqctl", *map(str, arguments)], input=stdin, stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, text=True, timeout=60, check=False, **options)


def write(cluster, topic, records, *arguments):
    lines = "".join(json.dumps(record) + "\n" for record in records)
    done = ctl("produce", "--brokers", cluster.brokers, topic, "--json", *arguments, stdin=lines)
    assert done.returncode == 0, done.stderr


def record(number, partition, **more):
    return {"key": f"k{number % 5}", "value": f"v{number}", "partition": partition,
            "headers": [["h", str(number)], ["h", None]], **more}


def verdict(kafka, source, target, *arguments):
    """(exit status, what it says as JSON)"""
    done = ctl("verify", "--brokers", kafka.brokers, source, target, "--json", *arguments)
    assert done.returncode in (CLEAN, NOT_CLEAN), done.stderr
    return done.returncode, json.loads(done.stdout)


FAULTS = ("lost", "repeated", "reordered", "altered", "unknown", "scattered")


def counts(said):
    return {kind: said[kind] for kind in FAULTS if said[kind]}


def place(fault):
    return [fault.get(key) for key in ("source_partition", "source_offset", "target_partition", "target_offset")]


@pytest.fixture(name="source")
def source_fixture(kafka, topic):
    """40 records in two partitions: those of partition p are p, p+2, p+4, ... at the offsets 0, 1, 2, ..."""
    name = kafka.create_topic(topic("in"), 2)
    write(kafka, name, SOURCE)
    return name


SOURCE = [record(number, number % 2) for number in range(40)]


def spoiled():
    """{name: (the target's records, what is found: {kind: (count, coordinates of the first)})}"""
    lost = SOURCE[:14] + SOURCE[15:]
    repeated = SOURCE[:21] + [SOURCE[14]] + SOURCE[21:]
    swapped = SOURCE[:14] + [SOURCE[16], SOURCE[15], SOURCE[14]] + SOURCE[17:]
    altered = [dict(one, value="V14") if one["value"] == "v14" else one for one in SOURCE]
    header = [dict(one, headers=one["headers"][::-1]) if one["value"] == "v15" else one for one in SOURCE]
    null = [dict(one, value=None) if one["value"] == "v16" else one for one in SOURCE]
    alien = SOURCE[:14] + [record(99, 0)] + SOURCE[14:]
    astray = [dict(one, partition=1) if one["value"] == "v14" else one for one in SOURCE]
    restarted = SOURCE[:21] + SOURCE[14:]
    return {
        "clean": (SOURCE, {}),
        "lost": (lost, {"lost": (1, [0, 7, None, None])}),
        # the old one stands last, until 16 to 20 would be repeated, too
        "repeated": (repeated, {"repeated": (1, [0, 7, 0, 11]), "reordered": (1, [0, 11, 0, 12])}),
        "swapped": (swapped, {"reordered": (1, [0, 7, 0, 8])}),
        "altered": (altered, {"altered": (1, [0, 7, 0, 7])}),
        "header": (header, {"altered": (1, [1, 7, 1, 7])}),
        "null": (null, {"altered": (1, [0, 8, 0, 8])}),
        "alien": (alien, {"unknown": (1, [None, None, 0, 7])}),
        "astray": (astray, {"scattered": (1, [0, 7, 1, 7])}),
        "restarted": (restarted, {"repeated": (7, [0, 7, 0, 11])}),
    }


def test_each_way_to_spoil_a_target_is_found_with_its_coordinates(kafka, topic, source):
    for name, (records, wanted) in spoiled().items():
        target = kafka.create_topic(topic(name), 2)
        write(kafka, target, records)
        status, said = verdict(kafka, source, target)
        assert status == (NOT_CLEAN if wanted else CLEAN) and said["clean"] == (not wanted), (name, said)
        assert counts(said) == {kind: count for kind, (count, _) in wanted.items()}, (name, said)
        for kind, (_, first) in wanted.items():
            assert place(said["faults"][kind][0]) == first, (name, kind, said)
        assert said["source_records"] == len(SOURCE) and said["by_provenance"] == 0
    restarted = topic("restarted")
    assert verdict(kafka, source, restarted, "--allow-repeated")[0] == CLEAN
    assert verdict(kafka, source, topic("header"), "--ignore-headers")[0] == CLEAN
    assert verdict(kafka, source, topic("clean"), "--timestamps")[0] == NOT_CLEAN
    assert len(verdict(kafka, source, restarted, "--show", 2)[1]["faults"]["repeated"]) == 2
    done = ctl("verify", "--brokers", kafka.brokers, source, topic("lost"))
    assert done.returncode == NOT_CLEAN
    assert f"{source} -> {topic('lost')}: NOT CLEAN\n" in done.stdout
    assert f"lost: {source} [0] offset 7\n" in done.stdout
    assert done.stderr == "", "a bar is for terminals"


def with_source(one, cluster_id, topic_name, partition, offset):
    coordinates = f"{cluster_id}/{topic_name}/{partition}/{offset}"
    return dict(one, headers=[*one["headers"], ["aloqd.source", coordinates]])


def test_provenance_makes_it_exact(kafka, topic, source):
    """Records that all look the same, in an order that only their coordinates tell."""
    same, target = kafka.create_topic(topic("same"), 1), kafka.create_topic(topic("out"), 1)
    one = {"value": "x", "headers": []}
    write(kafka, same, [one] * 4)
    cluster_id = kafka.admin.list_topics(timeout=10).cluster_id
    orders = {"right": (0, 1, 2, 3), "swapped": (0, 2, 1, 3), "again": (0, 1, 1, 3)}
    wanted = {"right": {}, "swapped": {"reordered": 1}, "again": {"repeated": 1, "lost": 1}}
    for name, order in orders.items():
        kafka.create_topic(topic(name), 1)
        write(kafka, topic(name), [with_source(with_source(one, "elsewhere", same, 0, 9), cluster_id, same, 0, offset)
                                   for offset in order])
        status, said = verdict(kafka, same, topic(name))
        assert (status, counts(said), said["by_provenance"]) == (bool(wanted[name]), wanted[name], 4), (name, said)
        # Without it their number is all that can be told.
        assert verdict(kafka, same, topic(name), "--by-content")[0] == CLEAN
    # Coordinates of another cluster or topic say nothing of this one; an altered record that bears the right ones is told.
    write(kafka, target, [with_source(one, "elsewhere", same, 0, 0), with_source(one, cluster_id, "other", 0, 0),
                          with_source(dict(one, value="y"), cluster_id, "other", 0, 7),
                          with_source(dict(one, value="y"), cluster_id, same, 0, 3)])
    said = verdict(kafka, same, target)[1]
    assert counts(said) == {"altered": 1, "lost": 1} and said["not_judged"]["of_other_sources"] == 1, said
    assert place(said["faults"]["altered"][0]) == [0, 3, 0, 3]


def test_a_pipeline_with_provenance_is_audited_exactly(kafka, topic, aloqd):
    """Twice relayed: each relay adds its coordinates behind the others. Records that all look the same, some too large."""
    source, between, target = (kafka.create_topic(topic(name), 2) for name in ("in", "between", "out"))
    dead = kafka.create_topic(topic("dead"), 1)
    kafka.alter_topic(between, max_message_bytes=2000)
    one = {"value": "x", "headers": [["h", "1"], ["aloqd.source", "not ours"]]}
    records = [dict(one, partition=number % 2) for number in range(2000)]
    write(kafka, source, [*records, dict(one, partition=0, value="y" * 3000), *records])
    cluster_id = kafka.admin.list_topics(timeout=10).cluster_id
    settings = relay(kafka, source, between, provenance=True, on_error="dead_letter", dead_letter=dead)
    settings["pipelines"]["second"] = {"provenance": True, "to": {"cluster": "target", "topic": target},
                                       "from": {"cluster": "target", "topics": [between], "group": topic("second")}}
    daemon = aloqd(settings).start_ready()
    eventually(lambda: sum(kafka.log_ends(target).values()) == 4000, 60, daemon.brief)
    daemon.kill()
    assert verdict(kafka, between, target)[1]["by_provenance"] == 4000
    for pair in ((between, target), (source, between), (source, target)):
        status, said = verdict(kafka, *pair)
        lost = 0 if pair[0] == between else 1
        assert counts(said) == ({"lost": 1} if lost else {}) and said["by_provenance"] == 4000, (pair, said)
        assert [place(fault)[:2] for fault in said["faults"]["lost"]] == [[0, 1000]] * lost
    read = ctl("consume", "--brokers", kafka.brokers, "--until-end", "--json", dead, target).stdout.splitlines()
    last = [json.loads(line) for line in read]
    letter = next(record for record in last if record["topic"] == dead)
    assert letter["headers"][:3] == [*one["headers"], ["aloqd.source", f"{cluster_id}/{source}/0/1000"]]
    assert letter["headers"][3][0] == "aloqd.source.cluster"
    twice = next(record for record in last if record["topic"] == target and record["offset"] == 7)
    part = twice["partition"]
    assert twice["headers"] == [*one["headers"], ["aloqd.source", f"{cluster_id}/{source}/{part}/7"],
                                ["aloqd.source", f"{cluster_id}/{between}/{part}/7"]]


def test_two_clusters_transactions_and_what_is_on_its_way(kafka, far_kafka, topic, source):
    target = far_kafka.create_topic(topic("out"), 2)
    # What is aborted on either side was never there.
    write(kafka, source, [record(100, 0)], "--transactional-id", topic("a"), "--abort")
    write(far_kafka, target, SOURCE[:39], "--transactional-id", topic("b"))
    write(far_kafka, target, [SOURCE[5]], "--transactional-id", topic("b"), "--abort")
    sides = ["--source-brokers", kafka.brokers, "--target-brokers", far_kafka.brokers]
    done = ctl("verify", source, target, "--json", *sides)
    said = json.loads(done.stdout)
    assert done.returncode == NOT_CLEAN and counts(said) == {"lost": 1} and said["lost_at_end"] == 1
    uncommitted = json.loads(ctl("verify", source, target, "--json", *sides, "--isolation", "read_uncommitted").stdout)
    assert (uncommitted["lost"], uncommitted["repeated"]) == (2, 1)
    # The last one arrives while it waits.
    with subprocess.Popen([BUILD / "aloqctl", "verify", source, target, *sides, "--grace", "3s"],
                          stdout=subprocess.PIPE, text=True) as late:
        write(far_kafka, target, SOURCE[39:])
        assert late.wait(30) == CLEAN, late.stdout.read()
    done = ctl("verify", source, topic("none"), *sides)
    assert done.returncode == UNAVAILABLE and "there is no topic" in done.stderr


def peak_kb_of(pid):
    try:
        status = pathlib.Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return 0
    return int((re.findall(r"VmHWM:\s+(\d+)", status) or [0])[0])


def test_a_small_memory_does_and_a_terminal_sees_a_bar(kafka, topic, tmp_path):
    source, target = kafka.create_topic(topic("in"), 3), kafka.create_topic(topic("out"), 3)
    lines = "".join(f"{i}:{i:0100d}\n" for i in range(300_000))
    for name in (source, target):
        assert ctl("produce", "--brokers", kafka.brokers, name, "--key-separator", ":", stdin=lines).returncode == 0
    write(kafka, target, [{"key": "77", "value": f"{77:0100d}"}])
    main, terminal = pty.openpty()
    with subprocess.Popen([BUILD / "aloqctl", "verify", "--brokers", kafka.brokers, source, target, "--json",
                           "--memory", "32MiB"], stdout=subprocess.PIPE, stderr=terminal,
                          env=os.environ | {"TMPDIR": str(tmp_path)}, text=True) as process:
        # As its own peak is told while it runs; what wait4() tells begins with the peak of who has made it.
        peak_kb = 0
        while process.poll() is None:
            peak_kb = max(peak_kb, peak_kb_of(process.pid))
            time.sleep(0.01)
        said = json.loads(process.stdout.read())
    os.close(terminal)
    shown = ""
    with contextlib.suppress(OSError):  # its end: nobody has the terminal any more
        while True:
            shown += os.read(main, 65_536).decode()
    os.close(main)
    assert said["repeated"] == 1 and said["lost"] == 0 and said["source_records"] == 300_000, said
    assert "reading the target [" in shown and "reading the source [" in shown and shown.endswith("\r\x1b[K"), shown
    assert process.returncode == NOT_CLEAN and 8 * 1024 < peak_kb < 40 * 1024, peak_kb
    assert not os.listdir(tmp_path), "a file is left"
