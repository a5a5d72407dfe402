"""What a real Prometheus makes of aloqd: its metrics, the alerts and the dashboard that come with it. And what visitors
of the HTTP port cannot do to it."""

import contextlib
import json
import pathlib
import re
import shutil
import socket
import subprocess
import threading
import time
import urllib.parse
import urllib.request

from harness.aloqd import aloqctl
from harness.cluster import free_port
from harness.proxy import ProduceHolder, Proxies
from harness.trial import Trial
from harness.waiting import eventually
from harness.workload import Load, fill_mixed

EXAMPLES = pathlib.Path(__file__).resolve().parents[2] / "examples"
RULES = EXAMPLES / "prometheus" / "aloqd.rules.yml"
DASHBOARD = EXAMPLES / "grafana" / "aloqd.json"


class Prometheus:
    """One that scrapes the target and evaluates the rules every second."""

    def __init__(self, directory, target):
        self.port = free_port()
        self.log = directory / "log"
        shutil.copy(RULES, directory)
        settings = directory / "prometheus.yml"
        settings.write_text(f"""
global: {{ scrape_interval: 1s, evaluation_interval: 1s }}
rule_files: [ {RULES.name} ]
scrape_configs:
  - job_name: aloqd
    static_configs: [ {{ targets: [ "{target}" ] }} ]
""", encoding="utf-8")
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(
                ["prometheus", f"--config.file={settings}", f"--storage.tsdb.path={directory / 'data'}",
                 f"--web.listen-address=127.0.0.1:{self.port}"],
                cwd=directory, stdin=subprocess.DEVNULL, stdout=log, stderr=log)

    def ask(self, path, **arguments):
        """The data of its answer."""
        return eventually(lambda: self._ask(path, arguments), 30, f"Prometheus answers {path}", every_s=0.2)

    def _ask(self, path, arguments):
        url = f"http://127.0.0.1:{self.port}/api/v1/{path}?{urllib.parse.urlencode(arguments)}"
        assert self.process.poll() is None, self.log.read_text()
        try:
            with urllib.request.urlopen(url, timeout=10) as page:
                answer = json.load(page)
        except urllib.error.HTTPError as error:
            if error.code == 503:  # it begins
                return None
            raise AssertionError(f"{url}: {error.read().decode()}") from None
        except OSError:
            return None
        assert answer["status"] == "success", answer
        return answer["data"]

    def close(self):
        self.process.terminate()
        self.process.wait(30)


def queries_of(dashboard):
    """What its panels ask, as Grafana would."""
    for panel in dashboard["panels"]:
        for target in panel.get("targets", []):
            query = target["expr"].replace("$__rate_interval", "1m").replace("$__range", "5m")
            yield panel["title"], query.replace("$instance", ".*").replace("$pipeline", ".*")


def families_of(text):
    """The metrics that it asks for; a histogram's series by the name of the histogram."""
    return {re.sub(r"_seconds_bucket$", "_seconds", name) for name in re.findall(r"\baloqd_[a-z_]+", text)}


# Told by pipelines of several members, where something went wrong, or with another guarantee.
MAY_BE_EMPTY = {"Pipelines that are not ready", "Blocked", "Not moved for a minute, with lag", "Transactions"}


def test_a_real_prometheus_scrapes_it_and_takes_alerts_and_dashboard(kafka, topic, aloqd, tmp_path):
    trial = Trial(kafka, topic, 3)
    port = free_port()
    fill_mixed(kafka.brokers, trial.source, 300, 3)
    daemon = aloqd(trial.settings(aloqd_http=f"127.0.0.1:{port}", members=2)).start_ready()
    with contextlib.closing(Prometheus(tmp_path, f"127.0.0.1:{port}")) as prometheus:
        trial.await_caught_up(daemon)
        page = daemon.get("/metrics")[1]
        told = subprocess.run(["promtool", "check", "metrics"], input=page, text=True, timeout=30, check=False,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        assert told.returncode == 0 and told.stdout == "", told.stdout
        families = set(re.findall(r"^# TYPE (\S+)", page, re.M))
        dashboard = json.loads(DASHBOARD.read_text())
        assert families_of(RULES.read_text()) <= families, families_of(RULES.read_text()) - families
        assert families_of(DASHBOARD.read_text()) <= families, families_of(DASHBOARD.read_text()) - families

        def is_up():
            return [target["health"] for target in prometheus.ask("targets")["activeTargets"]] == ["up"]

        eventually(is_up, 30, lambda: f"the target is up: {prometheus.ask('targets')}")
        # Two scrapes, so that there are rates.
        eventually(lambda: prometheus.ask("query", query="count_over_time(aloqd_build_info[1m]) > 3")["result"], 30,
                   "some scrapes")
        rules = prometheus.ask("rules")["groups"][0]["rules"]
        eventually(lambda: all(rule["health"] == "ok" for rule in prometheus.ask("rules")["groups"][0]["rules"]), 30,
                   lambda: f"all rules are healthy: {prometheus.ask('rules')}")
        assert len(rules) == RULES.read_text().count("- alert:")
        # On a busy machine a scrape may take too long: it is as if nothing were there until the next.
        eventually(lambda: prometheus.ask("alerts")["alerts"] == [], 30,
                   lambda: f"nothing is wrong: {prometheus.ask('alerts')}")
        for title, query in queries_of(dashboard):
            eventually(lambda query=query, title=title:
                       prometheus.ask("query", query=query)["result"] or title in MAY_BE_EMPTY, 30,
                       f"{title}: {query} finds something")

        def acked():
            found = prometheus.ask("query", query="aloqd_acked_records_total")["result"]
            return [(sample["metric"]["pipeline"], sample["value"][1]) for sample in found]

        eventually(lambda: acked() == [("relay", "300")], 30, lambda: f"what was relayed: {acked()}")
    trial.stop_clean(daemon)


def test_a_report_that_does_not_come_is_told_with_its_broker(kafka, topic, aloqd):
    """As from a broker that answers all questions, and does not write."""
    trial = Trial(kafka, topic, 2)
    fill_mixed(kafka.brokers, trial.source, 20, 1)
    with contextlib.closing(Proxies(kafka, ProduceHolder)) as proxies:
        proxies.set(holding=True)
        await_told_and_gone_on(trial, aloqd(trial.settings(to_brokers=proxies.brokers)).start(), proxies)


def await_told_and_gone_on(trial, daemon, proxies):

    def waits(pipeline):
        return {(q["partition"], q["waits_for"], q["waits_for_broker"]) for q in pipeline["partitions"]}

    pipeline = daemon.await_pipeline(lambda p: waits(p) == {(0, "report", 1), (1, "records", -1)},
                                     lambda: f"what it waits for; it says {waits(daemon.pipeline())}")
    partition = pipeline["partitions"][0]
    assert partition["oldest_unsettled"] == 0 and partition["oldest_unsettled_age_ms"] > 1000, partition
    assert "broker 1" in partition["waits_for_words"], partition
    assert pipeline["waiting"]["report"] == 1 and pipeline["state"] == "running", pipeline
    table = aloqctl(daemon, "status", "relay").stdout
    assert "report, broker 1" in table, table
    stuck = daemon.await_pipeline(lambda p: p["stuck"], "it is stuck")["stuck"]
    assert f"{trial.source} [0] stands still at offset 0 for" in stuck, stuck
    assert re.search(r'^aloqd_waiting_partitions\{pipeline="relay",waits_for="report"\} 1$', daemon.get("/metrics")[1], re.M)
    proxies.set(holding=False)
    daemon.await_pipeline(lambda p: p["stuck"] is None and {q["waits_for"] for q in p["partitions"]} == {"records"},
                          "it has gone on")
    assert trial.finish(daemon).kept_exactly()


# ---- hostile visitors ----

def visit(port):
    connection = socket.create_connection(("127.0.0.1", port), timeout=10)
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    return connection


def flood(port, over):
    """Asks for the largest page, again and again."""
    while not over.is_set():
        with contextlib.suppress(OSError), visit(port) as connection:
            connection.sendall(b"GET /metrics HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
            while connection.recv(65536):
                pass


def never_read(port, over):
    """Asks for pages and takes none."""
    while not over.is_set():
        with contextlib.suppress(OSError), visit(port) as connection:
            connection.sendall(b"GET /metrics HTTP/1.1\r\nHost: a\r\n\r\n" * 50)
            over.wait(0.5)


def trickle(port, over):
    """Never comes to the end of its request."""
    while not over.is_set():
        with contextlib.suppress(OSError), visit(port) as connection:
            connection.sendall(b"GET /metrics HTTP/1.1\r\n")
            while not over.wait(0.05):
                connection.sendall(b"X-More: 1\r\n")


def huge(port, over):
    """A head without end."""
    while not over.is_set():
        with contextlib.suppress(OSError), visit(port) as connection:
            connection.sendall(b"GET /metrics HTTP/1.1\r\nX: ")
            while not over.is_set():
                connection.sendall(b"a" * 65536)


def nonsense(port, over):
    """Bytes that are no request."""
    while not over.is_set():
        with contextlib.suppress(OSError), visit(port) as connection:
            connection.sendall(bytes(range(256)) * 16 + b"\r\n\r\n")
            connection.recv(4096)


def test_hostile_visitors_do_not_slow_the_relays(kafka, topic, aloqd):
    trial = Trial(kafka, topic, 3)
    port = free_port()
    daemon = aloqd(trial.settings(aloqd_http=f"127.0.0.1:{port}")).start_ready()
    over = threading.Event()
    visitors = [threading.Thread(target=kind, args=(port, over))
                for kind in (flood, flood, never_read, trickle, trickle, huge, nonsense) for _ in range(3)]
    with Load(kafka.brokers, trial.source, 3, rate=500) as load:
        daemon.await_acked(200)
        before_kb = daemon.status_kb("VmRSS")
        for visitor in visitors:
            visitor.start()
        try:
            answers_s = []
            until = time.monotonic() + 6
            while time.monotonic() < until:
                began = time.monotonic()
                assert daemon.get("/livez", timeout_s=10)[0] == 200  # on the control socket, whoever is at the port
                answers_s.append(time.monotonic() - began)
                time.sleep(0.1)
        finally:
            over.set()
            for visitor in visitors:
                visitor.join(30)
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/health", timeout=20) as page:
            assert page.status == 200
        grown_kb = daemon.status_kb("VmRSS") - before_kb
        during = daemon.pipeline()
        load.stop()
    trial.await_caught_up(daemon)
    # A busy machine is slow by itself: what is asserted is far from what it does with a relay that waits for visitors.
    assert during["latency"]["p99_us"] < 5_000_000, during
    assert max(answers_s) < 5, answers_s
    assert grown_kb < 64 * 1024, f"{grown_kb} kB"
    trial.stop_clean(daemon)
    assert trial.verdict().kept_exactly()
