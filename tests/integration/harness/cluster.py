"""A Kafka of scripts/kafka, and the questions that tests ask it."""

import contextlib
import datetime
import os
import pathlib
import random
import re
import shutil
import socket
import struct
import subprocess
import tempfile

from confluent_kafka import Consumer, KafkaError, KafkaException, TopicPartition
from confluent_kafka.admin import AdminClient, ConfigResource, NewPartitions, NewTopic

from .reader import TopicReader
from .waiting import eventually

SCRIPT = pathlib.Path(__file__).resolve().parents[3] / "scripts" / "kafka"


# A broker that was killed may come back sooner, and what an instance that was killed has left open ends sooner.
QUICK_BROKER = ["broker.session.timeout.ms=3000", "broker.heartbeat.interval.ms=500",
                "transaction.abort.timed.out.transaction.cleanup.interval.ms=1000",
                # A quota holds within a second or two, and not only over ten.
                "quota.window.num=2"]

# On the alias, clients are the user `relay`, who may do everything that no access rule forbids. All others are
# nobody, and may do everything. AS_RELAY is what a client needs.
GUARDED_ALIAS = [
    "listener.security.protocol.map=PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT,ALIAS:SASL_PLAINTEXT",
    "sasl.enabled.mechanisms=PLAIN",
    "listener.name.alias.plain.sasl.jaas.config="
    'org.apache.kafka.common.security.plain.PlainLoginModule required user_relay="relays";',
    "authorizer.class.name=org.apache.kafka.metadata.authorizer.StandardAuthorizer",
    "super.users=User:ANONYMOUS",
    "allow.everyone.if.no.acl.found=true",
]
AS_RELAY = ["security.protocol=sasl_plaintext", "sasl.mechanisms=PLAIN", "sasl.username=relay",
            "sasl.password=relays"]


# Ports that this process has given away: nobody may listen there at the moment (its broker restarts), and they are taken
# all the same. Other test runs beside this one see it by a name that only one process can have.
_reservations = []


def free_port(count=1):
    """The first of `count` ports in a row that are this test run's from now on, below the range of outgoing
    connections."""
    for _ in range(200):
        first = random.randrange(12000, 19000)
        with contextlib.ExitStack() as claims:
            claimed = [_claim(port) for port in range(first, first + count)]
            for claim in filter(None, claimed):
                claims.enter_context(claim)
            if all(claimed) and all(_is_free(port) for port in range(first, first + count)):
                _reservations.append(claims.pop_all())
                return first
    raise AssertionError("no free port between 12000 and 19000")


def _claim(port):
    """A socket that stands for the port while it is open; None where another process, or this one, has claimed it."""
    claim = socket.socket(socket.AF_UNIX)
    try:
        claim.bind(f"\0aloqd-tests-port-{port}")
        return claim
    except OSError:
        claim.close()
        return None


def three_nodes():
    """Replication factor 3, min.insync.replicas 2, and a guarded alias for proxies in front of every node. Leaders move when
    nodes end and when a test moves them, and not at the controller's look every five minutes."""
    return temporary_cluster("three", nodes=3, aliased=True,
                             settings=[*GUARDED_ALIAS, "auto.leader.rebalance.enable=false"])


SKIPS_MARKERS = re.compile("Couldn't find leader endpoint for partitions (.*) while trying to send transaction markers")


def partition_of_name(name, partitions):
    """Where an internal topic holds a group, or a transactional id: Utils.abs(name.hashCode()) % partitions."""
    value = 0
    for character in name:
        value = (31 * value + ord(character)) & 0xFFFFFFFF
    return min(value, 2 ** 32 - value) % 2 ** 31 % partitions


def _text(value):
    """A string of Kafka's protocol."""
    return struct.pack(">h", len(value.encode())) + value.encode()


def _place_of_commit(key):
    """(group, topic, partition) of a record of __consumer_offsets that tells of an offset, else None: versions 0 and 1 of
    the key, Kafka's OffsetCommitKey.json."""
    if struct.unpack(">h", key[:2])[0] > 1:
        return None
    texts, at = [], 2
    for _ in range(2):
        length = struct.unpack(">h", key[at:at + 2])[0]
        texts.append(key[at + 2:at + 2 + length].decode())
        at += 2 + length
    return (*texts, struct.unpack(">i", key[at:])[0])


def _is_free(port):
    with socket.socket() as probe:
        try:
            probe.bind(("127.0.0.1", port))
            return True
        except OSError:
            return False


@contextlib.contextmanager
def temporary_cluster(name, **options):
    """A cluster in a directory of its own; both are gone afterwards."""
    cluster_environment()
    directory = pathlib.Path(tempfile.mkdtemp(prefix=f"aloqd-kafka-{name}-"))
    cluster = None
    try:
        cluster = Cluster(directory / "kafka", settings=[*QUICK_BROKER, *options.pop("settings", [])], **options)
        yield cluster
    finally:
        if cluster is not None:
            cluster.close()
        # Also what had been started of a cluster that did not come up.
        subprocess.run([SCRIPT, "remove", "--data", directory / "kafka"], check=True)
        shutil.rmtree(directory, ignore_errors=True)


class Cluster:
    """One cluster. Topics are made and deleted through AdminClient: a JVM for each would take seconds."""

    def __init__(self, directory, nodes=1, settings=(), aliased=False, port=None, scram=()):
        self.directory = pathlib.Path(directory)
        self.nodes = nodes
        self.alias_port = self.proxied_port = None
        # Brokers that live for minutes and start often: the optimising compiler costs more than it saves, and so does
        # a collector with threads of its own.
        arguments = ["start", "--nodes", str(nodes), "--heap", "512m" if nodes == 1 else "384m",
                     "--jvm", "-XX:TieredStopAtLevel=1", "--jvm", "-XX:+UseSerialGC"]
        for setting in settings:
            arguments += ["--set", setting]
        for user in scram:
            arguments += ["--scram", user]
        arguments += ["--port", str(free_port(2 * nodes) if port is None else port)]
        if aliased:
            self.alias_port, self.proxied_port = free_port(nodes), free_port(nodes)
            arguments += ["--alias", f"{self.alias_port}=127.0.0.1:{self.proxied_port}"]
        self.brokers = self.script(*arguments).splitlines()[-1]
        self.admin = None
        self._renew_admin()

    def _renew_admin(self):
        self.admin = AdminClient({"bootstrap.servers": self.brokers, "log_level": 2})

    def script(self, *arguments, stdin=None, timeout_s=120):
        """Runs scripts/kafka on this cluster and returns what it printed."""
        command, *rest = arguments
        done = subprocess.run([SCRIPT, command, "--data", self.directory, *rest], input=stdin,
                              timeout=timeout_s, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                              check=False)
        assert done.returncode == 0, f"scripts/kafka {' '.join(arguments)}: {done.stderr[-2000:]}"
        return done.stdout

    def close(self):
        """Ends the client that asks the cluster. It would go on calling, from threads of its own, until whoever still
        holds this lets it go."""
        self.admin = None

    # ---- nodes ----

    def restart(self, node=1, hard=False):
        self.script("restart-node", str(node), *(["--hard"] if hard else []))

    def stop_node(self, node=1, hard=False):
        self.script("stop-node", str(node), *(["--hard"] if hard else []))

    def start_node(self, node=1):
        self.script("start-node", str(node))

    def freeze(self, node=1):
        self.script("freeze-node", str(node))

    def thaw(self, node=1):
        self.script("thaw-node", str(node))

    def states(self):
        """{node: running, frozen, stopped or starting}"""
        done = subprocess.run([SCRIPT, "status", "--data", self.directory], stdout=subprocess.PIPE, text=True,
                              timeout=60, check=False)
        lines = [line.split() for line in done.stdout.splitlines()]
        return {int(words[1]): words[3] for words in lines}

    def make_whole(self):
        """Every node runs and answers, whatever was done to them."""
        for node, state in self.states().items():
            if state == "frozen":
                self.thaw(node)
        if any(state == "stopped" for state in self.states().values()):
            self.script("start")

    def node_directory(self, node):
        return self.directory / f"node-{node}"

    # ---- topics ----

    def create_topic(self, name, partitions=1, replicas=-1, nodes=None, **config):
        """Underscores in config names stand for dots. `nodes`: those that are to have every partition, and the first is to
        lead it. Returns the name, once every partition has a leader."""
        config = {key.replace("_", "."): str(value) for key, value in config.items()}
        replicas = self.nodes if replicas == -1 else replicas
        places = {"replica_assignment": [nodes] * partitions} if nodes else {"replication_factor": replicas}
        topic = NewTopic(name, num_partitions=partitions, config=config, **places)
        self.admin.create_topics([topic])[name].result(timeout=30)
        self.await_partitions(name, partitions)
        return name

    def await_partitions(self, name, partitions):
        def led():
            topic = self.admin.list_topics(name, timeout=10).topics[name]
            return topic.error is None and len(topic.partitions) == partitions and all(
                partition.leader > 0 for partition in topic.partitions.values())
        eventually(led, 20, f"{partitions} partitions of {name} with leaders")

    def grow_topic(self, name, partitions):
        self.admin.create_partitions([NewPartitions(name, partitions)])[name].result(timeout=30)
        self.await_partitions(name, partitions)

    def delete_topic(self, name):
        self.admin.delete_topics([name])[name].result(timeout=30)
        eventually(lambda: not self.topic_exists(name), 20, f"{name} gone")
        # librdkafka 2.4 to 2.9 is brought down by a topic that comes back with another id (librdkafka #4964).
        self._renew_admin()

    def alter_topic(self, name, **config):
        config = {key.replace("_", "."): str(value) for key, value in config.items()}
        resource = ConfigResource("topic", name, set_config=config)
        self.admin.alter_configs([resource])[resource].result(timeout=30)
        # The controller has it; the brokers follow.
        eventually(lambda: config.items() <= self.topic_config(name).items(), 30, f"{name} has {config}")

    def topic_config(self, name):
        resource = ConfigResource("topic", name)
        entries = self.admin.describe_configs([resource])[resource].result(timeout=30)
        return {entry.name: entry.value for entry in entries.values()}

    def topic_exists(self, name):
        return name in self.admin.list_topics(timeout=10).topics

    def partitions(self, name):
        return sorted(self.admin.list_topics(name, timeout=10).topics[name].partitions)

    # ---- offsets ----

    def log_ends(self, topic, isolation="read_committed"):
        """{partition: offset behind the last record or marker}; with read_committed, before the first record of a
        transaction that is open"""
        return {partition: high for partition, (_, high) in self._watermarks(topic, isolation).items()}

    def await_no_open_transaction(self, topic, timeout_s=60):
        """One whose producer was killed is open until the broker aborts it, after transaction.timeout.ms."""
        eventually(lambda: self.log_ends(topic) == self.log_ends(topic, "read_uncommitted"), timeout_s,
                   f"no transaction is open in {topic}", every_s=0.2)

    def skipped_markers(self, topic, group, since):
        """What a broker says that has ended a transaction without the markers in this topic, or in the offsets of this group,
        since a time of logs_now(), or None. One that comes back when a transaction's timeout has passed may end it before it
        knows who leads what: it takes the topic for deleted (Kafka 4.3.1, TransactionMarkerChannelManager). The aborted
        records stay, and the next marker of that producer commits them; no client can help it."""
        offsets = f"__consumer_offsets-{self.offsets_partition(group)}"
        for path in self.directory.glob("node-*/server.log*"):
            for line in path.read_text(errors="replace").splitlines():
                said = SKIPS_MARKERS.search(line)
                if said and line[:len(since)] >= since:
                    partitions = re.findall(r"[\w.-]+", said[1])
                    if offsets in partitions or any(name.rpartition("-")[0] == topic for name in partitions):
                        return line
        return None

    @staticmethod
    def logs_now():
        """The time, as the brokers' logs give it at the beginning of a line."""
        return datetime.datetime.now().isoformat(timespec="milliseconds").replace(".", ",")

    def offsets_partition(self, group):
        """Where __consumer_offsets holds what this group commits."""
        return partition_of_name(group, len(self.partitions("__consumer_offsets")))

    def log_starts(self, topic):
        return {partition: low for partition, (low, _) in self._watermarks(topic).items()}

    def _watermarks(self, topic, isolation="read_committed"):
        return eventually(lambda: self._ask_for_watermarks(topic, isolation), 90, f"the ends of {topic}")

    def _ask_for_watermarks(self, topic, isolation):
        """None where there is no answer: a broker that has just come back, or been thawed, may not lead yet, or names the
        leader of before, and who has asked that one waits for it. A client of its own knows of no such leader."""
        consumer = Consumer({"bootstrap.servers": self.brokers, "log_level": 2, "group.id": "watermarks",
                             "isolation.level": isolation})
        try:
            return {partition: consumer.get_watermark_offsets(TopicPartition(topic, partition), timeout=10)
                    for partition in self.partitions(topic)}
        except KafkaException:
            return None
        finally:
            consumer.close()

    def committed(self, group, topic):
        """{partition: committed offset}; partitions without one are left out. Asks without joining."""
        consumer = Consumer({"bootstrap.servers": self.brokers, "log_level": 2, "group.id": group})
        try:
            # The coordinator of a group may be loading after a restart.
            def ask():
                try:
                    return consumer.committed([TopicPartition(topic, partition)
                                               for partition in self.partitions(topic)], timeout=10)
                except KafkaException:
                    return None
            answer = eventually(ask, 30, f"committed offsets of {group}")
            return {tp.partition: tp.offset for tp in answer if tp.offset >= 0}
        finally:
            consumer.close()

    def commit_history(self, group, topic):
        """{partition: every offset that was committed, in the order in which the coordinator wrote them}, as far as its
        log has not been compacted."""
        log = TopicReader(self, "__consumer_offsets")
        try:
            log.read_to_end()
        finally:
            log.close()
        history = {}
        for records in log.records.values():
            for record in records:
                place = _place_of_commit(record.key)
                if place and place[:2] == (group, topic) and record.value is not None:
                    history.setdefault(place[2], []).append(struct.unpack(">hq", record.value[:10])[1])
        return history

    def commit(self, group, topic, offsets):
        """Commits for a group that has no members."""
        consumer = Consumer({"bootstrap.servers": self.brokers, "log_level": 2, "group.id": group,
                             "enable.auto.commit": False})
        try:
            # Who coordinates a group may not have taken it over yet: the first group's log is made as it is asked for.
            def done():
                try:
                    return consumer.commit(offsets=[TopicPartition(topic, partition, offset)
                                                    for partition, offset in offsets.items()], asynchronous=False)
                except KafkaException as error:
                    if error.args[0].code() not in (KafkaError.NOT_COORDINATOR, KafkaError.COORDINATOR_NOT_AVAILABLE,
                                                    KafkaError.COORDINATOR_LOAD_IN_PROGRESS):
                        raise
                    return None
            eventually(done, 30, f"a commit of {group}")
        finally:
            consumer.close()

    def commit_with_metadata(self, group, topic, partition, offset, metadata):
        """The same with the string that goes along with an offset, which this Python client can not set: an
        OffsetCommit request of version 2. One node: it is the coordinator."""
        request = (struct.pack(">hhi", 8, 2, 1) + _text("tests") + _text(group) + struct.pack(">i", -1) + _text("") +
                   struct.pack(">qi", -1, 1) + _text(topic) + struct.pack(">iiq", 1, partition, offset) +
                   _text(metadata))
        error = struct.unpack(">h", self._ask(request)[-2:])[0]
        assert error == 0, f"OffsetCommit: error {error}"

    def _ask(self, request):
        """A request of Kafka's protocol to the first node, and its answer."""
        host, port = self.brokers.split(",")[0].rsplit(":", 1)
        with socket.create_connection((host, int(port)), timeout=20) as connection:
            connection.sendall(struct.pack(">i", len(request)) + request)
            with connection.makefile("rb") as answers:
                return answers.read(struct.unpack(">i", answers.read(4))[0])

    # ---- access ----

    def grant(self, user, *rights):
        """Rights of a user of the guarded alias, which the brokers know soon after: ("topic" or "group", name, "read",
        "write" or "describe") each. A CreateAcls request of version 1, which this Python client has not got."""
        kinds, operations = {"topic": 2, "group": 3}, {"read": 3, "write": 4, "describe": 8}
        literal = allow = 3
        request = struct.pack(">hhi", 30, 1, 1) + _text("tests") + struct.pack(">i", len(rights))
        for kind, name, operation in rights:
            request += (struct.pack(">b", kinds[kind]) + _text(name) + struct.pack(">b", literal) +
                        _text(f"User:{user}") + _text("*") + struct.pack(">bb", operations[operation], allow))
        answer = self._ask(request)
        assert answer[8:] == struct.pack(">i", len(rights)) + bytes(4) * len(rights), answer  # no error, no words

    @contextlib.contextmanager
    def throttled(self, **quotas):
        """A quota for all clients while this lasts: throttled(producer_byte_rate=100_000). AdminClient cannot in this
        version; Kafka's tool can."""
        def alter(*what):
            self.script("exec", "kafka.admin.ConfigCommand", "--bootstrap-server", "{brokers}", "--alter",
                        "--entity-type", "clients", "--entity-default", *what)
        alter("--add-config", ",".join(f"{name}={value}" for name, value in quotas.items()))
        try:
            yield
        finally:
            alter("--delete-config", ",".join(quotas))

    def delete_records(self, topic, offsets):
        """Moves the log starts, as retention would. AdminClient cannot in this version; Kafka's tool can."""
        partitions = ", ".join(f'{{"topic": "{topic}", "partition": {partition}, "offset": {offset}}}'
                               for partition, offset in offsets.items())
        path = self.directory / "delete-records.json"
        path.write_text(f'{{"version": 1, "partitions": [{partitions}]}}')
        said = self.script("exec", "org.apache.kafka.tools.DeleteRecordsCommand",
                           "--bootstrap-server", "{brokers}", "--offset-json-file", str(path))
        assert len(re.findall("low_watermark", said)) == len(offsets), said

    def dump_log(self, topic, partition):
        """What lies in the segments of a partition, as Kafka's own DumpLogSegments prints it: one line a
        record. Another reader than the client library that aloqd and the tests share."""
        segments = sorted((self.directory / "node-1" / "log" / f"{topic}-{partition}").glob("*.log"))
        said = self.script("exec", "org.apache.kafka.tools.DumpLogSegments", "--deep-iteration",
                           "--print-data-log", "--files", ",".join(map(str, segments)))
        return [line for line in said.splitlines() if line.startswith("| offset:")]


def cluster_environment():
    """Makes sure once, with a clear message, that Kafka can be run here at all."""
    done = subprocess.run([SCRIPT, "jars"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                          check=False, env=os.environ)
    assert done.returncode == 0, done.stderr
