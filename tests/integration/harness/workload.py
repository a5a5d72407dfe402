"""Deterministic records of every shape (but for the day of their timestamps), and a producer that keeps a
topic under load.

Every record of a workload is unique within its source by its timestamp, so that the checker can name each
one, also a second tombstone for one key."""

import random
import threading
import time
from collections import namedtuple

from confluent_kafka import Producer

# headers: a tuple of (name, value or None). timestamp: ms. timestamp_type: 1 created, 2 appended.
Record = namedtuple("Record", "key value headers timestamp_type timestamp")

CREATED, APPENDED = 1, 2

# Timestamps begin here. Recent ones: a broker that restarts forgets an idempotent producer whose last record
# is stamped older than producer.id.expiration.ms (a day), and then takes a retried batch twice; and
# retention goes by timestamps, too.
EPOCH_MS = int(time.time() * 1000) - 3_600_000


def mixed_record(seed, index):
    """The index-th record of a seed. Sizes from 0 to 10 KB, most of them small; null and empty keys and
    values; tombstones; headers in an order that matters, with repeated names and null values."""
    rng = random.Random(seed * 1_000_003 + index)
    shape = rng.random()
    if shape < 0.05:
        key = None
    elif shape < 0.08:
        key = b""
    else:
        key = b"key-%d" % rng.randrange(1000)
    shape = rng.random()
    if shape < 0.04 and key:
        value = None
    elif shape < 0.08:
        value = b""
    elif shape < 0.98:
        value = rng.randbytes(rng.randrange(1, 300))
    else:
        value = rng.randbytes(rng.randrange(300, 10_000))
    return Record(key, value, mixed_headers(rng), CREATED, EPOCH_MS + index)


def mixed_headers(rng):
    if rng.random() < 0.7:
        return ()
    names = ["trace", "trace", "Trace", "b", "a", "übung", ""]
    return tuple((rng.choice(names), rng.choice([None, b"", b"\x00", rng.randbytes(rng.randrange(1, 40))]))
                 for _ in range(rng.randrange(1, 6)))


def small_record(index, size_bytes=100):
    """A cheap one for load: the bytes do not matter."""
    return Record(b"%d" % index, (b"%d " % index).ljust(size_bytes, b"."), (), CREATED, EPOCH_MS + index)


def new_producer(brokers, **settings):
    settings = {key.replace("_", "."): value for key, value in settings.items()}
    return Producer({"bootstrap.servers": brokers, "enable.idempotence": True, "linger.ms": 5, "log_level": 2,
                     "queue.buffering.max.messages": 1_000_000, **settings})


class Delivery:
    """Counts delivery reports. A failed one is a failure of the test's own."""

    def __init__(self):
        self.delivered = 0
        self.errors = []

    def report(self, error, message):
        if error is None:
            self.delivered += 1
        else:
            self.errors.append(str(error))


def send(producer, topic, partition, record, on_delivery=None):
    """One record, waiting while the producer's queue is full."""
    headers = list(record.headers) or None
    while True:
        try:
            producer.produce(topic, value=record.value, key=record.key, partition=partition,
                             timestamp=record.timestamp, headers=headers, on_delivery=on_delivery)
            return
        except BufferError:
            producer.poll(0.1)


def fill(brokers, topic, records, partitions, **settings):
    """Produces the records, round robin over the partitions, and returns once all are acknowledged."""
    producer, delivery = new_producer(brokers, **settings), Delivery()
    count = 0
    for record in records:
        send(producer, topic, count % partitions, record, delivery.report)
        count += 1
        if count % 1000 == 0:
            producer.poll(0)
    producer.flush(120)
    assert not delivery.errors and delivery.delivered == count, (
        delivery.errors[:3], delivery.delivered, count)
    return count


def fill_mixed(brokers, topic, count, partitions, seed=1):
    return fill(brokers, topic, (mixed_record(seed, index) for index in range(count)), partitions)


class Load:
    """Keeps producing to a topic, in a thread, until stopped. `rate` is records per second, `first` the number
    of the first record."""

    def __init__(self, brokers, topic, partitions, rate, make_record=small_record, first=0):
        self.brokers, self.topic, self.partitions, self.rate = brokers, topic, partitions, rate
        self.make_record, self.first = make_record, first
        self.delivery = Delivery()
        self.produced = 0
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="load", daemon=True)

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *exception):
        self.stop()

    def stop(self):
        """Returns once everything produced is acknowledged."""
        if self._stopping.is_set():
            return
        self._stopping.set()
        self._thread.join(120)
        assert not self._thread.is_alive(), "the load does not end"
        assert not self.delivery.errors and self.delivery.delivered == self.produced, (
            self.delivery.errors[:3], self.delivery.delivered, self.produced)

    def _run(self):
        # One request at a time: where a leader changes between two of them, librdkafka 2.0.2 can take the answer to the
        # second for a desynchronised sequence, which ends a producer for good. aloqd makes another one; a load cannot.
        producer = new_producer(self.brokers, message_timeout_ms=0, max_in_flight=1)
        turn_s = 0.02
        per_turn = max(1, int(self.rate * turn_s))
        while not self._stopping.wait(turn_s):
            for _ in range(per_turn):
                self._send_next(producer)
            producer.poll(0)
        producer.flush(100)

    def _send_next(self, producer):
        send(producer, self.topic, self.produced % self.partitions, self.make_record(self.first + self.produced),
             self.delivery.report)
        self.produced += 1


class TransactionalLoad(Load):
    """The same in transactions of 0.1 s, every third of which is aborted: their records are in the log, and
    belong to nobody."""

    aborted = 0

    def _run(self):
        producer = new_producer(self.brokers, transactional_id=f"load-{self.topic}-{self.first}")
        producer.init_transactions(60)
        count, turn_s = 0, 0.1
        while not self._stopping.wait(turn_s):
            producer.begin_transaction()
            for _ in range(max(1, int(self.rate * turn_s))):
                self._send_next(producer)
            producer.flush(60)
            if count % 3 == 1:
                producer.abort_transaction(60)
                self.aborted += 1
            else:
                producer.commit_transaction(60)
            count += 1
