"""aloqd is stopped, killed, frozen, stalled, starved; its clock is moved; members come and go."""

import resource
import time

from harness.library import why_not_cooperative
from harness.waiting import eventually, holds_for

from .bout import PARTITIONS
from .clock import MovableClock, why_no_clock
from .promise import ANY, COUNTED, FROM_COMMITS, fault
from .stall import pipeline_thread, stalled_thread, why_no_stall


@fault()
def sigterm(bout):
    """SIGTERM under load: a clean end each time"""
    daemon = bout.begin()
    for _ in range(bout.times(3, 10)):
        bout.wait(0, 1)
        bout.stop(daemon)
        daemon.start_ready()
        bout.flow(500)


@fault(repeats=FROM_COMMITS, lost=ANY)
def kill_9(bout):
    """kill -9 at random moments"""
    daemon = bout.begin()
    for _ in range(bout.times(4, 10)):
        bout.wait(0, 1.5)
        bout.kill(daemon)
        daemon.start()
        bout.flow(500)


@fault(repeats=ANY, lost=ANY)
def takeover_from_the_killed(bout):
    """kill -9 of one of two instances, which comes back"""
    bout.begin()
    bout.instance("second").start_ready().await_assigned(PARTITIONS // 2)
    for _ in range(bout.times(1, 4)):
        victim = bout.rng.choice(bout.instances)
        survivor = next(one for one in bout.instances if one is not victim)
        bout.wait(0, 1)
        bout.kill(victim)
        survivor.await_assigned(PARTITIONS)
        bout.flow(500)
        victim.start_ready().await_assigned(PARTITIONS // 2)
        bout.flow(500)


def taken_over_meanwhile(bout, first, absence):
    """While the first cannot act, the second takes all over. The first comes back, and commits nothing late.
    Returns the second."""
    with absence:
        second = bout.instance("second").start_ready()
        second.await_assigned(PARTITIONS, timeout_s=60)
        bout.flow(2000)
        committed = bout.trial.committed()
    first.await_assigned(PARTITIONS // 2)
    second.await_assigned(PARTITIONS // 2)
    back = bout.committed_below(committed)
    assert not back, f"committed offsets have gone back (before, now): {back}"
    bout.flow(1000)
    return second


class Frozen:
    """SIGSTOP, and SIGCONT at the end."""

    def __init__(self, daemon):
        self.daemon = daemon

    def __enter__(self):
        self.daemon.freeze()

    def __exit__(self, *exception):
        self.daemon.thaw()


@fault(repeats=ANY, lost=COUNTED, stalled_owner=True)
def frozen(bout):
    """aloqd frozen beyond its session while another one takes over"""
    first = bout.begin()
    for _ in range(bout.times(1, 3)):
        second = taken_over_meanwhile(bout, first, Frozen(first))
        bout.stop(second)
        first.await_assigned(PARTITIONS)


@fault(repeats=ANY, lost=COUNTED, stalled_owner=True, needs=why_no_stall)
def stalled(bout):
    """the pipeline's thread stopped beyond max.poll.interval.ms, while heartbeats go on"""
    first = bout.begin()
    for turn in range(bout.times(1, 3)):
        second = taken_over_meanwhile(bout, first, stalled_thread(pipeline_thread(first)))
        lost = first.pipeline()["counters"]["lost_partitions"]
        assert lost >= PARTITIONS * (turn + 1), f"it holds for its own what another one had: {lost} lost partitions"
        bout.stop(second)
        first.await_assigned(PARTITIONS)


@fault()
def members(bout):
    """members join and leave every few seconds"""
    first = bout.begin()
    for turn in range(bout.times(3, 12)):
        guest = bout.instance(f"guest-{turn}").start_ready()
        guest.await_assigned(PARTITIONS // 2)
        bout.wait(0, 2)
        bout.stop(guest)
        first.await_assigned(PARTITIONS)
        bout.flow(300)


@fault(needs=why_not_cooperative)
def members_cooperative(bout):
    """the same in a group that rebalances cooperatively: what stays with a member is read on"""
    bout.rebalance_cooperatively()
    members(bout)


@fault(repeats=ANY, lost=ANY)
def members_crash(bout):
    """members join every few seconds, and half of them leave by kill -9"""
    bout.begin()
    for turn in range(bout.times(3, 12)):
        bout.instance(f"guest-{turn}").start()
        bout.wait(0, 3)
        leaver = bout.rng.choice(bout.running())
        if bout.rng.random() < 0.5:
            bout.kill(leaver)
        else:
            bout.stop(leaver.await_ready(90))
        bout.flow(300)


@fault(repeats=ANY, lost=ANY, needs=why_not_cooperative)
def members_crash_cooperative(bout):
    """the same in a group that rebalances cooperatively"""
    bout.rebalance_cooperatively()
    members_crash(bout)


@fault(repeats=ANY, lost=COUNTED, stalled_owner=True, needs=why_not_cooperative)
def frozen_cooperative(bout):
    """aloqd frozen beyond its session in a group that rebalances cooperatively"""
    bout.rebalance_cooperatively()
    frozen(bout)


def why_no_cooperative_stall():
    return why_no_stall() or why_not_cooperative()


@fault(repeats=ANY, lost=COUNTED, stalled_owner=True, needs=why_no_cooperative_stall)
def stalled_cooperative(bout):
    """the pipeline's thread stopped in a group that rebalances cooperatively, while heartbeats go on"""
    bout.rebalance_cooperatively()
    stalled(bout)


# librdkafka's threads wait until times on the wall clock: one that goes back makes them wait longer, until something
# wakes them, and the membership may be lost over it.
@fault(repeats=COUNTED, lost=COUNTED, needs=why_no_clock)
def clock_moved(bout):
    """the clock moved an hour forward, back, and back again"""
    clock = MovableClock()
    bout.afterwards(clock.close)
    bout.begin_load()
    daemon = bout.instance("first")
    daemon.environment = clock.environment
    daemon.start_ready()
    for ahead_s in bout.times((3600, 0), (3600, 0, -3600, 0)):
        bout.flow(500)
        clock.move_to(ahead_s)
        # Longer than the session, so that what the moved clock stalls shows.
        holds_for(lambda: daemon.process.poll() is None, bout.times(8, 15), "it runs on", every_s=0.5)
        bout.flow(500, timeout_s=60)


# Without connections for longer than its session, on a busy machine, it loses its place in the group.
@fault(repeats=COUNTED, lost=COUNTED)
def files_used_up(bout):
    """no file descriptor is left when all connections break"""
    proxies = bout.proxies()
    daemon = bout.begin(through=proxies.brokers)
    for _ in range(bout.times(1, 3)):
        files, usual = daemon.open_files(), resource.prlimit(daemon.process.pid, resource.RLIMIT_NOFILE)
        # It keeps what it has, but for the connections: those break, and there are no new ones.
        resource.prlimit(daemon.process.pid, resource.RLIMIT_NOFILE, (8, usual[1]))
        proxies.reset_all()
        eventually(lambda: daemon.open_files() <= files - 3, 20, "its connections are gone")
        cpu_s, began_s = daemon.cpu_s(), time.monotonic()
        bout.wait(2, 4)
        assert daemon.process.poll() is None, daemon.log_tail()
        assert daemon.cpu_s() - cpu_s < (time.monotonic() - began_s) / 2, "it spins while it cannot connect"
        resource.prlimit(daemon.process.pid, resource.RLIMIT_NOFILE, usual)
        bout.flow(1000)
