"""Another configuration while it runs: SIGHUP and aloqctl reload."""

import json
import os
import random
import re
import signal

import pytest

from harness.aloqd import aloqctl
from harness.trial import TRIALS, CommitAudit
from harness.waiting import eventually
from harness.workload import Load, fill_mixed

PARTITIONS = 3
RATE = 1500


class Pair:
    """Two relays in one daemon, with topics and groups of their own: one that a test changes, and one that it does
    not."""

    def __init__(self, kafka, topic, delivery="at_least_once"):
        self.trials = self.steady, self.changing = [
            TRIALS[delivery](kafka, lambda suffix, name=name: topic(f"{name}.{suffix}"), PARTITIONS)
            for name in ("steady", "changing")]
        self.kafka = kafka

    def settings(self, changing=True, daemon=None, **changed):
        """`changed` are the settings of the one that changes; changing=False: it is not there."""
        whole = self.steady.settings(name="steady")
        whole["aloqd"].update(daemon or {})
        if changing:
            whole["pipelines"]["changing"] = self.changing.settings(**changed)["pipelines"]["relay"]
        return whole

    def loads(self):
        return [Load(self.kafka.brokers, trial.source, PARTITIONS, RATE) for trial in self.trials]

    def await_caught_up(self, daemon):
        for trial in self.trials:
            trial.await_caught_up(daemon)

    def assert_kept_exactly(self, loads):
        for trial, load in zip(self.trials, loads):
            verdict = trial.verdict()
            assert verdict.kept_exactly() and verdict.compared == load.produced, verdict


def assert_never_touched(daemon):
    """The steady one has the thread, the clients and the assignment that it began with."""
    pipeline = daemon.pipeline("steady")
    counters = pipeline["counters"]
    assert pipeline["state"] == "running" and pipeline["restarts"] == 0
    assert counters["assigned_partitions"] == PARTITIONS and counters["revoked_partitions"] == 0, counters
    assert daemon.log_text().count("pipeline=steady: the group has assigned") == 1


@pytest.mark.parametrize("delivery", TRIALS)
def test_a_hundred_reloads_under_load_lose_and_repeat_nothing(kafka, topic, aloqd, delivery):
    """Good ones and bad ones, waited for or not; a seed decides which."""
    pair = Pair(kafka, topic, delivery)
    daemon = aloqd(pair.settings()).start_ready()
    threads = daemon.threads()
    seed = int(os.environ.get("ALOQD_SEED") or random.randrange(1 << 32))
    print(f"seed {seed}")
    chance = random.Random(seed)
    accepted = refused = changes = 0
    is_bad = False
    loads = pair.loads()
    with loads[0], loads[1]:
        daemon.await_acked(500)
        for number in range(100):
            what = chance.choices(("nothing", "daemon", "change", "bad"), (3, 3, 2, 3))[0]
            is_bad = what == "bad" or (is_bad and what == "nothing")
            if what == "bad":
                daemon.write_config(pair.settings(on_eror="skip"))
            elif what == "daemon":
                daemon.write_config(pair.settings(daemon={"drain_timeout": f"{30 + number}s"},
                                                  to_linger=f"{changes}ms"))
            elif what == "change":
                changes += 1
                daemon.write_config(pair.settings(to_linger=f"{changes}ms"))
            accepted, refused = accepted + (not is_bad), refused + is_bad
            if chance.random() < 0.3:
                said = aloqctl(daemon, "reload", timeout_s=45)
                assert said.returncode == (78 if is_bad else 0), (said, daemon.log_tail())
            else:
                daemon.hang_up()
                eventually(lambda: reload_counts(daemon) == (accepted, refused), 20,
                           lambda: f"{accepted} reloads, {refused} refused; {reload_counts(daemon)}")
        daemon.write_config(pair.settings(to_linger="77ms"))
        assert aloqctl(daemon, "reload", timeout_s=45).returncode == 0
        daemon.await_ready()
    pair.await_caught_up(daemon)
    assert changes > 0 and refused > 0
    assert_never_touched(daemon)
    # no client of an old self is left
    eventually(lambda: daemon.threads() <= threads, 20, lambda: f"{threads} threads; there are {daemon.threads()}")
    for trial, name in zip(pair.trials, ("steady", "changing")):
        # counters go on where a pipeline starts anew
        assert daemon.pipeline(name)["counters"]["acked_records"] == sum(kafka.log_ends(trial.source).values())
    assert daemon.terminate() == 0, daemon.log_tail()
    pair.assert_kept_exactly(loads)
    assert daemon.log_text().count("pipeline=changing: the group has assigned") > 1, "nothing has changed"


def reload_counts(daemon):
    assert daemon.process.poll() is None, f"aloqd has ended with {daemon.process.returncode}:\n{daemon.log_tail()}"
    reload = daemon.status().get("reload", {})
    return reload.get("ok"), reload.get("refused")


def test_a_wrong_configuration_is_told_whole_and_what_runs_goes_on(kafka, topic, aloqd):
    pair = Pair(kafka, topic)
    fill_mixed(kafka.brokers, pair.steady.source, 300, PARTITIONS)
    daemon = aloqd(pair.settings()).start_ready()
    # a loop that shows in the new whole alone, and a key that is misspelled
    settings = pair.settings(on_eror="skip")
    settings["pipelines"]["back"] = {
        "from": {"cluster": "target", "topics": [pair.steady.target], "group": topic("back")},
        "to": {"cluster": "source", "topic": pair.steady.source}}
    daemon.write_config(settings)
    said = aloqctl(daemon, "reload")
    assert said.returncode == 78 and "everything runs on as it was" in said.stderr, said
    assert re.search(r'command "reload" by uid \d+ \(pid \d+\): refused: .*with 2 errors', daemon.log_text())
    assert "on_eror" in said.stderr and "round" in said.stderr, said.stderr
    assert all(line.split(": ", 1)[1] in daemon.log_text() for line in said.stderr.splitlines()[:-1])
    assert "The last reload:" in aloqctl(daemon, "status").stdout
    told = aloqctl(daemon, "--json", "reload")
    assert told.returncode == 78 and json.loads(told.stdout)["refused"] == 2, told
    daemon.config.unlink()
    said = aloqctl(daemon, "reload")
    assert said.returncode == 78 and str(daemon.config) in said.stderr, said
    fill_mixed(kafka.brokers, pair.steady.source, 300, PARTITIONS, seed=2)
    pair.await_caught_up(daemon)
    assert_never_touched(daemon)
    assert daemon.terminate() == 0


def test_a_removed_pipeline_drains_commits_and_goes_on_there_when_it_is_back(kafka, topic, aloqd):
    pair = Pair(kafka, topic)
    daemon = aloqd(pair.settings(daemon={"log_level": "debug"})).start_ready()
    audit = CommitAudit(pair.changing)
    loads = pair.loads()
    with loads[0], loads[1]:
        eventually(lambda: daemon.pipeline("changing")["counters"]["acked_records"] > 1000, 30, daemon.brief)
        # One that is not there is not shown; one that is not enabled is shown as stopped.
        for gone, state in (({"changing": False}, None), ({"enabled": False}, "stopped")):
            daemon.write_config(pair.settings(daemon={"log_level": "notice"}, **gone))
            said = aloqctl(daemon, "reload", timeout_s=45)
            assert said.returncode == 0 and "1 removed, 1 unchanged" in said.stdout, said
            assert daemon.pipeline("changing").get("state") == state
            assert audit.look() == kafka.log_ends(pair.changing.target)  # all that was written, and not more
            daemon.write_config(pair.settings())
            assert aloqctl(daemon, "reload", timeout_s=45).returncode == 0
            daemon.await_ready()
    audit.close()
    pair.await_caught_up(daemon)
    # log_level holds at once
    text = daemon.log_text()
    quiet = text.index("is reloaded: 0 pipelines are new")
    assert "pipeline=changing: ended: " not in text[quiet:text.index("is reloaded", quiet + 1)]
    assert_never_touched(daemon)
    assert daemon.terminate() == 0, daemon.log_tail()
    pair.assert_kept_exactly(loads)


@pytest.mark.parametrize("delivery", TRIALS)
def test_sigterm_in_the_middle_of_a_reload_drains_old_and_new(kafka, topic, aloqd, delivery):
    pair = Pair(kafka, topic, delivery)
    daemon = aloqd(pair.settings())
    loads = pair.loads()
    with loads[0], loads[1]:
        for number in range(3):
            daemon.write_config(pair.settings(to_linger=f"{number}ms"))
            daemon.start_ready().await_acked(500)
            daemon.write_config(pair.settings(to_linger=f"{number + 10}ms"))
            # Both signals await it, SIGHUP first: the drain, which asks a broker, can not be through between them.
            daemon.freeze()
            daemon.await_frozen()
            daemon.hang_up()
            daemon.process.send_signal(signal.SIGTERM)
            daemon.thaw()
            assert daemon.await_end() == 0, daemon.log_tail()
    assert daemon.log_text().count("pipeline=changing: does not start anew: aloqd stops") == 3, daemon.log_tail(80)
    daemon.start_ready()
    pair.await_caught_up(daemon)
    assert daemon.terminate() == 0, daemon.log_tail()
    pair.assert_kept_exactly(loads)
