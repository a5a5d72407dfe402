"""Memory is bounded by configured bytes; an idle daemon idles."""

import re

from harness.trial import Trial
from harness.waiting import eventually, holds_for
from harness.workload import CREATED, EPOCH_MS, Record, fill, fill_mixed

MEMORY_MIB = 128

# What the process needs besides the records that aloqd.memory bounds: program and libraries, the threads'
# stacks, librdkafka's own structures, malloc's arenas.
ALLOWANCE_MIB = 96


def big_record(index, size_bytes):
    return Record(b"%d" % index, b"%09d" % index + b"\0" * (size_bytes - 9), (), CREATED, EPOCH_MS + index)


def test_a_backlog_of_1_gb_with_a_frozen_target_stays_in_bounds_and_resumes(kafka, far_kafka, topic, aloqd):
    trial = Trial(kafka, topic, 4, to=far_kafka)
    try:
        # 16,000 records of 64 KiB.
        fill(kafka.brokers, trial.source, (big_record(index, 65_536) for index in range(16_000)), 4,
             queue_buffering_max_kbytes=200_000)
        daemon = aloqd(trial.settings(aloqd_memory=f"{MEMORY_MIB}MiB")).start_ready()
        daemon.await_acked(200)
        far_kafka.freeze()
        try:
            # It fills its window and then stays there: full, and not one record more.
            daemon.await_pipeline(lambda p: p["held_records"] > 0, "records held")
            holds_for(lambda: daemon.status_kb("VmRSS") < (MEMORY_MIB + ALLOWANCE_MIB) * 1024, 8,
                      lambda: f"VmRSS is {daemon.status_kb('VmRSS')} kB")
            held = daemon.pipeline()
            assert held["held_bytes"] <= MEMORY_MIB << 20, held
            # What it waits for: the reports, until it is known that nobody answers.
            assert {partition["waits_for"] for partition in held["partitions"]} <= {"report", "target"}, held
            stuck = daemon.await_pipeline(lambda p: p["stuck"], "it is told that nothing moves")["stuck"]
            assert trial.source in stuck and "it waits for" in stuck, stuck
            assert held["partitions"][0]["waits_ms"] > 5000 and held["partitions"][0]["oldest_unsettled"] >= 0, held
            assert daemon.get("/livez")[0] == 200
        finally:
            far_kafka.thaw()
        trial.await_caught_up(daemon, timeout_s=120)
        peak_kb = daemon.status_kb("VmHWM")
        trial.stop_clean(daemon)
        assert peak_kb < (MEMORY_MIB + ALLOWANCE_MIB) * 1024, f"peak {peak_kb} kB"
        verdict = trial.verdict(digests=True)
        assert verdict.compared == 16_000 and verdict.kept_at_least_once(), verdict
    finally:
        kafka.delete_topic(trial.source)
        far_kafka.delete_topic(trial.target)


def test_many_small_records_stay_in_bounds(kafka, far_kafka, topic, aloqd):
    """Small ones are the hard case: each costs more than its bytes."""
    trial = Trial(kafka, topic, 8, to=far_kafka)
    fill(kafka.brokers, trial.source,
         (Record(None, b"%d" % index, (), CREATED, EPOCH_MS + index) for index in range(400_000)), 8)
    daemon = aloqd(trial.settings(aloqd_memory="32MiB")).start_ready()
    far_kafka.freeze()
    try:
        daemon.await_pipeline(lambda p: p["held_records"] > 0 or p["lag"] == 0, "records held")
        holds_for(lambda: daemon.status_kb("VmRSS") < (32 + ALLOWANCE_MIB) * 1024, 5,
                  lambda: f"VmRSS is {daemon.status_kb('VmRSS')} kB")
    finally:
        far_kafka.thaw()
    verdict = trial.finish(daemon)
    assert verdict.compared == 400_000 and verdict.kept_at_least_once(), verdict


def test_headers_count_in_what_is_held(kafka, far_kafka, topic, aloqd):
    """Whoever writes the source chooses where the bytes are; librdkafka counts those of values alone."""
    trial = Trial(kafka, topic, 8, to=far_kafka)
    fill(kafka.brokers, trial.source,
         (Record(None, b"%d" % index, (("h", b"\0" * 60_000),), CREATED, EPOCH_MS + index) for index in range(1000)), 8)
    daemon = aloqd(trial.settings(aloqd_memory="32MiB")).start_ready()
    far_kafka.freeze()
    try:
        daemon.await_pipeline(lambda p: p["held_records"] > 10, "records held")
        for pipeline in (daemon.pipeline() for _ in range(10)):
            assert pipeline["held_records"] * 60_000 < pipeline["held_bytes"] <= 32 << 20, pipeline
    finally:
        far_kafka.thaw()
    trial.stop_clean(daemon)


def test_large_records_in_many_partitions_are_warned_of_where_they_need_more_than_the_share(kafka, topic, aloqd):
    warning = r"64 source partitions .* 3000000 bytes .* 183 MiB, .* 32 MiB of aloqd\.memory"
    large = Trial(kafka, topic, 64, max_message_bytes=3_000_000)
    daemon = aloqd(large.settings(aloqd_memory="32MiB")).start_ready()
    assert re.search(warning, daemon.log_text()), daemon.log_tail()
    large.stop_clean(daemon)
    daemon = aloqd(large.settings(aloqd_memory="192MiB")).start_ready()
    assert "max.message.bytes" not in daemon.log_text(), daemon.log_tail()
    large.stop_clean(daemon)


def test_large_records_in_many_partitions_stay_in_bounds(kafka, far_kafka, topic, aloqd):
    """One record of each would be 186 MB; they take turns."""
    trial = Trial(kafka, topic, 64, to=far_kafka, max_message_bytes=3_000_000)
    try:
        fill(kafka.brokers, trial.source, (big_record(index, 2_900_000) for index in range(128)), 64,
             message_max_bytes=3_000_000, queue_buffering_max_kbytes=100_000)
        daemon = aloqd(trial.settings(aloqd_memory="32MiB")).start_ready()
        daemon.await_acked(1)
        far_kafka.freeze()
        try:
            holds_for(lambda: daemon.status_kb("VmRSS") < (32 + ALLOWANCE_MIB) * 1024, 5,
                      lambda: f"VmRSS is {daemon.status_kb('VmRSS')} kB")
        finally:
            far_kafka.thaw()
        trial.await_caught_up(daemon, timeout_s=120)
        peak_kb = daemon.status_kb("VmHWM")
        trial.stop_clean(daemon)
        assert peak_kb < (32 + ALLOWANCE_MIB) * 1024, f"peak {peak_kb} kB"
        assert "take turns to fetch" in daemon.log_text()
        verdict = trial.verdict(digests=True)
        assert verdict.compared == 128 and verdict.kept_at_least_once(), verdict
    finally:
        kafka.delete_topic(trial.source)
        far_kafka.delete_topic(trial.target)


def test_an_idle_daemon_uses_next_to_no_cpu(kafka, topic, aloqd):
    trial = Trial(kafka, topic, 6)
    fill_mixed(kafka.brokers, trial.source, 600, 6)
    daemon = aloqd(trial.settings()).start_ready()
    trial.await_caught_up(daemon)
    eventually(lambda: trial.committed() == kafka.log_ends(trial.source), 10, "everything committed")
    before = daemon.cpu_s()
    holds_for(lambda: daemon.process.poll() is None, 5, "it runs", every_s=1)
    used = daemon.cpu_s() - before
    assert used < 0.15, f"{used} s of CPU in 5 s of idleness"
    trial.stop_clean(daemon)


def test_a_slow_partition_holds_back_only_itself(kafka, topic, aloqd):
    """A blocked partition's backlog does not use up the window of the others."""
    trial = Trial(kafka, topic, 2)
    kafka.alter_topic(trial.target, max_message_bytes=50_000)
    poison = Record(b"large", b"x" * 100_000, (), CREATED, EPOCH_MS - 1)
    records = [big_record(index, 1000) for index in range(100_000)]
    records[0] = poison
    fill(kafka.brokers, trial.source, records, 2)
    daemon = aloqd(trial.settings(aloqd_memory="32MiB")).start()
    daemon.await_state("blocked")
    end = kafka.log_ends(trial.source)[1]
    daemon.await_pipeline(lambda p: any(q["partition"] == 1 and q["mark"] == end for q in p["partitions"]),
                          "the other partition goes on to its end")
    daemon.terminate()
