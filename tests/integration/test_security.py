"""TLS and SASL against a real broker: what works, what is refused in which words, and that no secret is told."""

import base64
import contextlib
import http.server
import json
import os
import pathlib
import re
import subprocess
import threading
import time

import pytest

from harness.aloqd import BUILD, aloqctl, check_config, run
from harness.checker import compare
from harness.config import render
from harness.guarded import PASSWORDS, USER, guarded_cluster
from harness.reader import read_topic
from harness.waiting import eventually
from harness.workload import fill, fill_mixed, mixed_record

LIBRDKAFKA = tuple(int(part) for part in re.search(r"librdkafka (\d+)\.(\d+)\.(\d+)", run("-V")[1]).groups())
# It repeats the client's nonce, which Kafka 4 does not forgive any more.
SCRAM_IS_BROKEN = LIBRDKAFKA < (2, 6, 1)
KEY_PASSWORD = "key-hush-4712"
WRONG_PASSWORD = "wrong-hush-4713"
CLIENT_SECRET = "client-hush-4714"
SECRETS = [*PASSWORDS.values(), KEY_PASSWORD, WRONG_PASSWORD, CLIENT_SECRET]

# Whatever librdkafka would tell of its security, it is to tell here.
TALKATIVE = ["debug=security,conf,broker"]


@pytest.fixture(name="guarded", scope="module")
def guarded_fixture(no_thread_outlives_the_tests):
    with guarded_cluster() as cluster:
        yield cluster


class Bench:
    """One source topic, and a daemon with a pipeline, and a target, for each of several ways to reach the cluster."""

    def __init__(self, guarded, topic, aloqd, directory):
        self.guarded, self.topic, self.aloqd, self.directory = guarded, topic, aloqd, directory
        self.tls = {"ca": str(guarded.authority.directory / "ca.pem")}
        self.source = guarded.create_topic(topic("in"), 2)
        self.count = fill_mixed(guarded.brokers, self.source, 100, 2)

    def secret(self, name, text):
        """The path of a file that only its owner can read."""
        path = self.directory / name
        path.write_text(text + "\n")
        path.chmod(0o600)
        return path

    def sasl(self, mechanism, password=None):
        password = password or PASSWORDS[mechanism]
        return {"mechanism": mechanism, "username": USER,
                "password": f"file:{self.secret(f'{mechanism}-{len(password)}', password)}"}

    def daemon(self, ways):
        """ways: {name: (listener, {"tls": ..., "sasl": ...}, settings of the pipeline)}"""
        clusters, pipelines = {}, {}
        for name, (listener, groups, *pipeline) in ways.items():
            clusters[name] = {"brokers": self.guarded.at(listener), "properties": TALKATIVE, **groups}
            pipelines[name] = {"from": {"cluster": name, "topics": [self.source], "group": self.topic(f"{name}.group")},
                               "to": {"topic": self.guarded.create_topic(self.topic(f"{name}.out"), 2)},
                               **dict(*pipeline)}
        daemon = self.aloqd({"aloqd": {"log_level": "debug"}, "clusters": clusters, "pipelines": pipelines})
        daemon.environment["CREDENTIALS_DIRECTORY"] = str(self.directory)
        return daemon

    def assert_relays(self, ways):
        daemon = self.daemon(ways).start()
        source = read_topic(self.guarded, self.source)
        eventually(lambda: all(daemon.pipeline(name).get("counters", {}).get("acked_records") == self.count
                               for name in ways), 60,
                   lambda: [(name, daemon.pipeline(name).get("state"), daemon.pipeline(name).get("reason"))
                            for name in ways])
        assert_untold(daemon)
        assert daemon.terminate() == 0
        for name in ways:
            self.assert_tools_reach(daemon, name)
        for name in ways:
            verdict = compare(source.records, read_topic(self.guarded, self.topic(f"{name}.out")).records)
            assert verdict.compared == self.count and verdict.kept_exactly(), (name, verdict)


    def assert_tools_reach(self, daemon, cluster):
        """aloqctl's own clients have the cluster's settings and secrets, too."""
        done = subprocess.run([BUILD / "aloqctl", "consume", "-c", daemon.config, "--cluster", cluster, "--until-end",
                               "--json", self.source], stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=60, text=True,
                              check=False, env=os.environ | {"CREDENTIALS_DIRECTORY": str(self.directory)})
        assert done.returncode == 0 and done.stdout.count("\n") == self.count, (cluster, done.stderr)
        assert not any(secret in done.stderr for secret in SECRETS), done.stderr


@pytest.fixture(name="bench")
def bench_fixture(guarded, topic, aloqd, tmp_path):
    return Bench(guarded, topic, aloqd, tmp_path)


def assert_untold(daemon):
    """Neither the log nor any page nor the dump holds a secret."""
    ctl = subprocess.run([BUILD / "aloqctl", "--socket", daemon.control, "--json", "status"], stdout=subprocess.PIPE,
                         stderr=subprocess.STDOUT, text=True, timeout=20, check=True).stdout
    told = {"log": daemon.log_text(), "aloqctl": ctl, "dump": run("--dump-config", "-c", str(daemon.config))[1]}
    told |= {page: daemon.get(page)[1] for page in ("/", "/metrics", "/readyz", "/api/v1/pipelines", "/api/v1/partitions")}
    assert "librdkafka: " in told["log"], "librdkafka was to tell something"
    for where, text in told.items():
        for secret in SECRETS:
            assert secret not in text, f"{secret} is in {where}"
            assert base64.b64encode(secret.encode()).decode().rstrip("=") not in text, f"{secret} is in {where}"


def lines_of(daemon, name, *levels):
    return [line for line in daemon.log_text().splitlines()
            if any(line.startswith(f"{level} pipeline={name}") for level in levels)]


# ---- what works ----

def test_tls_mutual_tls_and_plain_relay_and_no_secret_is_told(bench):
    directory = bench.guarded.authority.directory
    bench.secret("key-password", KEY_PASSWORD)
    mutual = {**bench.tls, "certificate": str(directory / "client.pem"),
              "key": str(bench.guarded.authority.encrypt_key("client", KEY_PASSWORD)),
              "key_password": "credential:key-password"}
    bench.assert_relays({"tls": ("TLS", {"tls": bench.tls}),
                         "unverified": ("ELSEWHERE", {"tls": {"verify": False}}),
                         "mutual": ("MUTUAL", {"tls": mutual}),
                         "plain": ("LOGIN", {"sasl": bench.sasl("PLAIN")}),
                         "both": ("BOTH", {"tls": bench.tls, "sasl": bench.sasl("PLAIN")},
                                  {"delivery": "exactly_once"})})


@pytest.mark.skipif(SCRAM_IS_BROKEN, reason="librdkafka before 2.6.1 cannot log in with SCRAM to Kafka 4")
def test_scram_relays(bench):
    ways = {}
    for mechanism in ("SCRAM-SHA-256", "SCRAM-SHA-512"):
        ways[f"login-{mechanism}"] = ("LOGIN", {"sasl": bench.sasl(mechanism)})
        ways[f"both-{mechanism}"] = ("BOTH", {"tls": bench.tls, "sasl": bench.sasl(mechanism)})
    bench.assert_relays(ways)


class TokenEndpoint(http.server.BaseHTTPRequestHandler):
    """Gives a token that nobody has signed to whoever knows the client's secret."""

    def do_POST(self):
        asked = self.headers.get("Authorization", "").removeprefix("Basic ")
        known = base64.b64decode(asked).decode() == f"{USER}:{CLIENT_SECRET}"
        body = json.dumps({"access_token": self.token(), "token_type": "Bearer", "expires_in": 300} if known else
                          {"error": "invalid_client"}).encode()
        self.send_response(200 if known else 401)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    @staticmethod
    def token():
        def part(value):
            return base64.urlsafe_b64encode(json.dumps(value).encode()).decode().rstrip("=")
        now = int(time.time())
        return f"{part({'alg': 'none'})}.{part({'sub': USER, 'iat': now, 'exp': now + 300})}."

    def log_message(self, format, *arguments):
        pass


@contextlib.contextmanager
def token_endpoint():
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), TokenEndpoint) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.05,))
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}/token"
        finally:
            server.shutdown()
            thread.join()


def can_do_oidc(directory):
    """Was librdkafka built with it? Debian 12's was not."""
    sasl = {"mechanism": "OAUTHBEARER", "username": USER, "password": CLIENT_SECRET, "token_endpoint": "https://x/"}
    settings = {"clusters": {"c": {"brokers": "127.0.0.1:9", "tls": {}, "sasl": sasl}},
                "pipelines": {"p": {"from": {"cluster": "c", "topics": ["a"]}, "to": {"topic": "b"}}}}
    status, said = check_config(directory / "oidc.conf", render(settings))
    assert status == 0 or "clusters.c.sasl.mechanism: librdkafka" in said, said
    return status == 0


def test_tokens_of_an_oidc_provider_relay_and_without_one_it_is_tried_again(bench, tmp_path):
    if not can_do_oidc(tmp_path):
        pytest.skip("librdkafka was built without OIDC")
    with token_endpoint() as url:
        sasl = {"mechanism": "OAUTHBEARER", "username": USER, "token_endpoint": url,
                "password": f"file:{bench.secret('client-secret', CLIENT_SECRET)}"}
        bench.assert_relays({"oidc": ("BOTH", {"tls": bench.tls, "sasl": sasl})})
        sasl["password"] = f"file:{bench.secret('wrong-secret', WRONG_PASSWORD)}"
        daemon = bench.daemon({"no-token": ("LOGIN", {"sasl": sasl})}).start()
        pipeline = daemon.await_state("backing_off")
        assert 'there is no token for cluster "no-token"' in pipeline["reason"], pipeline["reason"]
        assert_untold(daemon)


# ---- what changes ----

def test_a_changed_password_file_is_taken_up_by_a_reload_and_nothing_is_repeated(bench):
    """The configuration stays as it is. What the file holds shows in whether the brokers let it in."""
    sasl = bench.sasl("PLAIN", WRONG_PASSWORD)
    file = pathlib.Path(sasl["password"].removeprefix("file:"))
    file.write_text(PASSWORDS["PLAIN"])
    daemon = bench.daemon({"guarded": ("LOGIN", {"sasl": sasl})}).start_ready()

    def reload():
        done = aloqctl(daemon, "reload")
        assert done.returncode == 0, done.stderr

    def settled():
        committed = bench.guarded.committed(bench.topic("guarded.group"), bench.source)
        return committed == bench.guarded.log_ends(bench.source)

    def joined():
        return daemon.log_text().count("pipeline=guarded: the group has assigned")

    daemon.await_pipeline(lambda p: p["counters"]["acked_records"] == bench.count, "all is relayed")
    reload()
    assert joined() == 1 and daemon.pipeline()["state"] == "running", "nothing has changed"
    # It drains with what it has logged in with, and then it has the new one.
    file.write_text(WRONG_PASSWORD)
    reload()
    assert 'refuses the login of user "relay"' in daemon.await_state("failed")["reason"]
    assert settled(), "all was committed before"
    fill(bench.guarded.brokers, bench.source, (mixed_record(2, index) for index in range(1000, 1100)), 2)
    file.write_text(PASSWORDS["PLAIN"])
    reload()
    daemon.await_state("running")
    eventually(settled, 45, daemon.log_tail)
    assert_untold(daemon)
    assert daemon.terminate() == 0
    verdict = compare(read_topic(bench.guarded, bench.source).records,
                      read_topic(bench.guarded, bench.topic("guarded.out")).records)
    assert verdict.compared == bench.count + 100 and verdict.kept_exactly(), verdict
    assert joined() == 2


# ---- what is refused ----

def test_a_wrong_password_is_failed_and_said_once(bench):
    ways = {mechanism.lower(): ("LOGIN", {"sasl": bench.sasl(mechanism, WRONG_PASSWORD)})
            for mechanism in ("PLAIN", "SCRAM-SHA-256")}
    daemon = bench.daemon(ways).start()
    quiet = daemon.threads()
    for name in ways:
        pipeline = eventually(lambda: daemon.pipeline(name) if daemon.pipeline(name).get("state") == "failed" else None,
                              45, f"{name} has failed")
        for words in (f'cluster "{name}" refuses the login of user "relay"', "clusters." + name + ".sasl",
                      "then reload aloqd"):
            assert words in pipeline["reason"], pipeline["reason"]
        too_old = f"librdkafka {'.'.join(map(str, LIBRDKAFKA))} cannot log in with SCRAM to Kafka 4.0"
        assert (too_old in pipeline["reason"]) == (SCRAM_IS_BROKEN and name != "plain"), pipeline["reason"]
    # Its clients have gone with their threads: nothing tries again.
    eventually(lambda: daemon.threads() <= quiet, 20, lambda: f"{daemon.threads()} threads, {quiet} at first")
    for name in ways:
        said = lines_of(daemon, name, "error", "warning", "notice", "info")
        assert len([line for line in said if "librdkafka: " not in line]) == 1, said
    assert_untold(daemon)
    assert daemon.terminate() == 0


def test_a_secret_that_comes_back_in_an_error_is_not_shown(bench):
    """As from a provider that repeats what it was told. Here it is the name of a topic that there is not."""
    password = PASSWORDS["PLAIN"]
    daemon = bench.daemon({"echo": ("LOGIN", {"sasl": bench.sasl("PLAIN")})})
    daemon.config.write_text(re.sub(r'topic = "[^"]*"', f'topic = "{password}"', daemon.config.read_text()))
    daemon.start()
    reason = daemon.await_state("backing_off")["reason"]
    assert "kafka-topics" in reason and "***" in reason, reason
    for page in ("/metrics", "/readyz", "/api/v1/pipelines", "/api/v1/partitions"):
        assert password not in daemon.get(page)[1], page
    daemon.terminate()


def test_a_certificate_that_is_not_right_is_refused_in_plain_words(bench, tmp_path):
    foreign = tmp_path / "foreign"
    foreign.mkdir()
    type(bench.guarded.authority)(foreign)
    ways = {"foreign": ("TLS", {"tls": {"ca": str(foreign / "ca.pem")}}),
            "elsewhere": ("ELSEWHERE", {"tls": bench.tls}),
            "system": ("TLS", {"tls": {}}),
            "nameless": ("MUTUAL", {"tls": bench.tls}),
            "no-tls": ("LOGIN", {"tls": bench.tls})}
    words = dict.fromkeys(("foreign", "elsewhere", "system"),
                          "not signed by an authority that tls.ca holds, has expired, or is for another host name")
    words |= {"nameless": "refuse the client", "no-tls": "cluster \"no-tls\""}
    daemon = bench.daemon(ways).start()
    for name in ways:
        pipeline = eventually(
            lambda: daemon.pipeline(name) if daemon.pipeline(name).get("state") == "backing_off" else None, 45,
            lambda: f"{name} is backing off; {daemon.pipeline(name).get('reason')}")
        assert words[name] in pipeline["reason"] and f'"{name}"' in pipeline["reason"], pipeline["reason"]
    # It is tried again, and not told again.
    eventually(lambda: all(daemon.pipeline(name)["restarts"] >= 1 for name in ways), 60, "each is tried once more")
    for name in ways:
        said = [line for line in lines_of(daemon, name, "error", "warning") if "librdkafka: " not in line]
        assert len(said) == 1, said
    assert daemon.terminate() == 0
