"""A bad configuration: each with its message, its place and its exit status; and never half started."""

import os
import pathlib
import re
import shutil
import subprocess
import tempfile

import pytest

from harness.aloqd import PROGRAM, check_config, run
from harness.config import render

GOOD = """\
clusters = {
  main = { brokers = "127.0.0.1:9"; };
};
pipelines = {
  orders = {
    from = { cluster = "main"; topics = [ "orders" ]; };
    to = { topic = "orders-relayed"; };
  };
};
"""

# What is changed in GOOD, the key path that the message names, and words that it must hold.
BAD = [
    ("an unknown key, with the nearest", ('to = {', 'to = { compresion = "lz4";'),
     "pipelines.orders.to.compresion", "compression"),
    ("an unknown cluster, with the known", ('cluster = "main"', 'cluster = "mian"'),
     "pipelines.orders.from.cluster", "main"),
    ("no topics", ('[ "orders" ]', '[ ]'), "pipelines.orders.from.topics", ""),
    ("one topic twice", ('[ "orders" ]', '[ "orders", "orders" ]'), "pipelines.orders.from.topics", "twice"),
    ("a topic name that Kafka refuses", ('[ "orders" ]', '[ "or ders" ]'), "pipelines.orders.from.topics",
     ""),
    ("a missing target", ('topic = "orders-relayed";', ""), "pipelines.orders.to.topic", ""),
    ("a duration without unit", ("from =", 'commit = { interval = "10"; }; from ='),
     "pipelines.orders.commit.interval", "10"),
    ("a number that is none", ("from =", 'commit = { records = "many"; }; from ='),
     "pipelines.orders.commit.records", ""),
    ("records = 0", ("from =", "commit = { records = 0; }; from ="), "pipelines.orders.commit.records", "1"),
    ("an integer that the parser would cut", ("from =", "commit = { records = 4294967297; }; from ="),
     "4294967297", "4294967297L"),
    ("acks = 0 with at_least_once", ("to = {", "to = { acks = 0;"), "pipelines.orders.to.acks",
     "at_least_once"),
    ("a loop", ("orders-relayed", "orders"), "pipelines.orders", "orders"),
    ("a property that breaks the guarantee",
     ('topics = [', 'properties = [ "enable.auto.commit=true" ]; topics = ['),
     "enable.auto.commit", ""),
    ("a property that runs code", ("brokers =", 'properties = [ "plugin.library.paths=evil.so" ]; brokers ='),
     "plugin.library.paths", "code"),
    ("a property that librdkafka does not know", ('to = {', 'to = { properties = [ "lingr.ms=3" ];'),
     "lingr.ms", ""),
    ("a property with a value that librdkafka refuses",
     ("brokers =", 'properties = [ "socket.timeout.ms=banana" ]; brokers ='), "socket.timeout.ms", ""),
    ("exactly_once with acks = 1", ("to = {", 'delivery = "exactly_once"; to = { acks = 1;'),
     "pipelines.orders.to.acks", "all"),
    ("on_error = dead_letter without a topic for it", ("from =", 'on_error = "dead_letter"; from ='),
     "pipelines.orders.on_error", "needs a topic"),
    ("an unknown word, with the known", ("to = {", 'to = { compression = "lzma";'),
     "pipelines.orders.to.compression", "lz4"),
    ("too little memory", ("clusters =", 'aloqd = { memory = "1MiB"; };\nclusters ='), "aloqd.memory", "32"),
]


@pytest.mark.parametrize("change, path, words", [case[1:] for case in BAD], ids=[case[0] for case in BAD])
def test_a_bad_configuration_is_refused_with_its_place_and_exit_status_78(tmp_path, change, path, words):
    file = tmp_path / "aloqd.conf"
    text = GOOD.replace(*change, 1)
    assert text != GOOD
    status, said = check_config(file, text)
    assert status == 78, said
    place = next((line for line in said.splitlines() if path in line and words in line), None)
    assert place, said
    good = GOOD.splitlines()
    line_number = next(number for number, line in enumerate(text.splitlines(), 1) if line not in good)
    named = re.search(rf"{re.escape(str(file))}:(\d+)", place)
    assert named and abs(int(named[1]) - line_number) <= 1, (place, line_number)


def test_the_same_words_refuse_a_start(tmp_path):
    file = tmp_path / "aloqd.conf"
    file.write_text(GOOD.replace("main", "mian", 1))
    status, said = run("-c", str(file))
    assert status == 78 and "pipelines.orders.from.cluster" in said, said


def test_all_semantic_errors_are_reported_in_one_run(tmp_path):
    properties = 'properties = [ "lingr.ms=3", "no property", "batch.num.messages=many" ];'
    text = GOOD.replace('to = {', 'to = { compresion = "lz4"; acks = 0; ' + properties).replace('"main"', '"mian"')
    status, said = check_config(tmp_path / "aloqd.conf", text)
    assert status == 78
    for words in ("compresion", "to.acks", "from.cluster", 'know the property "lingr.ms"', '"no" is not a property',
                  "batch.num.messages"):
        assert words in said, said


def test_a_pipe_is_refused_at_once(tmp_path):
    pipe = tmp_path / "pipe.conf"
    os.mkfifo(pipe)
    status, said = run("-t", "-c", str(pipe))
    assert status == 78 and "not a regular file" in said, said


def test_a_syntax_error_names_its_line(tmp_path):
    status, said = check_config(tmp_path / "aloqd.conf", GOOD.replace('"127.0.0.1:9";', '"127.0.0.1:9'))
    assert status == 78 and re.search(r"aloqd\.conf:\d+: ", said), said


def test_a_good_configuration_is_accepted(tmp_path):
    status, said = check_config(tmp_path / "aloqd.conf", GOOD)
    assert status == 0 and "valid" in said, said


def test_acks_1_is_accepted_with_a_warning_that_names_the_loss(tmp_path):
    status, said = check_config(tmp_path / "aloqd.conf", GOOD.replace("to = {", "to = { acks = 1;"))
    assert status == 0 and "warning" in said and "leader" in said, said


def test_an_absent_file_is_78(tmp_path):
    status, said = run("-t", "-c", str(tmp_path / "absent.conf"))
    assert status == 78 and "absent.conf" in said, said


def test_an_unreadable_file_is_77():
    # Root may read everything: then it is nobody who asks, in a directory where nobody may look for it.
    user = 65534 if os.getuid() == 0 else None
    with tempfile.TemporaryDirectory(prefix="aloqd-") as directory:
        os.chmod(directory, 0o755)
        program = shutil.copy(PROGRAM, directory)
        file = pathlib.Path(directory, "secret.conf")
        file.write_text(GOOD)
        file.chmod(0)
        done = subprocess.run([program, "-t", "-c", file], stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                              text=True, user=user, timeout=20, check=False)
    assert done.returncode == 77 and "secret.conf" in done.stdout, done


def test_wrong_usage_is_64():
    status, said = run("--no-such-option")
    assert status == 64 and said, said
    status, said = run("surplus")
    assert status == 64 and said, said


def test_an_explanation_needs_no_broker_and_an_unknown_pipeline_is_64_with_the_nearest(tmp_path):
    file = tmp_path / "aloqd.conf"
    file.write_text(GOOD)
    for arguments in ([], ["orders"]):
        status, said = run("-c", str(file), "--explain", *arguments)
        assert status == 0 and "Guarantee: at_least_once, acks = all" in said, said
    status, said = run("-c", str(file), "--explain", "oders")
    assert status == 64 and 'did you mean "orders"' in said, said
    for arguments in (["--explain", "orders", "surplus"], ["--explain", "--check-brokers"],
                      ["--check-brokers", "orders"]):
        status, said = run("-c", str(file), *arguments)
        assert status == 64, said


def test_version_and_help_are_0():
    status, said = run("-V")
    assert status == 0 and re.match(r"aloqd \d+\.\d+", said), said
    status, said = run("-h")
    assert status == 0 and "--test-config" in said, said


def test_the_dump_is_complete_and_reads_back_the_same(tmp_path):
    file = tmp_path / "aloqd.conf"
    file.write_text(GOOD)
    status, dump = run("--dump-config", "-c", str(file))
    assert status == 0
    assert all(word in dump for word in ("at_least_once", "earliest", "read_committed", "aloqd-orders")), dump
    file.write_text(dump)
    assert run("--dump-config", "-c", str(file)) == (0, dump)


def test_two_pipelines_with_one_group_are_refused(tmp_path):
    pipeline = {"from": {"cluster": "main", "topics": ["orders"], "group": "shared"}, "to": {"topic": "a"}}
    other = {"from": {"cluster": "main", "topics": ["items"], "group": "shared"}, "to": {"topic": "b"}}
    text = render({"clusters": {"main": {"brokers": "127.0.0.1:9"}},
                   "pipelines": {"one": pipeline, "two": other}})
    status, said = check_config(tmp_path / "aloqd.conf", text)
    assert status == 78 and "shared" in said and "one" in said and "two" in said, said
