"""Brokers that stop, start, freeze; networks that delay, reset and swallow. Everything heals by itself."""

import pytest

from harness.cluster import free_port
from harness.config import relay
from harness.trial import Trial
from harness.waiting import eventually, holds_for
from harness.workload import Load, fill, fill_mixed, small_record

PARTITIONS = 6


@pytest.mark.parametrize("hard", [False, True], ids=["clean", "hard"])
def test_a_broker_restarted_under_load_loses_nothing(kafka, topic, aloqd, hard):
    trial = Trial(kafka, topic, PARTITIONS)
    daemon = aloqd(trial.settings())
    with Load(kafka.brokers, trial.source, PARTITIONS, rate=5000):
        daemon.start_ready()
        daemon.await_acked(5000)
        kafka.restart(hard=hard)
        daemon.await_acked(10_000)
    trial.await_caught_up(daemon)
    pipeline = daemon.pipeline()
    trial.stop_clean(daemon)
    verdict = trial.verdict()
    assert verdict.kept_at_least_once(), verdict
    assert_repeats_have_a_cause(verdict, pipeline)


def assert_repeats_have_a_cause(verdict, pipeline):
    """While the daemon keeps its assignment and its producer, nothing is repeated."""
    counters = pipeline["counters"]
    causes = {name: counters[name] for name in ("lost_partitions", "sink_recreations", "revoke_timeouts")}
    causes["restarts"] = pipeline["restarts"]
    assert verdict.repeated == 0 or any(causes.values()), (verdict, causes)


def test_a_broker_that_is_down_at_the_start_is_waited_for(kafka, topic, aloqd):
    trial = Trial(kafka, topic, 3)
    fill_mixed(kafka.brokers, trial.source, 3000, 3)
    kafka.stop_node()
    try:
        daemon = aloqd(trial.settings()).start()
        pipeline = daemon.await_state("backing_off")
        assert pipeline["reason"], pipeline
        assert daemon.get("/readyz")[0] == 503 and daemon.get("/livez")[0] == 200
    finally:
        kafka.start_node()
    daemon.await_ready()
    assert trial.finish(daemon).kept_exactly()


def test_sigterm_ends_a_daemon_that_never_reached_its_broker(aloqd):
    daemon = aloqd(relay(f"127.0.0.1:{free_port()}", "in", "out")).start()
    daemon.await_state("backing_off")
    assert daemon.terminate() == 0


def test_a_pipeline_in_trouble_leaves_the_others_alone(kafka, topic, aloqd):
    trial = Trial(kafka, topic, 3)
    settings = trial.settings()
    settings["clusters"]["nowhere"] = {"brokers": f"127.0.0.1:{free_port()}"}
    settings["pipelines"]["unlucky"] = {"from": {"cluster": "nowhere", "topics": ["in"]},
                                        "to": {"cluster": "nowhere", "topic": "out"}}
    fill_mixed(kafka.brokers, trial.source, 3000, 3)
    daemon = aloqd(settings).start()
    eventually(lambda: daemon.pipeline("unlucky").get("state") == "backing_off", 30, "unlucky backs off")
    eventually(lambda: daemon.pipeline("relay").get("state") == "running", 30, "relay runs")
    assert trial.finish(daemon).kept_exactly()


@pytest.mark.parametrize("side", ["source", "target"])
def test_a_frozen_cluster_shows_in_the_state_though_nothing_is_under_way(kafka, far_kafka, topic, aloqd, side):
    """Its connections stay open and nothing fails: an idle pipeline would learn of it after a minute."""
    ends = (far_kafka, kafka) if side == "source" else (kafka, far_kafka)
    trial = Trial(ends[0], topic, 1, to=ends[1])
    fill(ends[0].brokers, trial.source, [small_record(index) for index in range(10)], 1)
    daemon = aloqd(trial.settings()).start_ready()
    trial.await_caught_up(daemon)
    holds_for(lambda: daemon.pipeline()["state"] == "running", 5, "an idle pipeline runs", every_s=0.5)
    far_kafka.freeze()
    try:
        daemon.await_pipeline(lambda p: p["state"] == "backing_off" and f'{side} cluster "{side}"' in p["reason"],
                              "the state says which cluster does not answer", timeout_s=20)
    finally:
        far_kafka.thaw()
    daemon.await_state("running")
    assert trial.finish(daemon).kept_exactly()


# ---- the network ----

def test_resets_lose_nothing(kafka, proxy, topic, aloqd):
    trial = Trial(kafka, topic, PARTITIONS)
    through = f"127.0.0.1:{kafka.proxied_port}"
    daemon = aloqd(trial.settings(from_brokers=through, to_brokers=through))
    with Load(kafka.brokers, trial.source, PARTITIONS, rate=5000):
        daemon.start_ready()
        for _ in range(8):
            daemon.await_acked(2000)
            proxy.reset_all()
        daemon.await_acked(2000)
    verdict = trial.finish(daemon)
    assert verdict.kept_at_least_once(), verdict
    # Idempotence: what was on the wire is not written twice, and the membership outlives a connection.
    assert verdict.repeated == 0, (verdict, daemon.log_tail())


def test_a_slow_network_keeps_everything(kafka, proxy, topic, aloqd):
    trial = Trial(kafka, topic, PARTITIONS)
    through = f"127.0.0.1:{kafka.proxied_port}"
    fill_mixed(kafka.brokers, trial.source, 20_000, PARTITIONS)
    proxy.set(delay_s=0.1)
    daemon = aloqd(trial.settings(from_brokers=through, to_brokers=through)).start_ready(90)
    verdict = trial.finish(daemon)
    assert verdict.kept_exactly(), verdict


@pytest.mark.parametrize("fault", ["frozen", "swallowing", "deafening"])
def test_a_network_that_stops_is_outlived(kafka, proxy, topic, aloqd, fault):
    """The target's network is gone for longer than a request may take; the source is untouched."""
    trial = Trial(kafka, topic, 3)
    daemon = aloqd(trial.settings(to_brokers=f"127.0.0.1:{kafka.proxied_port}",
                                  to_properties=["socket.timeout.ms=2000", "request.timeout.ms=1500"]))
    with Load(kafka.brokers, trial.source, 3, rate=2000):
        daemon.start_ready().await_acked(2000)
        proxy.set(**{fault: True})
        acked = daemon.counter("acked_records")
        eventually(lambda: daemon.counter("acked_records") - acked < 5000 and
                   daemon.pipeline()["in_flight_records"] > 0, 10, "records in flight")
        holds_for(lambda: daemon.process.poll() is None, 5, "it waits", every_s=0.5)
        proxy.set(**{fault: False})
        daemon.await_acked(5000)
    verdict = trial.finish(daemon)
    assert verdict.kept_at_least_once(), verdict
    assert verdict.repeated == 0, (verdict, daemon.log_tail())



def test_broker_restarts_leak_neither_files_nor_threads(kafka, topic, aloqd):
    trial = Trial(kafka, topic, 2)
    daemon = aloqd(trial.settings()).start_ready()

    def relay_a_little(round_number):
        first = 100 * round_number
        fill(kafka.brokers, trial.source, map(small_record, range(first, first + 100)), 2)
        trial.await_caught_up(daemon)

    # What the first faults set up for good (threads for a coordinator, sockets) is not a leak.
    for round_number in range(2):
        kafka.restart()
        relay_a_little(round_number)
    files, threads = daemon.open_files(), daemon.threads()
    for round_number in range(2, 6):
        kafka.restart()
        relay_a_little(round_number)
    eventually(lambda: daemon.open_files() <= files + 2 and daemon.threads() <= threads, 20,
               lambda: f"{files} files and {threads} threads before, {daemon.open_files()} and "
                       f"{daemon.threads()} after")
    # A member again: one whose session ended with the broker commits nothing more, and its drain is not clean.
    eventually(lambda: trial.committed() == kafka.log_ends(trial.source), 30, daemon.brief)
    assert trial.finish(daemon).kept_at_least_once()


def test_a_damaged_batch_of_the_source_is_not_passed_over(kafka, topic, aloqd):
    """librdkafka says that it is damaged, and goes on behind it."""
    trial = Trial(kafka, topic)
    for index in range(3):
        fill(kafka.brokers, trial.source, [small_record(index)], 1)
    log = kafka.node_directory(1) / "log" / f"{trial.source}-0" / "00000000000000000000.log"

    at = log.read_bytes().index(small_record(1).value)

    def flip():
        kafka.stop_node()
        data = bytearray(log.read_bytes())
        data[at] ^= 1
        log.write_bytes(data)
        kafka.start_node()
    flip()
    daemon = aloqd(trial.settings()).start()
    partition = daemon.await_pipeline(lambda p: p["state"] == "blocked", "it is not passed over")["partitions"][0]
    error = partition["error"]
    assert "the batch at offset 1 cannot be read" in error and "CRC" in error, error
    assert partition["waits_for"] == "person" and partition["last_error"] == error, partition
    assert daemon.terminate() == 0
    assert trial.committed() == {0: 1}
    flip()
    verdict = trial.finish(daemon.start_ready())
    assert verdict.kept_exactly(), verdict
