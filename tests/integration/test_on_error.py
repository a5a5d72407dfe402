"""Records that the target refuses for ever, and what on_error makes of them. The others arrive as if they were not
there."""

import datetime

import pytest

from harness.checker import compare
from harness.config import QUICK_SESSION, relay
from harness.reader import read_topic
from harness.trial import Trial
from harness.waiting import eventually, holds_for
from harness.workload import CREATED, EPOCH_MS, Record, fill, small_record

PARTITIONS = 3
RECORDS = 3000
TARGET_MAX_BYTES = 5000
HOUR_MS, DAY_MS, FOR_EVER_MS = 3_600_000, 86_400_000, 2 ** 63 - 1


def too_large(index):
    return Record(b"large", b"x" * 20_000, (("trace", b"1"), ("trace", None)), CREATED, EPOCH_MS + index)


def without_key(index):
    return Record(None, b"no key", (), CREATED, EPOCH_MS + index)


def too_late(index):
    """Stamped a day ahead. Its dead letter has another time, and may be taken where it was not."""
    return Record(b"late", b"of tomorrow", (), CREATED, EPOCH_MS + index + DAY_MS)


CODES = {too_large: "MSG_SIZE_TOO_LARGE", without_key: "INVALID_RECORD", too_late: "INVALID_TIMESTAMP"}

# By index; index % 3 is the partition, index // 3 the offset. Neighbours, the first, the last, and none in partition 2.
POISON = {0: without_key, 900: too_large, 1501: without_key, 1504: too_large, 1507: without_key, 1800: too_late,
          2998: without_key}


class RefusingTrial(Trial):
    """Its target is compacted, and takes no large record, nor one from the future. The source holds a few that it
    refuses."""

    def __init__(self, kafka, topic, delivery, poison=POISON, good=small_record):
        super().__init__(kafka, topic, PARTITIONS, message_timestamp_after_max_ms=FOR_EVER_MS)
        kafka.alter_topic(self.target, cleanup_policy="compact", max_message_bytes=TARGET_MAX_BYTES,
                          message_timestamp_after_max_ms=HOUR_MS)
        self.delivery = delivery
        self.dead = topic("dead")
        records = [poison[index](index) if index in poison else good(index) for index in range(RECORDS)]
        self.poison = {records[index]: (index % PARTITIONS, index // PARTITIONS) for index in poison}
        fill(kafka.brokers, self.source, records, PARTITIONS)

    def settings(self, **settings):
        made = super().settings(delivery=self.delivery, **settings)
        made["pipelines"]["relay"]["to"]["cluster"] = "source"  # exactly_once: one cluster, by one name
        del made["clusters"]["target"]
        return made

    def await_settled(self, daemon):
        daemon.await_pipeline(lambda p: p["state"] == "running", "nothing is blocked")
        self.await_caught_up(daemon)
        self.stop_clean(daemon)

    def check_others(self, below=lambda partition: RECORDS):
        """All but the poison has arrived, in order, and with exactly_once and at_most_once once."""
        source = read_topic(self.cluster, self.source).records
        good = {partition: [record for offset, record in enumerate(records)
                            if offset < below(partition) and record not in self.poison]
                for partition, records in source.items()}
        verdict = compare(good, read_topic(self.to, self.target).records)
        assert verdict.kept_at_least_once(), verdict
        assert self.delivery == "at_least_once" or not verdict.repeated, verdict
        return verdict


@pytest.fixture(params=["at_least_once", "at_most_once", "exactly_once"])
def delivery(request):
    return request.param


def counters(daemon):
    names = ("skipped_records", "dead_lettered_records", "lost_records")
    return tuple(daemon.counter(name) for name in names)


def test_skip_leaves_out_what_is_refused_and_nothing_else(kafka, topic, aloqd, delivery):
    trial = RefusingTrial(kafka, topic, delivery)
    daemon = aloqd(trial.settings(on_error="skip")).start_ready()
    trial.await_caught_up(daemon)
    daemon.await_pipeline(lambda p: p["counters"]["skipped_records"] == len(POISON), "all of them are counted")
    assert counters(daemon) == (len(POISON), 0, 0)
    assert daemon.counter("acked_records") >= RECORDS - len(POISON)
    trial.await_settled(daemon)
    trial.check_others()
    assert trial.committed() == kafka.log_ends(trial.source)
    for partition, offset in trial.poison.values():
        line = (f"partition={partition} offset={offset}: offset {offset} is refused for ever and skipped, as on_error "
                "says:")
        assert daemon.log_text().count(line) == 1, daemon.log_tail()


def check_dead_letter(trial, record, letter, partition, offset, code, began):
    """Key, value and headers as they were, and where it is from and why behind them."""
    assert (letter.key, letter.value) == (record.key, record.value)
    assert letter.headers[:len(record.headers)] == record.headers
    added = letter.headers[len(record.headers):]
    assert [name for name, _ in added] == [
        "aloqd.source.cluster", "aloqd.source.topic", "aloqd.source.partition", "aloqd.source.offset",
        "aloqd.source.timestamp", "aloqd.error.code", "aloqd.error.text", "aloqd.time", "aloqd.pipeline"]
    said = {name: value.decode() for name, value in added}
    assert said["aloqd.source.cluster"] == "source" and said["aloqd.source.topic"] == trial.source
    assert (int(said["aloqd.source.partition"]), int(said["aloqd.source.offset"])) == (partition, offset)
    assert int(said["aloqd.source.timestamp"]) == record.timestamp
    assert said["aloqd.error.code"] == code
    assert said["aloqd.error.code"] in said["aloqd.error.text"] and trial.target in said["aloqd.error.text"]
    assert said["aloqd.pipeline"] == "relay"
    at = datetime.datetime.strptime(said["aloqd.time"], "%Y-%m-%dT%H:%M:%S.%f%z")
    assert began <= at <= datetime.datetime.now(datetime.timezone.utc)
    assert abs(letter.timestamp - at.timestamp() * 1000) < 5000, "its own time is that of its death"


def test_dead_letters_hold_what_is_refused_and_nothing_else(kafka, topic, aloqd, delivery):
    trial = RefusingTrial(kafka, topic, delivery)
    kafka.create_topic(trial.dead, 2, message_timestamp_after_max_ms=HOUR_MS)
    began = datetime.datetime.now(datetime.timezone.utc).replace(microsecond=0)
    daemon = aloqd(trial.settings(on_error="dead_letter", dead_letter=trial.dead)).start_ready()
    trial.await_caught_up(daemon)
    daemon.await_pipeline(lambda p: p["counters"]["dead_lettered_records"] == len(POISON), "all of them are counted")
    assert counters(daemon) == (0, len(POISON), 0)
    trial.await_settled(daemon)
    trial.check_others()
    assert trial.committed() == kafka.log_ends(trial.source)
    letters = read_topic(kafka, trial.dead).records
    for record, (partition, offset) in trial.poison.items():
        here = [letter for letter in letters[partition % 2]
                if (letter.key, letter.value) == (record.key, record.value) and
                dict(letter.headers)["aloqd.source.offset"] == b"%d" % offset and
                dict(letter.headers)["aloqd.source.partition"] == b"%d" % partition]
        assert len(here) == 1 or (here and delivery == "at_least_once"), (partition, offset, here)
        check_dead_letter(trial, record, here[0], partition, offset, CODES[POISON[offset * PARTITIONS + partition]], began)
        line = f"partition={partition} offset={offset}: offset {offset} is refused for ever and goes to {trial.dead}, as"
        told = daemon.log_text().count(line)
        assert told == 1 or (told and delivery == "at_least_once"), daemon.log_tail()
    for partition in range(PARTITIONS):
        offsets = [int(dict(letter.headers)["aloqd.source.offset"]) for letter in letters[partition % 2]
                   if dict(letter.headers)["aloqd.source.partition"] == b"%d" % partition]
        expected = [offset for number, offset in trial.poison.values() if number == partition]
        assert set(offsets) == set(expected), "all of one partition in one, and no other"


def test_block_stops_at_what_is_refused_and_goes_on_from_there_once_a_person_has_acted(kafka, topic, aloqd, delivery):
    poison = {index: POISON[index] for index in (900, 1501)}
    at = {900 % PARTITIONS: 900 // PARTITIONS, 1501 % PARTITIONS: 1501 // PARTITIONS}
    trial = RefusingTrial(kafka, topic, delivery, poison)
    daemon = aloqd(trial.settings()).start()
    ends = kafka.log_ends(trial.source)
    daemon.await_pipeline(
        lambda p: p["partitions"] and all(q["mark"] == at.get(q["partition"], ends[q["partition"]])
                                          for q in p["partitions"]), "each partition has settled all it can")
    blocked = daemon.partitions(state="blocked")
    assert {number for _, number in blocked} == set(at), blocked
    assert counters(daemon) == (0, 0, 0)
    repeated = daemon.counter("repeated_records")
    daemon.terminate()
    assert trial.committed() == {**ends, **at}
    trial.check_others(below=lambda partition: at.get(partition, RECORDS))
    # The target's owner gives way: what stood still goes on, and nothing is missing.
    kafka.alter_topic(trial.target, cleanup_policy="delete", max_message_bytes=100_000)
    daemon.start_ready()
    verdict = trial.finish(daemon)
    assert verdict.kept_at_least_once(), verdict
    # What was in flight with a refused record may be there twice, and is counted.
    assert verdict.repeated <= (repeated if delivery == "at_least_once" else 0), (verdict, repeated)


def middle_sized(index):
    """Three of them are a batch."""
    return Record(b"middle %d" % index, b"y" * 1500, (), CREATED, EPOCH_MS + index)


@pytest.mark.parametrize("delivery", ["at_least_once", "at_most_once"], indirect=True)
def test_what_a_new_producer_has_refused_first_is_not_overtaken(kafka, topic, aloqd, delivery):
    """A broker that does not know the producer yet takes the next batch, whatever its number. librdkafka makes it before
    the answer is there, where the first one holds few records."""
    poison = {3 * offset + partition: make for partition in range(PARTITIONS)
              for offset, make in ((1, without_key), (300, too_large), (600, without_key), (800, too_large))}
    trial = RefusingTrial(kafka, topic, delivery, poison, middle_sized)
    kafka.create_topic(trial.dead, 1)
    daemon = aloqd(trial.settings(on_error="dead_letter", dead_letter=trial.dead)).start_ready()
    trial.await_caught_up(daemon)
    daemon.await_pipeline(lambda p: p["counters"]["dead_lettered_records"] + p["counters"]["lost_records"] >=
                          len(poison), "all of them are counted")
    assert counters(daemon) == (0, len(poison), 0), daemon.log_tail()
    trial.await_settled(daemon)
    trial.check_others()


def test_a_dead_letter_that_is_refused_too_blocks_its_partition_alone(kafka, topic, aloqd, delivery):
    trial = RefusingTrial(kafka, topic, delivery, {900: too_large, 1501: without_key})
    kafka.create_topic(trial.dead, 1, max_message_bytes=TARGET_MAX_BYTES)
    daemon = aloqd(trial.settings(on_error="dead_letter", dead_letter=trial.dead)).start()
    daemon.await_state("blocked")
    ends = kafka.log_ends(trial.source)
    daemon.await_pipeline(lambda p: all(q["mark"] == (300 if q["partition"] == 0 else ends[q["partition"]])
                                        for q in p["partitions"]), "all settle but the blocked one")
    blocked = daemon.partitions(state="blocked")
    assert set(blocked) == {(trial.source, 0)}, blocked
    error = blocked[(trial.source, 0)]["error"]
    assert error.startswith("the topic for dead letters refuses it too: ") and trial.dead in error, error
    assert counters(daemon) == (0, 1, 0)
    daemon.terminate()
    assert trial.committed() == {**ends, 0: 300}
    trial.check_others(below=lambda partition: 300 if partition == 0 else RECORDS)
    letters = read_topic(kafka, trial.dead).records[0]
    assert {letter.value for letter in letters} == {b"no key"}
    assert f"the topic for dead letters, {trial.dead}, takes {TARGET_MAX_BYTES} bytes" in daemon.log_text()


def test_a_record_is_measured_by_its_own_target_as_that_is_now(kafka, topic, aloqd):
    """Not by the smallest of the targets, nor by what one of them took when aloqd began."""
    narrow, wide = (kafka.create_topic(topic(name)) for name in ("narrow", "wide"))
    for source in (narrow, wide):
        kafka.create_topic(source + ".out", 1, max_message_bytes=TARGET_MAX_BYTES if source == narrow else 1_000_000)
        fill(kafka.brokers, source, [small_record(0), too_large(1), small_record(2)], 1)
    daemon = aloqd(relay(kafka, narrow, "{topic}.out", sources=[narrow, wide], on_error="skip")).start_ready()

    def arrived(source):
        return [len(record.value) for record in read_topic(kafka, source + ".out").records[0]]
    daemon.await_pipeline(lambda p: p["lag"] == 0 and p["counters"]["acked_records"] >= 5, "all is relayed")
    assert (len(arrived(narrow)), len(arrived(wide)), counters(daemon)) == (2, 3, (1, 0, 0))
    kafka.alter_topic(narrow + ".out", max_message_bytes=100_000)
    fill(kafka.brokers, narrow, [too_large(3)], 1)
    eventually(lambda: len(arrived(narrow)) == 3, 30, lambda: f"{arrived(narrow)}; {daemon.brief()}")
    assert counters(daemon) == (1, 0, 0)
    assert daemon.terminate() == 0


def test_a_blocked_partition_stays_with_its_member(kafka, topic, aloqd):
    """Given up, the record at fault would stop one host after the other."""
    trial = RefusingTrial(kafka, topic, "at_least_once", {900: too_large})
    one, other = (aloqd(trial.settings(from_properties=QUICK_SESSION), name) for name in ("one", "other"))

    def blocked():
        return [daemon for daemon in (one, other) if daemon.partitions(state="blocked")]

    def memberships():
        return [(daemon.pipeline()["restarts"], *(daemon.counter(f"{what}_partitions")
                                                  for what in ("assigned", "revoked", "lost"))) for daemon in (one, other)]
    one.start()
    other.start()
    eventually(lambda: sorted((len(one.partitions()), len(other.partitions()))) == [1, 2] and len(blocked()) == 1, 60,
               lambda: f"shared, and blocked: {one.brief()}; {other.brief()}")
    (owner,), before = blocked(), memberships()
    holds_for(lambda: blocked() == [owner] and memberships() == before, 8,
              lambda: f"{memberships()}, not {before}: {one.brief()}; {other.brief()}", every_s=0.2)
    # The others go on, wherever they are.
    fill(kafka.brokers, trial.source, map(small_record, range(RECORDS, RECORDS + 300)), PARTITIONS)
    ends = kafka.log_ends(trial.source)
    eventually(lambda: all({**one.partitions(), **other.partitions()}[(trial.source, number)]["mark"] == ends[number]
                           for number in (1, 2)), 30, lambda: f"{one.brief()}; {other.brief()}")
    assert memberships() == before
    for daemon in (one, other):
        assert daemon.terminate() == 0, daemon.log_tail()
    assert trial.committed() == {**ends, 0: 300}


@pytest.mark.parametrize("on_error", ["block", "skip", "dead_letter"])
def test_a_record_with_headers_that_cannot_be_read_is_not_written_without_them(kafka, topic, aloqd, on_error):
    # librdkafka reads 100,000 headers of a record; of one that has more it says no more than an error.
    trial = Trial(kafka, topic)
    laden = Record(b"laden", b"", (("h", b""),) * 100_001, CREATED, EPOCH_MS + 1)
    fill(kafka.brokers, trial.source, [small_record(0), laden, small_record(2)], 1)
    dead = {"dead_letter": kafka.create_topic(topic("dead"))} if on_error == "dead_letter" else {}
    daemon = aloqd(trial.settings(on_error=on_error, **dead)).start()
    if on_error == "skip":
        trial.await_caught_up(daemon)
        assert counters(daemon) == (1, 0, 0)
    else:
        daemon.await_state("blocked")
        error = daemon.partitions()[(trial.source, 0)]["error"]
        assert "the headers cannot be read" in error and "offset 1" in error, error
    daemon.terminate()
    assert trial.committed() == {0: 3 if on_error == "skip" else 1}
    arrived = [record.key for record in read_topic(kafka, trial.target).records[0]]
    assert arrived == ([b"0", b"2"] if on_error == "skip" else [b"0"])
    assert not dead or kafka.log_ends(dead["dead_letter"]) == {0: 0}


def test_a_missing_topic_for_dead_letters_is_waited_for_before_the_first_record(kafka, topic, aloqd):
    trial = RefusingTrial(kafka, topic, "at_least_once", {900: too_large})
    daemon = aloqd(trial.settings(on_error="dead_letter", dead_letter=trial.dead)).start()
    reason = daemon.await_state("backing_off")["reason"]
    for words in ("kafka-topics", "--create", f"topic for dead letters {trial.dead} does not exist"):
        assert words in reason, reason
    holds_for(lambda: sum(kafka.log_ends(trial.target).values()) == 0, 1.0, "nothing is relayed")
    kafka.create_topic(trial.dead, 1)
    daemon.await_ready()
    trial.await_settled(daemon)
    assert sum(kafka.log_ends(trial.dead).values()) == 1


def test_a_topic_for_dead_letters_that_is_deleted_meanwhile_is_missed_and_waited_for(kafka, topic, aloqd, delivery):
    trial = RefusingTrial(kafka, topic, delivery, {900: too_large})
    kafka.create_topic(trial.dead, 1)
    daemon = aloqd(trial.settings(on_error="dead_letter", dead_letter=trial.dead)).start_ready()
    trial.await_caught_up(daemon)
    kafka.delete_topic(trial.dead)
    dead = {too_large(RECORDS): (0, RECORDS // PARTITIONS)}
    trial.poison.update(dead)
    fill(kafka.brokers, trial.source, dead, 1)
    daemon.await_pipeline(lambda p: p["state"] == "backing_off" and f"{trial.dead} does not exist" in p["reason"],
                          "the topic for dead letters is missed")
    eventually(lambda: daemon.get("/readyz")[0] == 503, 15, "it is not away for a moment alone")
    kafka.create_topic(trial.dead, 1)
    daemon.await_ready()
    trial.await_caught_up(daemon)
    lost = daemon.counter("lost_records")
    trial.await_settled(daemon)
    trial.check_others()
    # at_most_once has committed the record before it finds the topic gone: it is counted.
    assert lost == 0 or delivery == "at_most_once"
    letters = read_topic(kafka, trial.dead).records[0]
    assert [letter.value for letter in letters] == [b"x" * 20_000] * (1 - lost)


def test_to_create_makes_the_topic_for_dead_letters_too(kafka, topic, aloqd):
    trial = RefusingTrial(kafka, topic, "at_least_once", {900: too_large})
    daemon = aloqd(trial.settings(on_error="dead_letter", dead_letter=trial.dead,
                                  to_create={"replication_factor": 1})).start_ready()
    trial.await_settled(daemon)
    assert len(kafka.partitions(trial.dead)) == PARTITIONS
    assert sum(kafka.log_ends(trial.dead).values()) == 1
