"""The source shrinks, grows, holds aborted transactions; the target refuses."""

from collections import Counter

from harness.library import libraries, validates_epochs
from harness.reader import TopicReader, read_topic
from harness.unclean import UNCLEAN, UncleanElection
from harness.waiting import eventually, holds_for
from harness.workload import TransactionalLoad

from .bout import MEMBERSHIP, PARTITIONS
from .kafka_tools import allow_writing, deny_writing
from .promise import ANY, AT_LEAST_ONCE, AT_MOST_ONCE, COUNTED, EXACTLY_ONCE, fault


@fault()
def retention(bout):
    """retention passes the committed offsets: the gap is crossed as on_gap says, and its size is told"""
    daemon = bout.begin(from_on_gap="earliest")
    source = TopicReader(bout.cluster, bout.trial.source)
    bout.afterwards(source.close)
    bout.stop(daemon)
    committed, written = bout.trial.committed(), bout.load.delivery.delivered
    eventually(lambda: bout.load.delivery.delivered > written + 2000, 30, "records behind the committed offsets")
    # Read before they are deleted. In two partitions nothing is.
    source.read_to_end()
    passed = {partition: committed[partition] + bout.rng.randrange(1, 200)
              for partition in bout.rng.sample(range(PARTITIONS), PARTITIONS - 2)}
    bout.cluster.delete_records(bout.trial.source, passed)
    daemon.start_ready()
    bout.flow(500)

    def without_the_gaps():
        source.read_to_end()
        return {partition: [record for offset, record in zip(source.offsets[partition], records)
                            if not committed[partition] <= offset < passed.get(partition, 0)]
                for partition, records in source.records.items()}
    bout.source_records = without_the_gaps
    bout.expected_counters = {"log_gaps": len(passed),
                              "log_gap_records": sum(passed[partition] - committed[partition] for partition in passed)}


@fault(repeats=COUNTED, lost=COUNTED)
def refused(bout):
    """records too large for the target, and a broker killed: they are dead letters, and the others lack nothing"""
    # Each costs some twenty producers, and a stop waits for those that are held: they are to be few. With exactly_once each
    # of those also aborts a transaction and begins the next, on three nodes half a second or more: with a faster load it
    # would never catch up.
    limit_bytes, every = 20_000, bout.times(400, 4000)
    if bout.delivery == EXACTLY_ONCE:
        bout.rate = 300

    def is_refused(record):
        return record.value is not None and len(record.value) > limit_bytes

    def with_large_ones(index, usual=bout.make_record):
        record = usual(index)
        return record if index % every else record._replace(value=b"%d" % index + b"x" * 2 * limit_bytes)
    bout.make_record = with_large_ones
    bout.cluster.alter_topic(bout.trial.target, max_message_bytes=limit_bytes)
    dead = bout.cluster.create_topic(bout.trial.target + ".dead")
    bout.afterwards(bout.cluster.delete_topic, dead)
    daemon = bout.begin(on_error="dead_letter", dead_letter=dead, aloqd_memory="32MiB")
    for _ in range(bout.times(1, 5)):
        node = bout.rng.randrange(1, bout.cluster.nodes + 1)
        bout.cluster.stop_node(node, hard=True)
        bout.flow(1000)
        bout.cluster.start_node(node)
        # A member again, with little behind it: else its drain ends in time only by luck.
        bout.trial.await_caught_up(daemon, timeout_s=120)
        bout.stop(daemon)
        daemon.start_ready()
        bout.flow(1000)

    def all_but_those():
        source = read_topic(bout.cluster, bout.trial.source).records
        buried = Counter(letter.value for letter in read_topic(bout.cluster, dead).records[0])
        wanted = Counter(record.value for records in source.values() for record in records if is_refused(record))
        assert wanted, "nothing was refused: the test proves nothing"
        assert set(buried) <= set(wanted), set(buried) - set(wanted)
        assert bout.delivery == AT_MOST_ONCE or set(buried) == set(wanted), set(wanted) - set(buried)
        assert bout.delivery == AT_LEAST_ONCE or not buried - wanted, buried - wanted
        # What was on its way to the broker that was killed may be lost, refused or not: such a record is missed in the
        # target, and must be counted.
        return {partition: [record for record in records if not is_refused(record) or not buried[record.value]]
                for partition, records in source.items()}
    bout.source_records = all_but_those


@fault()
def recreated(bout):
    """the source is deleted and made again under the relay: the gap is crossed as on_gap says, and the new one is read"""
    daemon = bout.begin(from_on_gap="earliest")
    relayed = {partition: [] for partition in range(PARTITIONS)}
    source = bout.trial.source
    rounds = bout.times(1, 5)
    for _ in range(rounds):
        bout.load.stop()
        # What is not relayed yet would be lost with the topic, and nobody could tell how much it was.
        bout.trial.await_caught_up(daemon)
        for partition, records in read_topic(bout.cluster, source).records.items():
            relayed[partition] += records
        gaps, is_missed = daemon.pipeline()["log_gaps"] + PARTITIONS, bout.rng.random() < 0.5
        bout.cluster.delete_topic(source)
        if is_missed:
            daemon.await_pipeline(lambda p: p["state"] == "backing_off" and source in (p["reason"] or ""),
                                  "it names the topic that is gone")
        bout.cluster.create_topic(source, PARTITIONS)
        # librdkafka before 2.3 is told no topic ids: it must not find the new log as long as the old one was.
        daemon.await_pipeline(lambda p, gaps=gaps: p["log_gaps"] == gaps, f"{gaps} gaps are crossed", timeout_s=60)
        bout.begin_load()
        bout.flow(1000)
        if bout.rng.random() < 0.5:
            bout.stop(daemon)
            daemon.start_ready()

    def old_and_new():
        now = read_topic(bout.cluster, source).records
        return {partition: relayed[partition] + now[partition] for partition in relayed}
    bout.source_records = old_and_new
    bout.expected_counters = {"log_gaps": PARTITIONS * rounds}


def beyond_the_common(one, other):
    """What the first list has behind what both begin with."""
    common = next((at for at, (a, b) in enumerate(zip(one, other)) if a != b), min(len(one), len(other)))
    return one[common:]


@fault(repeats=COUNTED, lost=COUNTED)
def truncated(bout):
    """an unclean leader election cuts the source's logs below the committed offsets: the gaps are told, what is new is relayed

    librdkafka before 2.4 must be told before the logs are as long again."""
    source, nodes = bout.trial.source, bout.rng.sample(range(1, bout.cluster.nodes + 1), 2)
    bout.cluster.delete_topic(source)
    bout.cluster.create_topic(source, PARTITIONS, nodes=nodes, **UNCLEAN)
    # Both coordinators may be among the killed, and librdkafka 2.16 does not come back then from adding offsets to a
    # transaction (rd_kafka_send_offsets_to_transaction() waits without end).
    bout.environment = bout.rng.choice(list(libraries().values())) if bout.delivery != EXACTLY_ONCE else {}
    daemon = bout.begin(from_on_gap="latest")
    election, gaps = UncleanElection(bout.cluster, [source], *nodes), 0
    for _ in range(bout.times(1, 3)):
        election.cut_off()
        bout.flow(bout.rng.randrange(100, 1000))
        bout.load.stop()
        # Else some of the ends may lie behind what the election leaves, and nobody could tell how many gaps there are.
        bout.trial.await_caught_up(daemon)
        ends = bout.cluster.log_ends(source)
        eventually(lambda ends=ends: bout.trial.committed() == ends, 30, "all is committed")
        had = read_topic(bout.cluster, source).records
        is_away = bout.rng.random() < 0.5
        if is_away:
            bout.stop(daemon)
        election.kill_leader()
        grows_at_once = validates_epochs(bout.environment)
        if grows_at_once:
            bout.begin_load()
        election.elect()
        gone = {partition: beyond_the_common(records, read_topic(bout.cluster, source).records[partition])
                for partition, records in had.items()}
        assert any(gone.values()), "the source has lost nothing: the test proves nothing"
        bout.gone_records.update(record for records in gone.values() for record in records)
        gaps += sum(map(bool, gone.values()))
        if is_away:
            daemon.start_ready()
        before = bout.evidence.count("log_gaps")
        daemon.await_pipeline(lambda p, gaps=gaps, before=before: before + p["log_gaps"] == gaps, f"{gaps} gaps are told",
                              timeout_s=90)
        if not grows_at_once:
            bout.begin_load()
        election.heal()
        bout.flow(1000)
    bout.expected_counters = {"log_gaps": gaps}


@fault()
def grown(bout):
    """source and target grow while records flow: the new partitions are read from their beginning"""
    daemon = bout.begin(from_properties=[*MEMBERSHIP, "topic.metadata.refresh.interval.ms=1000"])
    partitions = PARTITIONS
    for _ in range(bout.times(1, 3)):
        partitions += 3
        bout.load.stop()
        bout.cluster.grow_topic(bout.trial.target, partitions)
        bout.cluster.grow_topic(bout.trial.source, partitions)
        bout.begin_load(partitions=partitions)
        daemon.await_assigned(partitions)
        bout.flow(500)


@fault()
def aborted_transactions(bout):
    """a source full of aborted transactions, and SIGTERM in the middle: none of their records is relayed"""
    bout.load_class = TransactionalLoad
    daemon = bout.begin()
    for _ in range(bout.times(1, 5)):
        bout.wait(0, 1)
        bout.stop(daemon)
        daemon.start_ready()
        bout.flow(500)
    assert bout.load.aborted > 0, "nothing was aborted: the test proves nothing"


@fault(repeats=ANY, lost=COUNTED)
def not_authorised(bout):
    """the right to write to the target is taken away: it says so, stops, and goes on where it was when restarted"""
    daemon = bout.begin(through=bout.proxies().brokers)
    for _ in range(bout.times(1, 3)):
        deny_writing(bout.cluster, bout.trial.target)
        bout.afterwards(allow_writing, bout.cluster, bout.trial.target)
        reason = daemon.await_state("failed")["reason"]
        assert "AUTHORIZATION_FAILED" in reason and bout.trial.target in reason, reason
        assert daemon.get("/readyz")[0] == 503
        acked = daemon.counter("acked_records")
        holds_for(lambda: daemon.counter("acked_records") == acked, 1, "nothing is written", every_s=0.2)
        allow_writing(bout.cluster, bout.trial.target)
        bout.stop(daemon)
        daemon.start_ready()
        bout.flow(1000)
