"""Every record of a topic, by raw offsets, outside any group."""

import ctypes
import hashlib
import time

from confluent_kafka import Consumer, KafkaError, TopicPartition

from .waiting import NeverCame
from .workload import Record


def headers_of(message):
    """The headers, as a tuple. confluent_kafka 1.7 gives None for a null value without taking a reference to
    it, and after enough of them Python dies of a None that nobody refers to: take the reference here."""
    headers = tuple(message.headers() or ())
    for _, value in headers:
        if value is None:
            ctypes.pythonapi.Py_IncRef(ctypes.py_object(None))
    return headers


class TopicReader:
    """Reads a topic in pieces: each read_to_end() goes on where the one before has ended.

    offsets[p] and records[p] run in parallel, in log order. With isolation read_uncommitted everything in
    the log is seen, also what belongs to aborted transactions. With digests, a digest stands for each value:
    for topics that are larger than memory should hold."""

    def __init__(self, cluster, topic, isolation="read_committed", digests=False):
        self.cluster, self.topic, self.digests = cluster, topic, digests
        self.offsets = {partition: [] for partition in cluster.partitions(topic)}
        self.records = {partition: [] for partition in self.offsets}
        self.positions = {partition: 0 for partition in self.offsets}
        self._consumer = Consumer({
            "bootstrap.servers": cluster.brokers, "log_level": 2, "group.id": "reader", "enable.auto.commit": False,
            "auto.offset.reset": "earliest", "enable.partition.eof": True, "isolation.level": isolation,
            "fetch.wait.max.ms": 20, "check.crcs": True})

    def close(self):
        self._consumer.close()

    def read_to_end(self, timeout_s=90):
        """Up to the log ends of this moment."""
        ends = self.cluster.log_ends(self.topic)
        behind = {partition for partition, end in ends.items() if self.positions[partition] < end}
        self._consumer.assign([TopicPartition(self.topic, partition, self.positions[partition])
                               for partition in behind])
        deadline = time.monotonic() + timeout_s
        while behind:
            for message in self._consumer.consume(num_messages=10_000, timeout=0.05):
                self._take(message)
            behind = {partition for partition in behind if self.positions[partition] < ends[partition]}
            if time.monotonic() > deadline:
                raise NeverCame(f"{self.topic} not read in {timeout_s} s: at {self.positions} of {ends}")
        return self

    def _take(self, message):
        partition, error = message.partition(), message.error()
        if error is None:
            kind, timestamp = message.timestamp()
            self.offsets[partition].append(message.offset())
            value = message.value()
            if self.digests and value is not None:
                value = hashlib.blake2b(value, digest_size=16).digest()
            self.records[partition].append(Record(message.key(), value, headers_of(message), kind, timestamp))
            self.positions[partition] = message.offset() + 1
        elif error.code() == KafkaError._PARTITION_EOF:
            # Behind the last record there may be transaction markers: this is past them.
            self.positions[partition] = max(self.positions[partition], message.offset())
        else:
            raise AssertionError(f"{self.topic} [{partition}]: {error}")


def read_topic(cluster, topic, isolation="read_committed", digests=False):
    reader = TopicReader(cluster, topic, isolation, digests)
    try:
        return reader.read_to_end()
    finally:
        reader.close()
