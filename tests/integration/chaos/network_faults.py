"""Connections break, slow down, swallow: by a proxy in front of every node."""

from harness.waiting import eventually, holds_for
from harness.workload import CREATED, EPOCH_MS, Record

from .bout import MEMBERSHIP
from .promise import COUNTED, fault

# Requests that are not answered are given up sooner than by default, so that a fault is over sooner.
IMPATIENT = ["socket.timeout.ms=4000"]


@fault()
def resets(bout):
    """every connection is reset, again and again"""
    proxies = bout.proxies()
    bout.begin(through=proxies.brokers)
    for _ in range(bout.times(6, 20)):
        bout.wait(0.1, 1)
        proxies.reset_all()
        bout.flow(300)


@fault()
def delay(bout):
    """every answer is late"""
    proxies = bout.proxies()
    bout.begin(through=proxies.brokers)
    for _ in range(bout.times(1, 5)):
        proxies.set(delay_s=bout.rng.uniform(0.05, 0.4))
        bout.flow(1000)
    proxies.set(delay_s=0)


def network_gone(bout, fault_name):
    proxies = bout.proxies()
    daemon = bout.begin(through=proxies.brokers, from_properties=[*MEMBERSHIP, *IMPATIENT],
                        to_properties=[*IMPATIENT, "request.timeout.ms=3000"])
    for _ in range(bout.times(1, 4)):
        # One node's network, two nodes', or all.
        some = bout.rng.sample(proxies.each, bout.rng.randrange(1, len(proxies.each) + 1))
        for proxy in some:
            proxy.set(**{fault_name: True})
        bout.wait(*bout.times((6, 8), (5, 40)))
        assert daemon.process.poll() is None, daemon.log_tail()
        for proxy in some:
            proxy.set(**{fault_name: False})
        bout.flow(1000, timeout_s=120)


@fault(repeats=COUNTED, lost=COUNTED)
def blackhole(bout):
    """what is sent vanishes on the way, while what comes still comes"""
    network_gone(bout, "swallowing")


@fault(repeats=COUNTED, lost=COUNTED)
def answers_lost(bout):
    """what is asked arrives, and no answer comes back"""
    network_gone(bout, "deafening")


@fault(repeats=COUNTED, lost=COUNTED)
def standstill(bout):
    """connections stay and nothing moves on them"""
    network_gone(bout, "frozen")


@fault(repeats=COUNTED, lost=COUNTED)
def slow_target(bout):
    """a slow target and a backlog of large records: memory stays in its bounds"""
    memory_mib, allowance_mib = 64, 96
    bout.rate = 200
    bout.make_record = lambda index: Record(b"%d" % index, b"%09d" % index + b"\0" * 30_000, (), CREATED,
                                            EPOCH_MS + index)
    bout.begin_load()
    eventually(lambda: bout.load.delivery.delivered > bout.times(1500, 3000), 120, "a backlog")
    proxies = bout.proxies()
    proxies.set(delay_s=0.2)
    daemon = bout.instance("first", through=proxies.brokers, aloqd_memory=f"{memory_mib}MiB").start()
    daemon.await_ready(120)
    holds_for(lambda: daemon.status_kb("VmRSS") < (memory_mib + allowance_mib) * 1024, bout.times(5, 30),
              lambda: f"VmRSS is {daemon.status_kb('VmRSS')} kB", every_s=0.1)
    proxies.set(delay_s=0)
    bout.flow(500)
    peak_kb = daemon.status_kb("VmHWM")
    assert peak_kb < (memory_mib + allowance_mib) * 1024, f"peak {peak_kb} kB"
