"""Kafka's own VerifiableProducer and VerifiableConsumer, as processes: code that nobody here wrote.

They print a line of JSON for each thing that happens."""

import json
import os
import signal
import subprocess
from collections import namedtuple

from .cluster import SCRIPT
from .waiting import eventually

# What one of them says of a record.
Said = namedtuple("Said", "partition offset value")


class KafkaTool:
    """One class of org.apache.kafka.tools while it runs. `directory` is for its output and its configuration."""

    def __init__(self, cluster, directory, name, *arguments, **config):
        self.output = directory / f"{name}.out"
        self.errors = directory / f"{name}.err"
        config_path = directory / f"{name}.properties"
        config_path.write_text("".join(f"{key.replace('_', '.')}={value}\n" for key, value in config.items()))
        with self.output.open("wb") as out, self.errors.open("wb") as err:
            # A session of its own: the script and its JVM are ended together.
            self.process = subprocess.Popen(
                [SCRIPT, "exec", f"org.apache.kafka.tools.{name}", "--bootstrap-server", cluster.brokers,
                 "--command-config", str(config_path), *map(str, arguments)],
                stdin=subprocess.DEVNULL, stdout=out, stderr=err, start_new_session=True)

    def __enter__(self):
        return self

    def __exit__(self, *exception):
        if self.process.poll() is None:
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait(30)

    def await_end(self, timeout_s=120):
        eventually(lambda: self.process.poll() is not None, timeout_s, self.last_words)
        assert self.process.returncode == 0, self.last_words()

    def last_words(self):
        return f"{self.process.args[2]}: {self.errors.read_text()[-2000:]} {self.output.read_text()[-500:]}"

    def _events(self, name):
        for line in self.output.read_text().splitlines():
            # The last line may be half written, and the client's log is mixed in.
            if line.startswith("{") and line.endswith("}"):
                event = json.loads(line)
                if event.get("name") == name:
                    yield event

    def _said(self, name):
        return [Said(event["partition"], event["offset"], event["value"]) for event in self._events(name)]


class VerifiableProducer(KafkaTool):
    """Produces 0, 1, 2, ... and says which of them were acknowledged (acks=all)."""

    def __init__(self, cluster, directory, topic, count, rate):
        super().__init__(cluster, directory, "VerifiableProducer", "--topic", topic, "--max-messages", count,
                         "--throughput", rate)

    def acked(self):
        assert not list(self._events("producer_send_error")), "a send failed"
        return self._said("producer_send_success")


class VerifiableConsumer(KafkaTool):
    """Says each record that it reads, and commits it."""

    def __init__(self, cluster, directory, topic, group, isolation):
        super().__init__(cluster, directory, "VerifiableConsumer", "--topic", topic, "--group-id", group, "--verbose",
                         isolation_level=isolation)

    def read(self):
        return self._said("record_data")
