"""Topics by regular expression, topics and partitions that appear later, and loops that only the clusters show."""

from confluent_kafka import Producer

from harness.config import brokers_of, relay
from harness.reader import read_topic
from harness.trial import ExactTrial, Trial
from harness.waiting import eventually, holds_for
from harness.workload import fill, small_record

# Looks at the topics every second.
QUICK_LOOK = ["topic.metadata.refresh.interval.ms=1000"]
CREATE = {"replication_factor": 1}


def keys(kafka, topic):
    """The keys of all records, in the order of each partition, partition by partition."""
    if not kafka.topic_exists(topic):
        return []
    return [int(record.key) for _, records in sorted(read_topic(kafka, topic).records.items())
            for record in records]


def await_keys(kafka, topic, expected, daemon):
    eventually(lambda: sorted(keys(kafka, topic)) == sorted(expected), 60,
               lambda: f"{topic} holds {len(expected)} records, not {len(keys(kafka, topic))}\n{daemon.log_tail()}",
               every_s=0.3)


def produce(kafka, topic, partitions, *numbers):
    fill(kafka.brokers, topic, map(small_record, range(*numbers)), partitions)


def test_what_the_whole_name_matches_is_relayed_and_what_comes_later_from_its_beginning(kafka, topic, aloqd):
    stem = topic("t")
    first = kafka.create_topic(f"{stem}-a", 2)
    others = [kafka.create_topic(name) for name in (f"{stem}-a.not", f"x{stem}-a", f"__{stem}-a")]
    for name in [first, *others]:
        produce(kafka, name, 1, 100)
    settings = relay(kafka, None, "copy.{topic}", sources=[f"^{stem}-[a-z]+"], group=topic("group"),
                     to_create=CREATE, from_start="latest", from_properties=QUICK_LOOK, to_cluster=None)
    daemon = aloqd(settings).start_ready()
    restarts = daemon.await_assigned(2)["restarts"]
    # The group starts now: `latest` for what is there, and never again.
    produce(kafka, first, 2, 100, 200)
    await_keys(kafka, f"copy.{first}", range(100, 200), daemon)

    later = kafka.create_topic(f"{stem}-later", 3)
    produce(kafka, later, 3, 300)
    await_keys(kafka, f"copy.{later}", range(300), daemon)
    assert len(kafka.partitions(f"copy.{later}")) == 3
    daemon.await_assigned(5)
    assert daemon.pipeline()["restarts"] == restarts, "a new subscription is enough"

    # Appears while nobody runs; the group remembers that it has started.
    assert daemon.terminate() == 0, daemon.log_tail()
    asleep = kafka.create_topic(f"{stem}-asleep", 1)
    produce(kafka, asleep, 1, 50)
    daemon.start_ready()
    await_keys(kafka, f"copy.{asleep}", range(50), daemon)
    produce(kafka, first, 2, 200, 250)
    await_keys(kafka, f"copy.{first}", range(100, 250), daemon)
    assert daemon.terminate() == 0, daemon.log_tail()
    for name in others:
        assert not kafka.topic_exists(f"copy.{name}"), name


def test_a_pattern_that_matches_nothing_yet_waits_and_then_misses_nothing(kafka, topic, aloqd):
    stem = topic("t")
    settings = relay(kafka, None, "copy.{topic}", sources=[f"^{stem}-.*"], group=topic("group"), to_create=CREATE,
                     from_start="latest", from_properties=QUICK_LOOK)
    daemon = aloqd(settings).start_ready()
    source = kafka.create_topic(f"{stem}-x", 1)
    produce(kafka, source, 1, 200)
    await_keys(kafka, f"copy.{source}", range(200), daemon)
    # It goes, and the pipeline goes on.
    kafka.delete_topic(source)
    other = kafka.create_topic(f"{stem}-y", 1)
    produce(kafka, other, 1, 100)
    await_keys(kafka, f"copy.{other}", range(100), daemon)
    daemon.await_assigned(1)
    daemon.await_ready()
    assert daemon.terminate() == 0, daemon.log_tail()


def test_a_topic_whose_target_is_missing_waits_alone(kafka, topic, aloqd):
    stem = topic("t")
    first = kafka.create_topic(f"{stem}-a", 1)
    kafka.create_topic(f"copy.{first}", 1)
    daemon = aloqd(relay(kafka, None, "copy.{topic}", sources=[f"^{stem}-.*"], group=topic("group"),
                         from_properties=QUICK_LOOK)).start_ready()
    second = kafka.create_topic(f"{stem}-b", 2)
    produce(kafka, second, 2, 100)
    reason = daemon.await_state("backing_off")["reason"]
    for word in (second, f"copy.{second}", "kafka-topics.sh", "--create", "--partitions 2"):
        assert word in reason, reason
    produce(kafka, first, 1, 100)
    await_keys(kafka, f"copy.{first}", range(100), daemon)
    kafka.create_topic(f"copy.{second}", 2)
    await_keys(kafka, f"copy.{second}", range(100), daemon)
    daemon.await_ready()
    assert daemon.terminate() == 0, daemon.log_tail()


def test_a_source_that_grows_has_its_target_widened_first(kafka, topic, aloqd):
    source, target = kafka.create_topic(topic("in"), 2), topic("out")
    produce(kafka, source, 2, 1000)
    daemon = aloqd(relay(kafka, source, target, to_create=CREATE, from_start="latest",
                         from_properties=QUICK_LOOK)).start_ready()
    daemon.await_assigned(2)
    kafka.grow_topic(source, 4)
    produce(kafka, source, 4, 1000, 2000)
    await_keys(kafka, target, range(1000, 2000), daemon)
    assert len(kafka.partitions(target)) == 4
    daemon.await_assigned(4)
    daemon.await_ready()
    assert daemon.terminate() == 0, daemon.log_tail()
    # Sorted lists were compared: nothing was repeated either.
    assert daemon.log_text().count("now has 4 partitions") == 1, daemon.log_text()


def test_a_source_that_grows_past_its_target_blocks_the_new_partitions_alone(kafka, topic, aloqd):
    trial = Trial(kafka, topic, 2)
    daemon = aloqd(trial.settings(from_properties=QUICK_LOOK)).start_ready()
    daemon.await_assigned(2)
    kafka.grow_topic(trial.source, 3)
    produce(kafka, trial.source, 3, 900)
    reason = daemon.await_state("blocked")["reason"]
    for word in (f"{trial.source} [2]", trial.target, "kafka-topics.sh", "--alter", "--partitions 3"):
        assert word in reason, reason
    eventually(lambda: sum(kafka.log_ends(trial.target).values()) == 600, 60, "the others go on")
    assert daemon.pipeline()["state"] == "blocked"
    kafka.grow_topic(trial.target, 3)
    daemon.await_ready()
    verdict = trial.finish(daemon)
    assert verdict.compared == 900 and verdict.kept_exactly(), verdict


def test_a_partition_that_waits_for_its_target_waits_on_when_its_position_is_looked_up_again(kafka, topic, aloqd):
    """Another client takes the transactional id: the transaction's end is unknown, and all partitions go back to what
    is committed."""
    trial = ExactTrial(kafka, topic, 2)
    daemon = aloqd(trial.settings(from_properties=QUICK_LOOK, commit={"interval": "5s"})).start_ready()
    daemon.await_assigned(2)
    kafka.grow_topic(trial.source, 3)
    daemon.await_state("blocked")
    restarts = daemon.pipeline()["restarts"]
    produce(kafka, trial.source, 3, 900)
    # All reports are in, and the transaction is open.
    eventually(lambda: daemon.counter("acked_records") == 600, 30, daemon.log_tail)
    Producer({"bootstrap.servers": kafka.brokers,
              "transactional.id": f"aloqd.relay.{daemon.name}.0"}).init_transactions(30)
    eventually(lambda: daemon.pipeline()["counters"]["transactions_unknown"] == 1, 60, daemon.log_tail)
    eventually(lambda: len(keys(kafka, trial.target)) == 600, 60, daemon.log_tail)
    assert daemon.await_state("blocked")["restarts"] == restarts, daemon.log_tail()
    kafka.grow_topic(trial.target, 3)
    daemon.await_ready()
    verdict = trial.finish(daemon)
    assert verdict.compared == 900 and verdict.kept_exactly(), verdict


def test_a_pattern_that_comes_to_match_what_leads_back_to_it_is_refused(kafka, topic, aloqd):
    """Two names of one cluster: only its id tells. No topic that is there at first leads back."""
    stem = topic("t")
    first = kafka.create_topic(f"{stem}-1", 1)
    here = relay(kafka, None, "there.{topic}", sources=[f"^{stem}-[0-9]"], group=topic("here"), name="here",
                 to_create=CREATE, from_properties=QUICK_LOOK)
    there = relay(kafka, None, f"{stem}-9", sources=[f"^there[.]{stem}-2"], group=topic("there"), name="there",
                  to_create=CREATE, from_properties=QUICK_LOOK)
    settings = {"aloqd": {}, "pipelines": {**here["pipelines"], **there["pipelines"]},
                "clusters": {**here["clusters"], "alias": {"brokers": brokers_of(kafka) + ",127.0.0.1:1"}}}
    settings["pipelines"]["there"]["from"]["cluster"] = settings["pipelines"]["there"]["to"]["cluster"] = "alias"
    produce(kafka, first, 1, 100)
    daemon = aloqd(settings).start_ready()
    await_keys(kafka, f"there.{first}", range(100), daemon)
    second = kafka.create_topic(f"{stem}-2", 1)
    produce(kafka, second, 1, 100)
    eventually(lambda: daemon.pipeline("here").get("state") == "failed", 45, daemon.log_tail)
    reason = daemon.pipeline("here")["reason"]
    for word in (f"{second} -> there.{second} (here)", f"there.{second} -> {stem}-9 (there)", "round for ever"):
        assert word in reason, reason
    assert daemon.pipeline("there")["state"] == "running"
    assert not kafka.topic_exists(f"there.{second}")
    assert daemon.terminate() == 0, daemon.log_tail()
    # What was relayed before is settled and committed.
    assert kafka.committed(topic("here"), first) == {0: 100}


def test_a_loop_of_names_through_one_cluster_with_two_names_is_refused(kafka, topic, aloqd):
    a, b = kafka.create_topic(topic("a"), 1), kafka.create_topic(topic("b"), 1)
    settings = relay(kafka, a, b, name="one", group=topic("one"))
    other = relay(kafka, b, a, name="two", group=topic("two"))
    settings["pipelines"]["two"] = other["pipelines"]["two"]
    settings["clusters"]["alias"] = {"brokers": brokers_of(kafka) + ",127.0.0.1:1"}
    for end in ("from", "to"):
        settings["pipelines"]["two"][end]["cluster"] = "alias"
    daemon = aloqd(settings).start()
    eventually(lambda: "failed" in [daemon.pipeline(name).get("state") for name in ("one", "two")], 45,
               daemon.log_tail)
    failed = next(p for p in map(daemon.pipeline, ("one", "two")) if p["state"] == "failed")
    assert "round for ever" in failed["reason"] and a in failed["reason"] and b in failed["reason"], failed
    produce(kafka, a, 1, 10)
    holds_for(lambda: sum(kafka.log_ends(a).values()) == 10, 2, "no record comes back")
    daemon.terminate()
