"""The daemon around the relays: pages, control socket, service manager, exit status."""

import json
import re
import socket
import stat
import subprocess
import urllib.request

from harness.aloqd import BUILD, aloqctl
from harness.cluster import free_port
from harness.config import relay
from harness.trial import Trial
from harness.waiting import eventually
from harness.workload import fill_mixed


def test_the_pages_say_what_is(kafka, topic, aloqd):
    trial = Trial(kafka, topic, 3)
    port = free_port()
    fill_mixed(kafka.brokers, trial.source, 300, 3)
    daemon = aloqd(trial.settings(aloqd_http=f"127.0.0.1:{port}")).start_ready()
    trial.await_caught_up(daemon)
    assert daemon.get("/health") == (200, "OK\n")
    assert daemon.get("/livez")[0] == 200 and daemon.get("/readyz")[0] == 200
    assert daemon.get("/nothing-here")[0] == 404
    pipeline = daemon.await_pipeline(lambda p: p["lag"] == 0, "lag 0")
    assert pipeline["name"] == "relay" and pipeline["state"] == "running" and pipeline["reason"] is None
    assert pipeline["counters"]["acked_records"] == pipeline["counters"]["consumed_records"] == 300
    seen = {(p["topic"], p["partition"]) for p in pipeline["partitions"]}
    assert seen == {(trial.source, number) for number in range(3)}
    assert all(p["mark"] == p["end"] == p["log_end"] == 100 for p in pipeline["partitions"])
    for path in ("/health", "/readyz", "/api/v1/pipelines"):
        with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=10) as page:
            assert page.status == 200
    metrics = daemon.get("/metrics")[1]
    assert re.search(r'^aloqd_\w*acked\w*_total\{pipeline="relay"\} 300$', metrics, re.M), metrics
    trial.stop_clean(daemon)


def test_the_control_socket_is_for_owner_and_group_and_goes_with_the_daemon(aloqd):
    daemon = aloqd(relay(f"127.0.0.1:{free_port()}", "in", "out")).start()
    mode = stat.S_IMODE(daemon.control.stat().st_mode)
    assert mode & 0o007 == 0, oct(mode)
    assert daemon.terminate() == 0
    assert not daemon.control.exists()


def test_a_socket_left_by_a_killed_daemon_is_taken_over_and_a_live_ones_is_not(aloqd):
    daemon = aloqd(relay(f"127.0.0.1:{free_port()}", "in", "out")).start()
    daemon.kill()
    assert daemon.control.exists()
    daemon.start()
    rival = aloqd(relay(f"127.0.0.1:{free_port()}", "in", "out", aloqd_control=str(daemon.control)), "rival")
    done = subprocess.run([BUILD / "aloqd", "-c", rival.config], stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, text=True, timeout=30, check=False)
    assert done.returncode == 69 and str(daemon.control) in done.stdout, (done.returncode, done.stdout)
    assert daemon.get("/health") == (200, "OK\n")


def test_a_port_that_is_taken_is_exit_status_69(aloqd):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        daemon = aloqd(relay(f"127.0.0.1:{free_port()}", "in", "out", aloqd_http=f"127.0.0.1:{port}"))
        done = subprocess.run([BUILD / "aloqd", "-c", daemon.config], stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, text=True, timeout=30, check=False)
    assert done.returncode == 69 and str(port) in done.stdout, (done.returncode, done.stdout)


def test_aloqctl_shows_the_pipelines(kafka, topic, aloqd):
    trial = Trial(kafka, topic, 2)
    fill_mixed(kafka.brokers, trial.source, 200, 2)
    daemon = aloqd(trial.settings()).start_ready()
    trial.await_caught_up(daemon)
    said = aloqctl(daemon, "status")
    assert said.returncode == 0 and "relay" in said.stdout and "running" in said.stdout, said
    told = json.loads(aloqctl(daemon, "--json", "status").stdout)
    assert told["pipelines"][0]["name"] == "relay"
    said = aloqctl(daemon, "status", "nobody")
    assert said.returncode == 1 and '"nobody"' in said.stderr, said
    trial.stop_clean(daemon)
    said = aloqctl(daemon, "status")
    assert said.returncode == 69 and str(daemon.control) in said.stderr, said


def test_the_service_manager_is_told_ready_status_and_stopping(kafka, topic, aloqd, monkeypatch):
    trial = Trial(kafka, topic, 2)
    daemon = aloqd(trial.settings())
    path = daemon.directory / "notify"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(str(path))
        manager.setblocking(False)
        monkeypatch.setenv("NOTIFY_SOCKET", str(path))
        heard = []

        def hears(pattern):
            while True:
                try:
                    heard.append(manager.recv(65536).decode())
                except BlockingIOError:
                    return any(re.search(pattern, text, re.M) for text in heard)

        daemon.start()
        eventually(lambda: hears(r"^READY=1$"), 10, lambda: f"READY=1 in {heard}")
        eventually(lambda: hears(r"^STATUS=.*1 running"), 20, lambda: f"the pipeline in a STATUS of {heard}")
        assert daemon.terminate() == 0
        assert hears(r"^STOPPING=1$"), heard


def test_ready_does_not_wait_for_a_broker(aloqd, monkeypatch):
    daemon = aloqd(relay(f"127.0.0.1:{free_port()}", "in", "out"))
    path = daemon.directory / "notify"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(str(path))
        manager.settimeout(10)
        monkeypatch.setenv("NOTIFY_SOCKET", str(path))
        daemon.start()
        while "READY=1" not in manager.recv(65536).decode().splitlines():
            pass
    assert daemon.get("/readyz")[0] == 503


def test_the_watchdog_is_fed_while_all_threads_turn(kafka, topic, aloqd, monkeypatch):
    trial = Trial(kafka, topic, 2)
    daemon = aloqd(trial.settings())
    path = daemon.directory / "notify"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(str(path))
        manager.settimeout(10)
        monkeypatch.setenv("NOTIFY_SOCKET", str(path))
        monkeypatch.setenv("WATCHDOG_USEC", "2000000")
        monkeypatch.delenv("WATCHDOG_PID", raising=False)
        daemon.start_ready()
        for _ in range(3):
            while "WATCHDOG=1" not in manager.recv(65536).decode().splitlines():
                pass
        assert daemon.terminate() == 0


def test_the_log_names_the_pipeline_and_no_record(kafka, topic, aloqd):
    trial = Trial(kafka, topic, 2)
    fill_mixed(kafka.brokers, trial.source, 200, 2)
    daemon = aloqd(trial.settings(aloqd_log_level="debug")).start_ready()
    trial.await_caught_up(daemon)
    trial.stop_clean(daemon)
    log = daemon.log_text()
    assert "pipeline=relay" in log
    assert "key-" not in log, "a record's key is in the log"
