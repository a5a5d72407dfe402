"""What a person tells a running daemon with aloqctl: start, stop, restart, and what becomes of a blocked partition."""

import json
import re
import signal
import subprocess

import pytest

from harness.aloqd import BUILD, aloqctl
from harness.checker import compare
from harness.reader import read_topic
from harness.trial import Trial
from harness.workload import CREATED, EPOCH_MS, Record, fill, small_record

PARTITIONS = 3
RECORDS = 300
# Refused by a compacted topic, one in each partition; index % 3 is the partition, index // 3 the offset.
POISON = {30: (0, 10), 61: (1, 20), 92: (2, 30)}


def tell(daemon, *arguments, status=0):
    done = aloqctl(daemon, *arguments, timeout_s=90)
    assert done.returncode == status, (arguments, done, daemon.log_tail())
    return done.stdout


class BlockedTrial(Trial):
    """Its target is compacted, and refuses a record without a key in each partition."""

    def __init__(self, kafka, topic, delivery):
        super().__init__(kafka, topic, PARTITIONS)
        self.dead = kafka.create_topic(topic("dead"), 1)
        self.delivery = delivery
        kafka.alter_topic(self.target, cleanup_policy="compact")
        records = [Record(None, b"no key", (), CREATED, EPOCH_MS + index) if index in POISON else small_record(index)
                   for index in range(RECORDS)]
        fill(kafka.brokers, self.source, records, PARTITIONS)

    def settings(self, **settings):
        made = super().settings(delivery=self.delivery, dead_letter=self.dead, **settings)
        made["pipelines"]["relay"]["to"]["cluster"] = "source"  # exactly_once: one cluster, by one name
        del made["clusters"]["target"]
        return made


@pytest.mark.parametrize("delivery", ["at_least_once", "exactly_once"])
def test_a_blocked_partition_does_with_its_record_what_a_person_decides(kafka, topic, aloqd, delivery):
    trial = BlockedTrial(kafka, topic, delivery)
    daemon = aloqd(trial.settings()).start()
    daemon.await_pipeline(lambda p: sum(q["state"] == "blocked" for q in p["partitions"]) == PARTITIONS, "all block")
    blocked = daemon.partitions(state="blocked")
    assert {number: (q["blocked_at"], q["blocked_by"]) for (_, number), q in blocked.items()} == \
        {number: (offset, "record") for number, offset in POISON.values()}

    assert aloqctl(daemon, "unblock", "relay", trial.source, "1").returncode == 64, "what is to become of it?"
    refused = aloqctl(daemon, "unblock", "relay", trial.source, "1", "--skip", "--offset", "19")
    assert refused.returncode == 1 and "is blocked at offset 20, not at 19" in refused.stderr, refused
    assert aloqctl(daemon, "unblock", "relay", trial.source, "7", "--skip").returncode == 1
    again = tell(daemon, "unblock", "relay", trial.source, "0", "--retry", status=75)
    assert "again blocked at offset 10 by a record: " in again
    said = tell(daemon, "unblock", "relay", trial.source, "1", "--skip", "--offset", "20")
    assert "blocked at offset 20 by a record: " in said and "reading, committed up to " in said
    tell(daemon, "unblock", "relay", trial.source, "2", "--dead-letter")
    kafka.alter_topic(trial.target, cleanup_policy="delete")  # what was refused is good now
    tell(daemon, "unblock", "relay", trial.source, "0", "--retry")
    refused = aloqctl(daemon, "unblock", "relay", trial.source, "0", "--retry")
    assert refused.returncode == 1 and f"{trial.source} [0] is not blocked; " in refused.stderr, refused
    daemon.await_state("running")
    trial.await_caught_up(daemon)
    assert [daemon.counter(f"{name}_records") for name in ("skipped", "dead_lettered", "lost")] == [1, 1, 0]
    # exactly_once sends what its aborted transactions held again.
    assert delivery == "exactly_once" or daemon.counter("repeated_records") == 0
    trial.stop_clean(daemon)

    source = read_topic(kafka, trial.source).records
    good = {partition: [record for offset, record in enumerate(records) if (partition, offset) not in ((1, 20), (2, 30))]
            for partition, records in source.items()}
    verdict = compare(good, read_topic(kafka, trial.target).records)
    assert verdict.kept_exactly(), verdict
    letters = read_topic(kafka, trial.dead).records[0]
    assert [dict(letter.headers)["aloqd.source.offset"] for letter in letters] == [b"30"]
    assert trial.committed() == kafka.log_ends(trial.source)
    log = daemon.log_text()
    assert f"topic={trial.source} partition=1 offset=20: offset 20 is refused for ever and skipped, as a person has " \
        "decided: " in log
    assert re.search(r'partition=1 offset=20: command "unblock --skip" by uid \d+ \(pid \d+\): accepted', log)
    assert re.search(r'partition=1 offset=19: command "unblock --skip" by uid \d+ \(pid \d+\): refused: ', log)


def test_a_gap_is_crossed_when_a_person_says_so_and_what_is_lost_is_told(kafka, topic, aloqd):
    trial = Trial(kafka, topic, 1)
    fill(kafka.brokers, trial.source, [small_record(index) for index in range(50)], 1)
    kafka.commit(trial.group, trial.source, {0: 10})
    kafka.delete_records(trial.source, {0: 30})
    daemon = aloqd(trial.settings()).start()
    daemon.await_state("blocked")
    assert daemon.partitions()[(trial.source, 0)]["blocked_by"] == "gap"
    assert aloqctl(daemon, "unblock", "relay", trial.source, "0", "--dead-letter").returncode == 1
    tell(daemon, "unblock", "relay", trial.source, "0", "--retry", status=75)
    said = tell(daemon, "unblock", "relay", trial.source, "0", "--skip")
    assert "by a gap: " in said and "retention has deleted 20 offsets from 10 on" in said
    daemon.await_state("running")
    trial.await_caught_up(daemon)
    assert daemon.pipeline()["log_gap_records"] == 20
    assert "offset=10: gap in the source, being crossed as a person has decided: reading goes on at 30: " in daemon.log_text()
    trial.stop_clean(daemon)
    assert trial.committed() == {0: 50}
    assert len(read_topic(kafka, trial.target).records[0]) == 20


def test_a_pipeline_stops_starts_and_restarts_as_it_is_told(kafka, topic, aloqd):
    trial = Trial(kafka, topic, 1)
    fill(kafka.brokers, trial.source, [small_record(index) for index in range(100)], 1)
    daemon = aloqd(trial.settings()).start_ready()
    trial.await_caught_up(daemon)
    said = tell(daemon, "stop", "relay")
    assert re.fullmatch(r"relay: stopped: by command of uid \d+ \(pid \d+\) at [-0-9]+ [:0-9]+ UTC\n", said), said
    assert trial.committed() == {0: 100}, "a stop commits"
    assert daemon.get("/readyz")[0] == 200, "it does as it was told"
    fill(kafka.brokers, trial.source, [small_record(index) for index in range(100, 150)], 1)
    assert tell(daemon, "reload").endswith("no pipeline has changed\n")
    assert daemon.pipeline()["state"] == "stopped", "also through a reload"
    waiting = aloqctl(daemon, "wait", "--timeout", "1s", "relay")
    assert waiting.returncode == 75 and "relay: stopped, no lag known yet: by command of uid" in waiting.stderr, waiting
    assert json.loads(tell(daemon, "--json", "start", "relay"))["state"] == "running"
    tell(daemon, "wait", "--timeout", "30s")
    assert daemon.counter("acked_records") == 150, "its counts go on"
    assert tell(daemon, "restart", "relay") == "relay: running\n"
    assert aloqctl(daemon, "start", "nobody").returncode == 1
    with subprocess.Popen([BUILD / "aloqctl", "--socket", daemon.control, "status", "--watch=100ms"], text=True,
                          stdout=subprocess.PIPE) as watch:
        lines = [watch.stdout.readline() for _ in range(6)]
        watch.send_signal(signal.SIGINT)
        watch.stdout.read()
        assert watch.wait(timeout=10) == 0, "a watch ends when it is told to, and that is no failure"
    assert [line.split()[0] if line.strip() else "" for line in lines] == 2 * ["PIPELINE", "relay", ""], lines
    log = daemon.log_text()
    assert log.count("pipeline=relay: ended: stopped; ") == 2
    verdict = trial.finish(daemon)
    assert verdict.kept_exactly(), verdict


def test_the_log_level_and_what_runs_are_asked_of_the_daemon(kafka, topic, aloqd):
    daemon = aloqd(Trial(kafka, topic, 1).settings()).start_ready()
    assert tell(daemon, "log-level") == "info\n"
    assert tell(daemon, "log-level", "error") == "error (until a reload or a restart; configured: info)\n"
    tell(daemon, "pause", "relay")
    tell(daemon, "resume", "relay")
    assert json.loads(tell(daemon, "--json", "log-level", "debug")) == {"level": "debug", "configured": "info"}
    tell(daemon, "reload")
    assert tell(daemon, "log-level") == "info\n"
    log = daemon.log_text()
    for command in "log-level error", "pause", "resume", "log-level debug":
        assert re.search(rf'command "{command}" by uid \d+ \(pid \d+\): accepted', log), "whatever the level is"
    assert "told to pause" not in log, "but nothing else that is no error"
    assert "Guarantee: at_least_once" in tell(daemon, "explain", "relay")
    assert "Pipeline relay" in json.loads(tell(daemon, "--json", "explain"))["text"]
