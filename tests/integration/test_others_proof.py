"""The proof of others: Kafka's own verifiable clients on both ends of a relay, and the scenario with which Kafka tests
its transactions, with aloqd in the copier's place."""

import random
import threading
from collections import Counter

import pytest
from confluent_kafka import KafkaException

from harness.config import QUICK_SESSION
from harness.tools import VerifiableConsumer, VerifiableProducer
from harness.reader import TopicReader, read_topic
from harness.trial import ExactTrial, Trial
from harness.waiting import eventually
from harness.workload import new_producer, send, small_record

PARTITIONS = 3


def await_all_read(cluster, topic, consumer):
    """The consumer has said every record that its isolation level lets it see, the last one of each partition too."""
    ends = {partition: offsets[-1] for partition, offsets in TopicReader(cluster, topic).read_to_end().offsets.items()}

    def reached():
        last = {said.partition: said.offset for said in consumer.read()}
        return all(last.get(partition, -1) >= end for partition, end in ends.items())
    eventually(reached, 60, lambda: f"all of {topic} up to {ends}; {consumer.last_words()}", every_s=0.3)


def by_partition(said):
    """{partition: [value, ...]} in the order of the offsets. A record that was said twice (the consumer had lost its
    group, with a coordinator) is one."""
    found = {}
    for record in sorted(set(said)):
        found.setdefault(record.partition, []).append(record.value)
    return found


def differences(said, expected):
    """What is missing in the one or the other, in short; None where both are alike."""
    found = {}
    for partition in sorted(set(said) | set(expected)):
        one, other = said.get(partition, []), expected.get(partition, [])
        if one != other:
            found[partition] = {"missing": sorted(set(other) - set(one))[:50], "too many": sorted(set(one) - set(other))[:50],
                                "counts": (len(one), len(other))}
    return {number: {name: [value.strip(".") for value in some] if isinstance(some, list) else some
                     for name, some in of.items()} for number, of in found.items()} or None


@pytest.mark.parametrize("trial_type", [Trial, ExactTrial], ids=["at_least_once", "exactly_once"])
def test_what_kafkas_producer_was_acknowledged_kafkas_consumer_reads(kafka, topic, aloqd, tmp_path, trial_type):
    """With kill -9 of aloqd in between, three times."""
    exactly = trial_type is ExactTrial
    trial = trial_type(kafka, topic, PARTITIONS)
    daemon = aloqd(trial.settings(from_properties=QUICK_SESSION))
    count = 20_000
    with VerifiableProducer(kafka, tmp_path, trial.source, count, rate=2000) as producer, \
            VerifiableConsumer(kafka, tmp_path, trial.target, topic("reader"),
                               "read_committed" if exactly else "read_uncommitted") as consumer:
        for round_number in range(3):
            daemon.start()
            daemon.await_acked(1000 + 500 * round_number)
            daemon.kill()
        daemon.start()
        producer.await_end()
        trial.await_caught_up(daemon)
        trial.stop_clean(daemon)
        await_all_read(kafka, trial.target, consumer)
        acked, read = producer.acked(), consumer.read()
    assert len(acked) == count
    if exactly:
        assert not differences(by_partition(read), by_partition(acked))
    else:
        assert {said.value for said in read} == {said.value for said in acked}
        # Each one's first time in order.
        first_times = {partition: list(dict.fromkeys(values)) for partition, values in by_partition(read).items()}
        assert first_times == by_partition(acked)
        assert max(Counter(said.value for said in read).values()) > 1, "no kill hit anything: the test proves nothing"


# ---- the transactional copier ----

class TransactionalWriter:
    """Writes transactions to a topic until it is stopped, and aborts some of them. No record is written twice, also not
    after an error: what was committed, a reader with read_committed says."""

    def __init__(self, cluster, topic, partitions, seed):
        self.cluster, self.topic, self.partitions = cluster, topic, partitions
        self.random = random.Random(seed)
        self.written = self.committed = self.aborted = 0
        self.error = None
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="writer", daemon=True)

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *exception):
        self._stopping.set()
        self._thread.join(150)
        assert not self._thread.is_alive() and not self.error, self.error

    def _run(self):
        try:
            while not self._stopping.is_set():
                self._write_until_fatal()
        except Exception as error:  # pylint: disable=broad-except; told by __exit__
            self.error = error

    def _write_until_fatal(self):
        producer = new_producer(self.cluster.brokers, transactional_id=f"writer-{self.topic}",
                                transaction_timeout_ms=30_000)
        producer.init_transactions(60)
        try:
            while not self._stopping.wait(0.02):
                self._write_one(producer)
        except KafkaException as exception:
            # What can be aborted is; a fatal error costs the producer, and the next one ends its transaction.
            if exception.args[0].txn_requires_abort():
                producer.abort_transaction(60)

    def _write_one(self, producer):
        producer.begin_transaction()
        for _ in range(self.random.randrange(1, 120)):
            send(producer, self.topic, self.written % self.partitions, small_record(self.written))
            self.written += 1
        if self.random.random() < 0.3:
            # Or most of it would never be sent.
            producer.flush(60)
            producer.abort_transaction(60)
            self.aborted += 1
        else:
            producer.commit_transaction(60)
            self.committed += 1


def test_as_the_copier_of_transactions_under_hard_bounces(kafka3, topic, aloqd, tmp_path):
    """Input in transactions, a third of them aborted; aloqd as the copier; it and each broker are killed in turn. What
    Kafka's consumer reads of the output is what a reader sees of the input: all, once, in order."""
    seed = random.randrange(1 << 32)
    print(f"seed {seed}")
    trial = ExactTrial(kafka3, topic, PARTITIONS)
    daemon = aloqd(trial.settings(from_properties=QUICK_SESSION))
    with VerifiableConsumer(kafka3, tmp_path, trial.target, topic("reader"), "read_committed") as consumer:
        with TransactionalWriter(kafka3, trial.source, PARTITIONS, seed) as writer:
            daemon.start_ready(90)
            for node in (1, 2, 3):
                daemon.await_acked(1000, timeout_s=90)
                daemon.kill()
                daemon.start()
                daemon.await_acked(300, timeout_s=90)
                kafka3.restart(node, hard=True)
            daemon.await_acked(1000, timeout_s=90)
        assert writer.aborted >= 5 and writer.committed >= 10, (writer.aborted, writer.committed)
        trial.await_caught_up(daemon)
        trial.stop_clean(daemon)
        verdict = trial.verdict()
        assert verdict.kept_exactly(), verdict
        await_all_read(kafka3, trial.target, consumer)
        read = consumer.read()
    source = read_topic(kafka3, trial.source)
    assert not differences(by_partition(read), {partition: [record.value.decode() for record in records]
                                                for partition, records in source.records.items()})
    assert read_topic(kafka3, trial.source, "read_uncommitted").records != source.records, "nothing was aborted"
