"""A record arrives as it was: bytes, null and empty, headers, timestamp; and where it belongs."""

import re
import time

import pytest

from harness.checker import compare
from harness.config import relay
from harness.reader import read_topic
from harness.trial import Trial
from harness.workload import APPENDED, CREATED, EPOCH_MS, Record, fill, fill_mixed

EVERY_BYTE = bytes(range(256))

# Each with a timestamp of its own, as the checker wants it.
CURIOUS = [Record(key, value, headers, CREATED, EPOCH_MS + index)
           for index, (key, value, headers) in enumerate([
               (b"key", b"value", ()),
               (None, b"a null key", ()),
               (b"", b"an empty key", ()),
               (b"a tombstone", None, ()),
               (b"an empty value", b"", ()),
               (None, None, ()),
               (b"", b"", ()),
               (EVERY_BYTE, EVERY_BYTE * 40, ()),
               (b"headers", b"", (("one", b"1"), ("two", b"2"), ("one", b"3"), ("one", b"1"))),
               (b"order", b"", (("z", b"1"), ("a", b"2"), ("m", b"3"))),
               (b"null header", b"", (("null", None), ("empty", b""), ("null", b""), ("empty", None))),
               (b"odd names", b"", (("", b"no name"), ("übung ☃", EVERY_BYTE), ("", b""), ("", None))),
               (b"tombstone with headers", None, (("why", b"gone"),)),
               (b"many headers", b"", tuple((f"h{n % 7}", b"%d" % n) for n in range(1000))),
               (b"a large header", b"", (("large", EVERY_BYTE * 1953), ("after it", b"1"))),  # 500 kB
               (b"large", b"\0" * 900_000, ()),
           ])]


def test_records_arrive_byte_for_byte(kafka, topic, aloqd):
    trial = Trial(kafka, topic, 1)
    fill(kafka.brokers, trial.source, CURIOUS, 1)
    daemon = aloqd(trial.settings()).start_ready()
    verdict = trial.finish(daemon)
    assert verdict.kept_exactly(), verdict
    # The tests and aloqd share a client library, which might hide from both what it does: Kafka's own
    # reader must see the same.
    seen = [[without_batch_details(line) for line in kafka.dump_log(name, 0)]
            for name in (trial.source, trial.target)]
    assert len(seen[0]) == len(CURIOUS) and seen[0] == seen[1]
    assert sum("valueSize: -1" in line for line in seen[1]) == 3
    assert sum("keySize: -1" in line for line in seen[1]) == 2


def without_batch_details(line):
    """Of DumpLogSegments' line what belongs to the record, and not to the batch that it came in."""
    details = "isvalid|sequence|producerId|producerEpoch|endTxnMarker|coordinatorEpoch"
    return re.sub(rf"({details}): \S+ ?", "", line)


def test_old_and_future_timestamps_are_kept(kafka, topic, aloqd):
    trial = Trial(kafka, topic, 1, message_timestamp_after_max_ms=9223372036854775807, retention_ms=-1)
    stamps = [1, 1000, EPOCH_MS, EPOCH_MS - 10**9, 4_102_444_800_000]
    fill(kafka.brokers, trial.source, [Record(b"k", b"v", (), CREATED, stamp) for stamp in stamps], 1)
    daemon = aloqd(trial.settings()).start_ready()
    assert trial.finish(daemon).kept_exactly()


def test_timestamps_of_0_and_below_are_replaced_and_each_record_counted_once(kafka, topic, aloqd):
    """Also where a record of their batch is refused, so that all of them are sent again several times."""
    trial = Trial(kafka, topic, 1, message_timestamp_after_max_ms=9223372036854775807, retention_ms=-1)
    kafka.alter_topic(trial.target, cleanup_policy="compact")  # takes no record without a key
    # librdkafka takes 0 for "now"; Kafka's own producer does not.
    kafka.script("exec", "org.apache.kafka.tools.VerifiableProducer", "--bootstrap-server", "{brokers}",
                 "--topic", trial.source, "--max-messages", "1", "--message-create-time", "0", "--repeating-keys", "1")
    unstamped = [Record(b"unstamped %d" % index, b"v", (), CREATED, -1) for index in range(50)]
    kept = [Record(key, b"v", (), CREATED, EPOCH_MS) for key in (b"kept", None)]
    fill(kafka.brokers, trial.source, [*unstamped[:25], *kept, *unstamped[25:]], 1)
    stamps = [record.timestamp for record in read_topic(kafka, trial.source).records[0]]
    assert stamps == [0, *25 * [-1], EPOCH_MS, EPOCH_MS, *25 * [-1]], stamps
    began_ms = int(time.time() * 1000)
    daemon = aloqd(trial.settings(on_error="skip")).start_ready()
    daemon.await_pipeline(lambda p: p["counters"]["acked_records"] == 52 and p["counters"]["skipped_records"] == 1,
                          "all but the one without key are relayed")
    assert daemon.counter("failed_reports") > 0
    assert daemon.pipeline()["untimestamped_records"] == 51
    trial.stop_clean(daemon)
    relayed = read_topic(kafka, trial.target).records[0]
    assert [record.key for record in relayed] == [
        b"0", *(record.key for record in (*unstamped[:25], kept[0], *unstamped[25:]))]
    assert relayed[26].timestamp == EPOCH_MS
    assert all(record.timestamp >= began_ms for record in relayed if record.key != b"kept"), relayed


def test_a_target_that_stamps_at_append_gets_everything_else(kafka, topic, aloqd):
    trial = Trial(kafka, topic, 1)
    kafka.alter_topic(trial.target, message_timestamp_type="LogAppendTime")
    fill(kafka.brokers, trial.source, CURIOUS, 1)
    daemon = aloqd(trial.settings()).start_ready()
    trial.await_caught_up(daemon)
    trial.stop_clean(daemon)
    relayed = read_topic(kafka, trial.target).records[0]
    assert all(record.timestamp_type == APPENDED for record in relayed)
    assert [record[:3] for record in relayed] == [record[:3] for record in CURIOUS]


@pytest.mark.parametrize("compression", ["none", "gzip", "snappy", "lz4", "zstd"])
def test_compression_changes_the_batches_and_not_the_records(kafka, topic, aloqd, compression):
    trial = Trial(kafka, topic, 1)
    records = [Record(b"k", b"compressible " * 50, (), CREATED, EPOCH_MS + index) for index in range(2000)]
    fill(kafka.brokers, trial.source, records, 1)
    daemon = aloqd(trial.settings(to_compression=compression)).start_ready()
    assert trial.finish(daemon).kept_exactly()
    segment = kafka.directory / "node-1" / "log" / f"{trial.target}-0" / "00000000000000000000.log"
    written = segment.stat().st_size
    # The codec is in the low three bits of a batch's attributes, bytes 21 and 22.
    codecs = {"none": 0, "gzip": 1, "snappy": 2, "lz4": 3, "zstd": 4}
    with segment.open("rb") as log:
        assert log.read(23)[22] & 7 == codecs[compression]
    assert (written > 2000 * 650) == (compression == "none"), written


def test_with_acks_1_records_arrive_and_the_operator_is_warned(kafka, topic, aloqd):
    trial = Trial(kafka, topic, 3)
    fill_mixed(kafka.brokers, trial.source, 20_000, 3)
    daemon = aloqd(trial.settings(to_acks=1)).start_ready()
    assert trial.finish(daemon).kept_exactly()
    assert re.search(r"acks.*leader", daemon.log_text()), daemon.log_tail()


def test_several_sources_go_each_to_its_own_target(kafka, topic, aloqd):
    sources = [kafka.create_topic(topic(f"in{number}"), 1 + number) for number in range(3)]
    for number, source in enumerate(sources):
        kafka.create_topic(f"backup.{source}.x", 1 + number)
        fill_mixed(kafka.brokers, source, 1000, 1 + number, seed=number)
    daemon = aloqd(relay(kafka, None, "backup.{topic}.x", sources=sources, group=topic("g"))).start_ready()
    daemon.await_pipeline(lambda p: p["counters"]["acked_records"] == 3000, "3000 records acknowledged")
    assert daemon.terminate() == 0
    for source in sources:
        verdict = compare(read_topic(kafka, source).records, read_topic(kafka, f"backup.{source}.x").records)
        assert verdict.compared == 1000 and verdict.kept_exactly(), verdict


def test_several_sources_may_share_a_target(kafka, topic, aloqd):
    sources = [kafka.create_topic(topic(f"in{number}"), 2) for number in range(3)]
    target = kafka.create_topic(topic("out"), 2)
    for number, source in enumerate(sources):
        fill(kafka.brokers, source, [Record(b"%d" % number, b"%d" % index, (), CREATED, EPOCH_MS + index)
                                     for index in range(1000)], 2)
    daemon = aloqd(relay(kafka, None, target, sources=sources, group=topic("g"))).start_ready()
    daemon.await_pipeline(lambda p: p["counters"]["acked_records"] == 3000, "3000 records acknowledged")
    assert daemon.terminate() == 0
    relayed = read_topic(kafka, target).records
    for number, source in enumerate(sources):
        of_source = {partition: [record for record in records if record.key == b"%d" % number]
                     for partition, records in relayed.items()}
        assert compare(read_topic(kafka, source).records, of_source).kept_exactly()


def test_partition_same_keeps_the_number_in_a_wider_target(kafka, topic, aloqd):
    trial = Trial(kafka, topic, 3, target_partitions=5)
    fill_mixed(kafka.brokers, trial.source, 3000, 3)
    daemon = aloqd(trial.settings()).start_ready()
    assert trial.finish(daemon).kept_exactly()


def test_partition_key_chooses_as_javas_client_does(kafka, topic, aloqd):
    trial = Trial(kafka, topic, 4, target_partitions=7)
    by_java = kafka.create_topic(topic("java"), 7)
    # Every length, from the empty key up to past two words of the hash, and letters beyond ASCII.
    keys = ["k" * length for length in range(20)] + [f"käse-{n}" for n in range(200)] \
        + [str(n * 7919) for n in range(200)] + ["☃" * n for n in range(1, 9)]
    lines = "".join(f"{key}\tvalue\n" for key in keys)
    for name in (trial.source, by_java):
        kafka.script("exec", "org.apache.kafka.tools.ConsoleProducer", "--bootstrap-server", "{brokers}",
                     "--topic", name, "--reader-property", "parse.key=true", stdin=lines)
    daemon = aloqd(trial.settings(to_partition="key")).start_ready()
    trial.await_caught_up(daemon)
    trial.stop_clean(daemon)
    expected, relayed = partition_of_key(kafka, by_java), partition_of_key(kafka, trial.target)
    assert len(expected) == len(keys) and b"" in expected and relayed == expected


def partition_of_key(kafka, name):
    return {record.key: partition for partition, records in read_topic(kafka, name).records.items()
            for record in records}


def test_partition_key_keeps_the_order_of_each_key(kafka, topic, aloqd):
    trial = Trial(kafka, topic, 6, target_partitions=4)
    # The workload spreads a key over all partitions; by partition it is in order.
    fill_mixed(kafka.brokers, trial.source, 20_000, 6)
    daemon = aloqd(trial.settings(to_partition="key")).start_ready()
    trial.await_caught_up(daemon)
    trial.stop_clean(daemon)
    target = read_topic(kafka, trial.target).records
    homes = {}
    for partition, records in target.items():
        for record in records:
            if record.key is not None:
                homes.setdefault(record.key, set()).add(partition)
    assert all(len(partitions) == 1 for partitions in homes.values())

    def route(_place, record):
        return None if record.key is None else next(iter(homes[record.key]))

    verdict = compare(read_topic(kafka, trial.source).records, target, route)
    assert verdict.kept_exactly(), verdict


def test_partition_fixed_puts_all_into_one(kafka, topic, aloqd):
    trial = Trial(kafka, topic, 3, target_partitions=4)
    fill_mixed(kafka.brokers, trial.source, 3000, 3)
    daemon = aloqd(trial.settings(to_partition={"fixed": 2})).start_ready()
    trial.await_caught_up(daemon)
    trial.stop_clean(daemon)
    verdict = trial.verdict(route=lambda place, record: 2)
    assert verdict.kept_exactly(), verdict
