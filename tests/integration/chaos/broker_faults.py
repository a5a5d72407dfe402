"""Brokers restart, freeze, fall short of replicas or of disk; leaders and coordinators move."""

import os
import shutil
import subprocess

from harness.waiting import eventually, holds_for

from .kafka_tools import coordinator, move_leaders, transactional_ids
from .promise import COUNTED, EXACTLY_ONCE, fault


def in_any_order(bout):
    return bout.rng.sample(range(1, bout.cluster.nodes + 1), bout.cluster.nodes)


def restart_each(bout, hard):
    bout.begin()
    for _ in range(bout.times(1, 2)):
        for node in in_any_order(bout):
            bout.wait(0, 1)
            bout.cluster.stop_node(node, hard)
            bout.wait(0, bout.times(1, 8))
            bout.cluster.start_node(node)
            bout.flow(500)


@fault(repeats=COUNTED, lost=COUNTED)
def brokers_restarted(bout):
    """each broker in turn is stopped cleanly and comes back"""
    restart_each(bout, hard=False)


@fault(repeats=COUNTED, lost=COUNTED)
def brokers_killed(bout):
    """each broker in turn is killed with -9 and comes back"""
    restart_each(bout, hard=True)


@fault(repeats=COUNTED, lost=COUNTED)
def leaders_moved(bout):
    """the leaders of source and target are moved again and again"""
    bout.begin()
    for _ in range(bout.times(1, 5)):
        for topic in (bout.trial.source, bout.trial.target):
            move_leaders(bout.cluster, topic, bout.rng)
        bout.flow(500)


def kill_coordinators(bout, find):
    bout.begin()
    for _ in range(bout.times(1, 4)):
        bout.wait(0, 1)
        node = find()
        bout.cluster.stop_node(node, hard=True)
        bout.flow(500)
        bout.cluster.start_node(node)
        bout.flow(500)


@fault(repeats=COUNTED, lost=COUNTED)
def group_coordinator_killed(bout):
    """the broker that coordinates the group is killed with -9"""
    kill_coordinators(bout, lambda: coordinator(bout.cluster, "__consumer_offsets", bout.trial.group))


@fault(deliveries=(EXACTLY_ONCE,))
def transaction_coordinator_killed(bout):
    """the broker that coordinates the transactions is killed with -9"""
    def find():
        (node,) = [node for name, node in transactional_ids(bout.cluster).items() if ".first." in name]
        return node
    kill_coordinators(bout, find)


@fault(repeats=COUNTED, lost=COUNTED)
def one_frozen(bout):
    """one of three brokers frozen: once it is out of the in-sync set, records flow without it"""
    bout.begin()
    for _ in range(bout.times(1, 4)):
        node = bout.rng.randrange(1, bout.cluster.nodes + 1)
        bout.cluster.freeze(node)
        bout.afterwards(bout.cluster.thaw, node)
        bout.flow(500)
        bout.cluster.thaw(node)
        bout.flow(500)


@fault(repeats=COUNTED, lost=COUNTED)
def two_frozen(bout):
    """two of three brokers frozen"""
    bout.begin()
    for _ in range(bout.times(1, 2)):
        nodes = in_any_order(bout)[:2]
        for node in nodes:
            bout.cluster.freeze(node)
            bout.afterwards(bout.cluster.thaw, node)
        bout.wait(*bout.times((12, 12), (45, 45)))
        for node in nodes:
            bout.cluster.thaw(node)
        bout.flow(1000, timeout_s=120)


@fault(repeats=COUNTED, lost=COUNTED)
def in_sync_replicas_too_few(bout):
    """the target lacks in-sync replicas for a while: it waits within its memory, and resumes by itself"""
    bout.cluster.alter_topic(bout.trial.target, min_insync_replicas=bout.cluster.nodes)
    daemon = bout.begin(aloqd_memory="64MiB")
    node = bout.rng.randrange(1, bout.cluster.nodes + 1)
    bout.cluster.stop_node(node)
    eventually(lambda: daemon.pipeline().get("in_flight_records", 0) > 0 and acks_rest(daemon), 30,
               lambda: f"it waits: {daemon.brief()}")
    acked, bound_kb = daemon.counter("acked_records"), (64 + 96) * 1024
    holds_for(lambda: daemon.counter("acked_records") == acked and daemon.status_kb("VmRSS") < bound_kb,
              bout.times(5, 120), lambda: f"{daemon.brief()}, VmRSS {daemon.status_kb('VmRSS')} kB", every_s=0.5)
    bout.cluster.start_node(node)
    bout.flow(1000)


def acks_rest(daemon):
    """No record has been acknowledged for half a second."""
    acked = daemon.counter("acked_records")
    try:
        holds_for(lambda: daemon.counter("acked_records") == acked, 0.5, "rest")
    except AssertionError:
        return False
    return True


def why_no_small_disk():
    return None if os.geteuid() == 0 and shutil.which("mount") else "only root may mount a small disk"


def copy_log(here, there):
    """Kafka's indexes are files of 10 MB with next to nothing in them: they stay sparse."""
    subprocess.run(["cp", "-a", "--sparse=always", f"{here}/.", there], check=True)


@fault(repeats=COUNTED, lost=COUNTED, needs=why_no_small_disk)
def disk_full(bout):
    """the disk of a broker is full: it dies, and comes back when there is room"""
    node = bout.rng.randrange(1, bout.cluster.nodes + 1)
    log = bout.cluster.node_directory(node) / "log"
    big, ballast = log.with_name("log.on-the-big-disk"), log / "ballast"
    bout.cluster.stop_node(node)
    log.rename(big)
    log.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=256m", "tmpfs", log], check=True)

    def back_to_the_big_disk():
        bout.cluster.stop_node(node, hard=True)
        ballast.unlink(missing_ok=True)
        shutil.rmtree(big)
        big.mkdir()
        copy_log(log, big)
        subprocess.run(["umount", log], check=True)
        log.rmdir()
        big.rename(log)
    bout.afterwards(back_to_the_big_disk)
    copy_log(big, log)
    bout.cluster.start_node(node)
    bout.begin()
    # All the rest of it is taken: the broker meets the end of its disk while it writes.
    subprocess.run(["dd", "if=/dev/zero", f"of={ballast}", "bs=1M"], stderr=subprocess.DEVNULL, check=False)
    eventually(lambda: bout.cluster.states()[node] == "stopped", 60, "the broker has met the end of its disk",
               every_s=0.2)
    bout.flow(1000)
    ballast.unlink()
    bout.cluster.start_node(node)
    bout.flow(1000)


@fault()
def down_at_start(bout):
    """all brokers are down when aloqd starts: it waits, backs off, is not ready, and then relays"""
    bout.begin_load()
    eventually(lambda: bout.load.delivery.delivered > 500, 30, "a backlog")
    bout.cluster.script("stop")
    daemon = bout.instance("first").start()
    daemon.await_state("backing_off")
    assert daemon.get("/readyz")[0] == 503 and daemon.get("/livez")[0] == 200
    bout.wait(*bout.times((1, 3), (10, 60)))
    bout.cluster.script("start")
    daemon.await_ready(90)
