"""aloqd --check-brokers on live clusters: what endangers a pipeline is found, what is well is not, and it always ends.

What needs more brokers than one is judged in tests/unit/test_audit.c."""

import contextlib
import re
import socket
import time

import pytest
from confluent_kafka.admin import AdminClient

from harness.aloqd import run
from harness.cluster import AS_RELAY, GUARDED_ALIAS, temporary_cluster
from harness.config import brokers_of, relay, render
from harness.proxy import Proxy
from harness.waiting import eventually


def check(directory, settings, timeout_s=60):
    """(exit status, {pipeline: lines}, last line, seconds)"""
    file = directory / "aloqd.conf"
    file.write_text(render(settings))
    began = time.monotonic()
    status, said = run("--check-brokers", "-c", str(file), timeout_s=timeout_s)
    lines = said.splitlines()
    found = {name: [line.removeprefix(f"{name}: ") for line in lines if line.startswith(f"{name}: ")]
             for name in settings["pipelines"]}
    return status, found, lines[-1], time.monotonic() - began


def pipelines(cluster, **made):
    """Settings with several pipelines, each relay()'s arguments by its name."""
    settings = [relay(cluster, source, target, name=name, group=f"audit-{name}", **more)
                for name, (source, target, more) in made.items()]
    for other in settings[1:]:
        settings[0]["pipelines"].update(other["pipelines"])
    return settings[0]


# What is done to a pipeline or its topics, and the finding that says so: severity, and words in their order.
FOUND = {
    "narrow": ("error", "audit.narrow.out", "has 2 partitions, but 3 are needed", "--partitions 3"),
    "missing-target": ("error", "audit.missing-target.out", "target topic does not exist", "--create"),
    "missing-source": ("error", "audit.missing-source.in", "source topic does not exist"),
    "no-dead-letter": ("error", "audit.dead", "topic for dead letters does not exist", "--partitions 3"),
    "in-sync": ("warning", "audit.in-sync.out, min.insync.replicas=2", "has 1 replica", "nothing can ever be written"),
    "creates-too-much": ("error", "audit.creates-too-much.out", "cannot be made with 3 replicas", "has 1 broker"),
    "session": ("error", "group.max.session.timeout.ms=1800000", "refuse members with session.timeout.ms=1900000"),
    "creates": ("note", "audit.creates.out", "does not exist and will be made"),
    "widens": ("note", "audit.widens.out", "has 2 partitions and will get 3"),
    "unclean": ("warning", "audit.unclean.out, unclean.leader.election.enable=true", "are gone then"),
    "large": ("warning", "audit.large.out, max.message.bytes=1048588", "source audit.large.in takes 2000000"),
    "short": ("warning", "audit.short.in, retention.ms=3600000", "runs for 1h"),
    "compacted": ("warning", "audit.compacted.out, cleanup.policy=compact", "without a key"),
    "compacted-source": ("note", "audit.compacted-source.in, cleanup.policy=compact", "before it is read is not relayed"),
    "stamped": ("note", "message.timestamp.type=LogAppendTime", "timestamps of the source are not kept"),
    "patterns": ("warning", "replication.factor=1", "source topic are gone with the one broker"),
    "no-match": ("warning", "no topic that the user may see matches from.topics"),
}


@pytest.fixture(scope="module")
def audited(kafka, tmp_path_factory):
    """All of them in one run, which is quick."""
    sources = {"short": {"retention_ms": 3_600_000}, "large": {"max_message_bytes": 2_000_000},
               "compacted-source": {"cleanup_policy": "compact"}}
    targets = {"in-sync": {"min_insync_replicas": 2}, "unclean": {"unclean_leader_election_enable": "true"},
               "compacted": {"cleanup_policy": "compact"}, "compacted-source": {"cleanup_policy": "compact"},
               "stamped": {"message_timestamp_type": "LogAppendTime"}}
    more = {"no-dead-letter": {"on_error": "dead_letter", "dead_letter": "audit.dead"},
            "creates": {"to_create": {"replication_factor": 1}}, "widens": {"to_create": {"replication_factor": 1}},
            "creates-too-much": {"to_create": {"replication_factor": 3}},
            "session": {"from_properties": ["session.timeout.ms=1900000", "max.poll.interval.ms=2000000"]},
            "patterns": {"sources": ["^audit\\.narrow\\.i.*"]}, "no-match": {"sources": ["^audit-of-none.*"]}}
    made = {}
    for name in FOUND:
        source, target = f"audit.{name}.in", f"audit.{name}.out"
        if name not in ("missing-source", "patterns", "no-match"):
            kafka.create_topic(source, 3, **sources.get(name, {}))
        if name not in ("missing-target", "creates", "creates-too-much", "no-match"):
            kafka.create_topic(target, 2 if name in ("narrow", "widens") else 3, **targets.get(name, {}))
        made[name] = (source, target, more.get(name, {}))
    status, found, last, _ = check(tmp_path_factory.mktemp("audit"), pipelines(kafka, **made))
    assert status == 78, found
    assert last.startswith(f"{len(FOUND)} pipelines: 6 errors, 0 unreachable, "), last
    return found


@pytest.mark.parametrize("name", FOUND)
def test_what_endangers_a_pipeline_is_found_with_its_place_and_remedy(audited, name):
    severity, *words = FOUND[name]
    assert any(line.startswith(f"{severity}: ") and all(word in line for word in words)
               for line in audited[name]), audited[name]
    # And nothing that is well is called an error.
    assert sum(line.startswith("error: ") for line in audited[name]) == (severity == "error"), audited[name]


def test_asking_changes_nothing(kafka, audited):
    for topic in ("audit.missing-target.out", "audit.missing-source.in", "audit.creates.out", "audit.dead"):
        assert not kafka.topic_exists(topic)
    assert len(kafka.partitions("audit.widens.out")) == 2
    assert kafka.committed("audit-short", "audit.short.in") == {}


@pytest.mark.parametrize("delivery", ["at_most_once", "at_least_once", "exactly_once"])
def test_clean_clusters_are_exit_status_0(kafka, topic, tmp_path, delivery):
    source, target = kafka.create_topic(topic("in"), 2), kafka.create_topic(topic("out"), 2)
    settings = relay(kafka, source, target, delivery=delivery)
    if delivery == "exactly_once":
        settings["pipelines"]["relay"]["to"]["cluster"] = "source"
    status, found, last, _ = check(tmp_path, settings)
    # One broker is all there is, and worth a warning.
    assert status == 0 and ": 0 errors, 0 unreachable, 2 warnings, 0 notes" in last, (last, found)
    assert all("replication.factor=1" in line for line in found["relay"]), found


def test_a_cluster_that_does_not_answer_is_69_within_its_bound(kafka, topic, tmp_path):
    source, target = kafka.create_topic(topic("in"), 2), topic("out")
    with contextlib.closing(socket.create_server(("127.0.0.1", 0))) as silent:
        settings = relay(kafka, source, target, to_cluster=f"127.0.0.1:{silent.getsockname()[1]}")
        # Asked for the first one alone, whoever else it concerns.
        relayed = settings["pipelines"]["relay"]
        for name in ("second", "third", "fourth"):
            settings["pipelines"][name] = {"from": {**relayed["from"], "group": f"audit-{name}"},
                                           "to": {**relayed["to"], "topic": topic(name)}}
        status, found, last, seconds = check(tmp_path, settings)
    assert status == 69 and ": 0 errors, 4 unreachable, " in last, (last, found)
    for lines in found.values():
        assert lines[0].startswith("unreachable: cluster target: the brokers 127.0.0.1:"), lines
    assert seconds < 20, "a look of 1 s, one of 5 s, and four times the cluster that answers"


def test_hosts_that_disagree_about_a_pipeline_are_found_and_named(kafka, topic, tmp_path, aloqd):
    """By the hash of the settings in the client ids of the group's members. What may differ is no finding."""
    source, target = kafka.create_topic(topic("in"), 4), kafka.create_topic(topic("out"), 4)

    def settings(**more):
        return relay(kafka, source, target, **{"to_linger": "5ms", **more})

    first = aloqd(settings(aloqd_instance="first"), "first").start_ready()
    second = aloqd(settings(aloqd_instance="second", members=2, from_properties=["client.rack=left"]), "second")
    second.start_ready()
    for daemon, partitions in ((first, (1, 2)), (second, (2, 3))):
        daemon.await_pipeline(lambda p, some=partitions: len(p["partitions"]) in some, "they share the partitions")
    status, found, _, _ = check(tmp_path, settings())
    assert status == 0 and not any("other settings" in line for line in found["relay"]), found
    # One is changed, and the configuration of the other is not.
    second.write_config(settings(members=2, to_linger="6ms"))
    second.hang_up()

    def told():
        return [line for line in check(tmp_path, settings())[1]["relay"] if "2 members of the group" in line]
    (line,) = eventually(told, 45, second.log_tail)
    assert line.startswith("warning: cluster source: ") and "run this pipeline with other settings than these" in line, line
    named = r": aloqd-relay-([0-9a-f]{8})-[12] at 127\.0\.0\.1, aloqd-relay-\1-[12] at 127\.0\.0\.1; bring the same"
    assert re.search(named, line), line
    # Seen from there, it is the first.
    status, found, _, _ = check(tmp_path, settings(to_linger="6ms"))
    assert status == 0 and sum("1 member of the group" in line for line in found["relay"]) == 1, found
    assert first.terminate() == 0 and second.terminate() == 0


# Those who meet brokers that check rights, the rights that they are granted before, and what is found: severity and words.
GUARDED = {
    "nobody": ([], [("error", "transaction.max.timeout.ms=10000", "transaction.timeout.ms=15000"),
                    ("warning", "offsets.retention.minutes=60", "runs for 1h")]),
    "stranger": ([], [("error", "cluster stranger", "Authentication failed")]),
    "denied": ([], [("error", "denied.in", "may not see the source topic", "grant Read"),
                    ("error", "denied.out", "may not see the target topic", "grant Write"),
                    ("error", "Read on the group audit-denied", "--group audit-denied"),
                    ("note", "cannot be seen and were not judged", "DescribeConfigs")]),
    "sees": (["describe", "describe", "describe"], []),
    "granted": (["read", "write", "read"], [("note", "transactional ids", "aloqd.granted.")]),
}
# Before, librdkafka cannot be told what a user may do with what it sees.
SEES = {False: [("note", "cannot ask whether", "Read", "group audit-sees"), ("note", "cannot ask whether", "Write")],
        True: [("error", "sees.in", "lacks the right Read", "--operation Read --topic sees.in"),
               ("error", "sees.out", "lacks the right Write", "--operation Write --topic sees.out"),
               ("error", "Read on the group audit-sees")]}


@pytest.fixture
def guarded():
    settings = [setting for setting in GUARDED_ALIAS if not setting.startswith("allow.everyone")]
    settings += ["transaction.max.timeout.ms=10000", "offsets.retention.minutes=60"]
    with temporary_cluster("guarded", aliased=True, settings=settings) as cluster:
        with contextlib.closing(Proxy(cluster.proxied_port, cluster.alias_port)):
            yield cluster


def grant(cluster, alias, name, rights):
    """Returns once the brokers know them."""
    source, target = cluster.create_topic(f"{name}.in", 2), cluster.create_topic(f"{name}.out", 2)
    if not rights:
        return
    cluster.grant("relay", *zip(["topic", "topic", "group"], [source, target, f"audit-{name}"], rights))
    relays = AdminClient({"bootstrap.servers": alias, **dict(setting.split("=") for setting in AS_RELAY)})
    eventually(lambda: {source, target} <= set(relays.list_topics(timeout=10).topics), 20, f"{name} sees its topics")


def test_what_guarded_brokers_refuse_is_found(guarded, tmp_path):
    """Who may do nothing is told what to be granted; who is turned away, that; and the brokers' own limits count."""
    alias = f"127.0.0.1:{guarded.proxied_port}"
    for name, (rights, _) in GUARDED.items():
        grant(guarded, alias, name, rights)
    settings = pipelines(guarded, **{name: (f"{name}.in", f"{name}.out", {}) for name in GUARDED})
    settings["clusters"] = {"relay": {"brokers": alias, "properties": AS_RELAY},
                            "nobody": {"brokers": brokers_of(guarded)},
                            "stranger": {"brokers": alias, "properties": [*AS_RELAY[:-1], "sasl.password=wrong"]}}
    for name, pipeline in settings["pipelines"].items():
        cluster = name if name in settings["clusters"] else "relay"
        pipeline["from"]["cluster"] = pipeline["to"]["cluster"] = cluster
        pipeline["delivery"] = "exactly_once"
    status, found, last, _ = check(tmp_path, settings)
    assert status == 78 and ", 0 unreachable, " in last, (last, found)
    major, minor = map(int, re.search(r"librdkafka (\d+)\.(\d+)", run("-V")[1]).groups())
    expected = {**{name: findings for name, (_, findings) in GUARDED.items()}, "sees": SEES[(major, minor) >= (2, 3)]}
    for name, findings in expected.items():
        for severity, *words in findings:
            assert any(line.startswith(f"{severity}: ") and all(word in line for word in words)
                       for line in found[name]), (severity, words, found[name])
    assert not any(line.startswith("error: ") for line in found["granted"]), found["granted"]
    assert "relays" not in str(found) and "wrong" not in str(found), "no password is shown"
