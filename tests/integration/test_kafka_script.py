"""scripts/kafka: what it fetches is checked or refused, and what it says when it cannot go on."""

import os
import pathlib
import shutil
import subprocess

import pytest

from harness.cluster import SCRIPT

MVN = """#!/bin/bash
# In mvn's place: copies the jars of a cache that is there, and then does what a test wants.
set -eu
for argument; do
	case $argument in -DoutputDirectory=*) out=${{argument#*=}} ;; esac
done
{before}
cp -r --reflink=auto "{jars}"/*.jar "$out"
{after}
"""


@pytest.fixture(name="jars", scope="module")
def jars_fixture():
    return subprocess.run([SCRIPT, "jars"], stdout=subprocess.PIPE, text=True, check=True).stdout.strip()


@pytest.fixture(name="fetch")
def fetch_fixture(tmp_path, jars):
    """Runs `scripts/kafka jars` with an empty cache and a mvn that behaves as told."""
    def fetch(before="", after=""):
        mvn = tmp_path / "bin" / "mvn"
        mvn.parent.mkdir(exist_ok=True)
        mvn.write_text(MVN.format(before=before, after=after, jars=jars))
        mvn.chmod(0o755)
        done = run("jars", PATH=f"{mvn.parent}:{os.environ['PATH']}", XDG_CACHE_HOME=str(tmp_path / "cache"))
        # Whole or not at all, and no rubbish beside it.
        left = {path.name for path in (tmp_path / "cache" / "aloqd").iterdir()} - {".lock"}
        assert left == ({pathlib.Path(jars).name} if done.returncode == 0 else set()), left
        shutil.rmtree(tmp_path / "cache")
        return done
    return fetch


def run(*arguments, **environment):
    return subprocess.run([SCRIPT, *arguments], env={**os.environ, **environment}, stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, text=True, timeout=60, check=False)


def test_jars_that_match_the_list_are_taken(fetch):
    done = fetch()
    assert done.returncode == 0 and done.stdout.strip().endswith("/aloqd/kafka-4.3.1"), done


def test_an_altered_jar_is_refused(fetch):
    done = fetch(after='printf x >>"$out/kafka_2.13-4.3.1.jar"')
    assert done.returncode == 1 and "kafka_2.13-4.3.1.jar" in done.stderr and "sha256" in done.stderr, done


def test_a_missing_jar_is_refused(fetch):
    done = fetch(after='rm "$out/jopt-simple-5.0.4.jar"')
    assert done.returncode == 1 and "jopt-simple-5.0.4.jar" in done.stderr, done


def test_a_jar_too_many_is_refused(fetch):
    done = fetch(after='cp "$out/jopt-simple-5.0.4.jar" "$out/other-1.0.jar"')
    assert done.returncode == 1 and "other-1.0.jar" in done.stderr, done


def test_without_network_it_says_what_to_do(fetch):
    done = fetch(before='echo "[ERROR] Unknown host repo.example" ; exit 1')
    assert done.returncode == 1, done
    for words in ("Unknown host", "network", "settings.xml", "copy"):
        assert words in done.stderr, done.stderr


def test_without_a_cluster_it_says_how_to_start_one(tmp_path):
    for command in ("stop", "status", "brokers", "start-node", "freeze-node"):
        done = run(command, "--data", str(tmp_path / "none"))
        assert done.returncode == 1 and "start --data" in done.stderr, (command, done)
    assert run("remove", "--data", str(tmp_path / "none")).returncode == 0


@pytest.mark.parametrize("arguments", [[], ["frobnicate"], ["start", "--nodes", "2"], ["start", "--port"],
                                       ["start", "--heap", "much"], ["topic"], ["topic", "create"],
                                       ["--data"], ["exec"]])
def test_wrong_usage_is_64(tmp_path, arguments):
    done = run(*arguments, *(["--data", str(tmp_path / "none")] if arguments != ["--data"] else []))
    assert done.returncode in (1, 64) and done.stderr, done


def test_a_cluster_keeps_its_data_its_ports_and_its_state_is_seen(kafka, topic):
    name = topic("t")
    kafka.script("topic", "create", name, "--partitions", "3", "--config", "retention.ms=7654321")
    kafka.freeze()
    done = run("status", "--data", str(kafka.directory))
    kafka.thaw()
    assert done.returncode == 1 and "frozen" in done.stdout, done
    kafka.script("stop")
    done = run("status", "--data", str(kafka.directory))
    assert done.returncode == 1 and "stopped" in done.stdout, done
    assert kafka.script("start").splitlines()[-1] == kafka.brokers
    done = run("status", "--data", str(kafka.directory))
    assert done.returncode == 0 and "running" in done.stdout, done
    assert len(kafka.partitions(name)) == 3 and kafka.topic_config(name)["retention.ms"] == "7654321"
    assert name in kafka.script("topic", "list").splitlines()
    kafka.script("topic", "alter", name, "--partitions", "4", "--config", "retention.ms=1234567")
    assert len(kafka.partitions(name)) == 4 and kafka.topic_config(name)["retention.ms"] == "1234567"
    assert "PartitionCount: 4" in kafka.script("topic", "describe", name)
    kafka.script("topic", "delete", name)
    assert not kafka.topic_exists(name)
