"""aloqd.service and aloqd@.service under a real systemd."""

import json
import os
import pathlib
import re
import signal

from harness.config import QUICK_SESSION, relay
from harness.proxy import Proxy
from harness.trial import Trial
from harness.waiting import eventually, holds_for
from harness.workload import Load, fill_mixed
from machine.thread_freezer import frozen, thread_named

TOP = pathlib.Path(__file__).resolve().parents[2]

# Ids are for ever, so they may be written down here; test_catalog.sh holds log_ids.h and the catalog to each other.
DAEMON_READY = "661e3c6007894c60bda9c07237baa2b5"
BACKING_OFF = "e0cea8dd0dbf4001ac9f182af6495fdf"

NOBODY = "127.0.0.1:9"  # no Kafka answers there

# A stall is noticed after 10 s, and a watchdog of the unit's 30 s would make that 40.
QUICK_WATCHDOG = "[Service]\nWatchdogSec=3s\nRestartSec=200ms\n"


def start_relay(service, trial, **settings):
    service.write_config(trial.settings(from_properties=QUICK_SESSION, **settings))
    return service.start().await_ready()


def test_with_the_sample_it_runs_idle_and_says_so(service, machine):
    aloqd = service()
    machine.write(aloqd.config_path, (TOP / "etc/aloqd.conf").read_text())
    aloqd.start()
    aloqd.await_status("^no pipeline runs")
    assert machine.run("systemctl", "is-enabled", aloqd.name).strip() == "enabled"
    assert aloqd.get("/readyz")[0] == 200
    assert aloqd.terminate() == 0


def test_status_and_journal_say_what_it_does(service, machine, kafka, topic):
    trial = Trial(kafka, topic, 2)
    fill_mixed(kafka.brokers, trial.source, 200, 2)
    aloqd = start_relay(service(), trial)
    trial.await_caught_up(aloqd)
    aloqd.await_status(r"^1 pipeline: 1 running; \d+ records/s$")
    ready, = aloqd.journal(f"MESSAGE_ID={DAEMON_READY}", f"_PID={aloqd.show('MainPID')}")
    assert ready["SYSLOG_IDENTIFIER"] == "aloqd" and ready["PRIORITY"] == "5", ready
    assert aloqd.journal("ALOQD_PIPELINE=relay"), aloqd.log_tail()
    table = machine.run("aloqctl", "status")
    assert "relay" in table and "running" in table, table
    assert aloqd.terminate() == 0
    assert trial.verdict().kept_exactly(), trial.verdict()


def test_the_catalog_explains_events(service, machine, kafka, topic):
    listed = machine.run("journalctl", "--list-catalog")
    known = re.findall(r'"([0-9a-f]{32})"', (TOP / "src/base/log_ids.h").read_text())
    assert known and all(name in listed for name in known), listed
    trial = Trial(kafka, topic)
    aloqd = service()
    aloqd.write_config(trial.settings(from_brokers=NOBODY))
    aloqd.start()
    eventually(lambda: aloqd.journal(f"MESSAGE_ID={BACKING_OFF}"), 30, aloqd.log_tail)
    explained = machine.run("journalctl", "-b", "-x", "--no-pager", "-u", aloqd.name, f"MESSAGE_ID={BACKING_OFF}")
    assert "Subject: Pipeline relay waits and tries again" in explained, explained


def test_the_sandbox_is_what_the_unit_says(service, machine, kafka, topic):
    aloqd = start_relay(service(), Trial(kafka, topic))
    for unit in ("aloqd.service", "aloqd@x.service"):
        machine.run("systemd-analyze", "security", "--no-pager", "--threshold=15", unit)
    status = dict(line.split(":\t", 1) for line in
                  pathlib.Path(f"/proc/{aloqd.pid()}/status").read_text().splitlines() if ":\t" in line)
    assert status["Uid"].split()[0] != "0"
    assert [int(status[name], 16) for name in ("CapEff", "CapPrm", "CapBnd", "CapAmb")] == [0, 0, 0, 0]
    assert status["NoNewPrivs"] == "1" and status["Seccomp"] == "2", status
    # Even root, once it is where the process is, cannot write there, nor see homes and others' processes.
    inside = ["nsenter", "-t", aloqd.show("MainPID"), "-m"]
    assert machine.try_run(*inside, "touch", "/etc/aloqd/x", "/usr/x", "/var/x").stdout.count("Read-only") == 3
    assert machine.try_run(*inside, "ls", "-A", "/root", "/home").stdout.count("\n") <= 4
    owner = machine.run("stat", "-c", "%U %a", aloqd.control_path).split()
    assert owner == ["aloqd", "660"], owner


def test_programs_may_run_with_the_example_drop_in(service, machine, kafka, topic):
    trial = Trial(kafka, topic)
    aloqd = service()
    aloqd.drop_in((TOP / "systemd/examples/programs.conf").read_text(), "programs")
    start_relay(aloqd, trial)
    assert machine.run("systemctl", "show", "--value", "-p", "MemoryDenyWriteExecute", aloqd.name).strip() == "no"
    assert "sched_setaffinity" in aloqd.show("SystemCallFilter")
    assert aloqd.terminate() == 0


def test_a_reload_changes_what_differs_and_a_wrong_configuration_changes_nothing(service, machine, kafka, topic):
    steady, added = Trial(kafka, topic, 2), Trial(kafka, lambda end: topic(f"added.{end}"), 2)
    aloqd = start_relay(service(), steady)
    pid, began = aloqd.show("MainPID"), aloqd.pipeline("relay")["counters"]["assigned_partitions"]
    settings = steady.settings(from_properties=QUICK_SESSION)
    with Load(kafka.brokers, steady.source, 2, rate=500), Load(kafka.brokers, added.source, 2, rate=500):
        settings["pipelines"]["added"] = added.settings(from_properties=QUICK_SESSION)["pipelines"]["relay"]
        aloqd.write_config(settings)
        aloqd.systemctl("reload")
        eventually(lambda: aloqd.pipeline("added").get("counters", {}).get("acked_records", 0) > 300, 30, aloqd.log_tail)
        settings["pipelines"]["added"]["delivery"] = "twice"
        aloqd.write_config(settings)
        refused = machine.try_run("systemctl", "reload", aloqd.name)
        assert refused.returncode != 0, refused
        assert aloqd.show("ActiveState") == "active" and "twice" in aloqd.log_text(), aloqd.log_tail()
        aloqd.await_acked(300)
    assert aloqd.show("MainPID") == pid and aloqd.show("NRestarts") == "0"
    assert aloqd.pipeline("relay")["counters"]["assigned_partitions"] == began
    for trial in (steady, added):
        trial.await_caught_up(aloqd)
    assert aloqd.terminate() == 0
    for trial in (steady, added):
        assert trial.verdict().kept_exactly(), trial.verdict()


def test_a_stop_under_load_repeats_nothing(service, kafka, topic):
    trial = Trial(kafka, topic, 3)
    aloqd = start_relay(service(), trial)
    with Load(kafka.brokers, trial.source, 3, rate=2000):
        for _ in range(3):
            aloqd.await_acked(1000)
            aloqd.systemctl("restart")
            assert aloqd.show("Result") == "success", aloqd.log_tail()
            aloqd.await_ready()
    verdict = trial.finish(aloqd)
    assert verdict.kept_exactly(), verdict


def test_a_killed_one_is_started_again_and_nothing_is_lost(service, kafka, topic):
    trial = Trial(kafka, topic, 3)
    aloqd = service()
    aloqd.drop_in("[Service]\nRestartSec=200ms\n")
    start_relay(aloqd, trial)
    with Load(kafka.brokers, trial.source, 3, rate=2000):
        for number in (1, 2):
            aloqd.await_acked(1000)
            aloqd.systemctl("kill", "-s", "KILL")
            eventually(lambda: aloqd.show("NRestarts") == str(number), 20, aloqd.log_tail)
            aloqd.await_ready()
    verdict = trial.finish(aloqd)
    assert verdict.kept_at_least_once(), verdict


def await_watchdog(aloqd, stopped_pid):
    """The watchdog has killed it, and it runs again."""
    eventually(lambda: aloqd.show("NRestarts") == "1", 60, aloqd.log_tail)
    assert re.search(r"Watchdog timeout \(limit 3s\)!", aloqd.log_text()), aloqd.log_tail()
    aloqd.await_ready()
    assert aloqd.pid() != stopped_pid


def test_the_watchdog_replaces_a_process_that_stands_still(service, kafka, topic):
    trial = Trial(kafka, topic, 2)
    aloqd = service()
    aloqd.drop_in(QUICK_WATCHDOG)
    start_relay(aloqd, trial)
    fill_mixed(kafka.brokers, trial.source, 200, 2)
    pid = aloqd.pid()
    os.kill(pid, signal.SIGSTOP)
    await_watchdog(aloqd, pid)
    assert trial.finish(aloqd).kept_at_least_once()


def test_the_watchdog_replaces_one_whose_pipeline_stands_still(service, kafka, topic):
    """The main thread turns, and still does not feed it."""
    trial = Trial(kafka, topic, 2)
    aloqd = service()
    aloqd.drop_in(QUICK_WATCHDOG)
    start_relay(aloqd, trial)
    fill_mixed(kafka.brokers, trial.source, 200, 2)
    pid = aloqd.pid()
    with frozen(thread_named(pid, "relay")):
        await_watchdog(aloqd, pid)
    assert "has not turned for more than 10 s" in aloqd.log_text()
    assert trial.finish(aloqd).kept_at_least_once()


def test_only_what_may_work_the_next_time_is_tried_again(service, machine):
    aloqd = service()
    aloqd.drop_in("[Service]\nRestartSec=100ms\n")
    machine.write(aloqd.config_path, "pipelines = { broken")
    assert machine.try_run("systemctl", "start", aloqd.name).returncode != 0
    assert aloqd.show("ExecMainStatus") == "78" and aloqd.show("ActiveState") == "failed"
    holds_for(lambda: aloqd.show("NRestarts") == "0", 1, aloqd.log_tail)
    # A port that is taken may be free later.
    machine.run("systemctl", "reset-failed", aloqd.name)
    aloqd.write_config(relay(NOBODY, "in", "out", aloqd_http="192.0.2.1:9797"))
    machine.try_run("systemctl", "start", "--no-block", aloqd.name)
    eventually(lambda: int(aloqd.show("NRestarts")) >= 2, 20, aloqd.log_tail)
    assert "status=69/UNAVAILABLE" in aloqd.log_text(), aloqd.log_tail()


def test_two_instances_have_what_they_need_to_themselves(service, machine, kafka, topic):
    trials = [Trial(kafka, lambda suffix, name=name: topic(f"{name}.{suffix}"), 2) for name in ("one", "two")]
    both = [service("one"), service("two")]
    for aloqd, trial in zip(both, trials):
        fill_mixed(kafka.brokers, trial.source, 100, 2)
        start_relay(aloqd, trial)
    for aloqd, name in zip(both, ("one", "two")):
        told = json.loads(machine.run("aloqctl", "--socket", f"/run/aloqd-{name}/control.sock", "--json", "status"))
        assert told["instance"].endswith(f"-{name}"), told["instance"]
        assert "Kafka relay (aloqd, " + name in machine.run("systemctl", "status", "--no-pager", aloqd.name)
        assert pathlib.Path(f"/proc/{aloqd.pid()}/cmdline").read_text().split("\0")[2] == f"/etc/aloqd/{name}.conf"
        listening = machine.run("ss", "-Hltnp") if machine.try_run("which", "ss").returncode == 0 else ""
        assert f"pid={aloqd.show('MainPID')}," not in listening, listening
    # That one of them stops, and the main one starts and stops, is nothing to the other.
    assert both[0].terminate() == 0
    main = service()
    main.write_config(relay(NOBODY, "in", "out"))
    main.start()
    assert main.terminate() == 0
    for trial in trials:
        fill_mixed(kafka.brokers, trial.source, 100, 2, seed=2)
    trials[1].await_caught_up(both[1])
    assert both[1].terminate() == 0
    assert trials[1].verdict().kept_exactly(), trials[1].verdict()


def test_a_full_disk_stops_nobody(service, machine, kafka, topic):
    """Neither where the journal is kept, nor where the control socket is."""
    trial = Trial(kafka, topic, 2)
    aloqd = start_relay(service(), trial)
    machine.run("sh", "-ec", "mount -t tmpfs -o size=16m small /var/log/journal; systemctl restart systemd-journald;"
                             "journalctl --flush; mount -o remount,size=32m /run")
    try:
        for place in ("/var/log/journal", "/run"):
            # To the last byte.
            assert "No space left" in machine.try_run("sh", "-c", f"cat /dev/zero >{place}/full").stdout
        fill_mixed(kafka.brokers, trial.source, 1000, 2)
        trial.await_caught_up(aloqd)
        aloqd.systemctl("restart")  # which logs, and makes its directory and its socket anew
        aloqd.await_ready()
        fill_mixed(kafka.brokers, trial.source, 1000, 2, seed=2)
        trial.await_caught_up(aloqd)
    finally:
        machine.run("sh", "-ec", "rm /run/full; mount -o remount,size=20% /run; umount -l /var/log/journal;"
                                 "systemctl restart systemd-journald")
    aloqd.systemctl("restart")
    eventually(lambda: aloqd.journal(f"MESSAGE_ID={DAEMON_READY}", f"_PID={aloqd.show('MainPID')}"), 20,
               "the journal has its events again")
    verdict = trial.finish(aloqd)
    assert verdict.kept_exactly(), verdict


def test_a_boot_does_not_wait_for_the_broker(service, machine, kafka, topic):
    trial = Trial(kafka, topic, 2)
    fill_mixed(kafka.brokers, trial.source, 200, 2)
    aloqd = service()
    aloqd.write_config(trial.settings(from_properties=QUICK_SESSION))
    kafka.stop_node()
    try:
        machine.shut_down()
        machine.boot()
        assert aloqd.show("ActiveState") == "active", aloqd.log_tail()
        aloqd.await_status("^1 pipeline: 1 (starting|backing_off)")
        assert aloqd.get("/readyz")[0] == 503
    finally:
        kafka.start_node()
    aloqd.await_ready()
    assert trial.finish(aloqd).kept_exactly()


def test_a_password_comes_as_a_credential(service, machine, kafka, topic):
    trial = Trial(kafka, topic, 2)
    aloqd = service()
    settings = trial.settings(from_brokers=f"127.0.0.1:{kafka.proxied_port}",
                              to_brokers=f"127.0.0.1:{kafka.proxied_port}", from_properties=QUICK_SESSION)
    for cluster in settings["clusters"].values():
        cluster["sasl"] = {"mechanism": "PLAIN", "username": "relay", "password": "credential:kafka"}
    aloqd.write_config(settings)
    machine.write("/etc/aloqd/kafka.secret", "relays", mode=0o600)
    aloqd.drop_in("[Service]\nLoadCredential=kafka:/etc/aloqd/kafka.secret\n")
    fill_mixed(kafka.brokers, trial.source, 200, 2)
    proxy = Proxy(kafka.proxied_port, kafka.alias_port)
    try:
        aloqd.start().await_ready()
        assert trial.finish(aloqd).kept_exactly()
    finally:
        proxy.close()
    assert "relays" not in aloqd.log_text().split()
