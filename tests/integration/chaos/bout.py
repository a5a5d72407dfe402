"""One fault against one delivery: topics of its own, a load all the while, daemons, the fault, and at the end
every record of source and target compared."""

import contextlib
import random
import re
import time

from harness.aloqd import Aloqd
from harness.checker import Place, compare
from harness.cluster import AS_RELAY
from harness.library import COOPERATIVE, cooperative_environment
from harness.proxy import Proxies
from harness.reader import read_topic
from harness.trial import CommitAudit, Trial
from harness.waiting import eventually
from harness.workload import Load, mixed_record

from .promise import AT_LEAST_ONCE, FAULTS, Evidence, broken_promises

PARTITIONS = 6

# An instance that is killed or frozen is missed after 6 s; one that does not poll, after 10.
MEMBERSHIP = ["session.timeout.ms=6000", "heartbeat.interval.ms=1000", "max.poll.interval.ms=10000"]


class Bout:
    """What a fault works with. All that is random comes from `rng`, whose seed names the bout."""

    def __init__(self, cluster, fault, delivery, seed, *, whole=False):
        self.cluster, self.fault, self.delivery, self.whole = cluster, fault, delivery, whole
        self.rng = random.Random(f"{seed} {fault.name} {delivery}")
        name = f"{fault.name}.{delivery}.{self.rng.randrange(1 << 32):08x}"
        self.trial = Trial(cluster, lambda end: f"{name}.{end}", PARTITIONS)
        self.rate = 1000
        self.load, self.load_class = None, Load
        self.instances = []
        self.evidence = Evidence()
        self.source_records = None  # what should be in the target, where that is not all of the source
        self.gone_records = set()  # what the source has lost: it is in the target, or not
        self.expected_counters = {}
        self.membership, self.environment = MEMBERSHIP, {}
        self._record_seed = self.rng.randrange(1 << 30)
        self._healing = contextlib.ExitStack()
        self._audit = None

    # ---- for the faults ----

    def times(self, short, whole):
        """How often, in the short form and in the whole one."""
        return whole if self.whole else short

    def begin(self, **settings):
        """The load, and the first instance, which relays when this returns."""
        self.begin_load()
        first = self.instance("first", **settings).start_ready()
        self.flow(500)
        return first

    def begin_load(self, partitions=PARTITIONS):
        """A second one goes on with the numbers of the first, which has been stopped."""
        first = self.load.first + self.load.produced if self.load else 0
        self.load = self._healing.enter_context(
            self.load_class(self.cluster.brokers, self.trial.source, partitions, self.rate, self.make_record, first))

    def make_record(self, index):
        return mixed_record(self._record_seed, index)

    def rebalance_cooperatively(self):
        """All instances from now on."""
        self.membership, self.environment = [*MEMBERSHIP, COOPERATIVE], cooperative_environment()

    def instance(self, name, through=None, **settings):
        """A daemon, not started. `through`: proxies before the guarded listener."""
        settings = {"from_properties": self.membership, "revoke_timeout": "6s", **settings}
        made = self.trial.settings(delivery=self.delivery, **settings)
        main = {"brokers": through, "properties": AS_RELAY} if through else {"brokers": self.cluster.brokers}
        made["clusters"] = {"main": main}
        for end in ("from", "to"):
            made["pipelines"]["relay"][end]["cluster"] = "main"
        self.instances.append(Aloqd(made, name))
        self.instances[-1].environment.update(self.environment)
        return self.instances[-1]

    def running(self):
        """The instances that can answer."""
        return [one for one in self.instances
                if one.process is not None and one.process.poll() is None and not one.is_frozen()]

    def proxies(self):
        """In front of every node; gone at the end of the bout."""
        made = Proxies(self.cluster)
        self._healing.callback(made.close)
        return made

    def afterwards(self, undo, *arguments):
        """Whatever becomes of the bout, this is done at its end; the last first."""
        self._healing.callback(undo, *arguments)

    def wait(self, shortest_s, longest_s):
        """Part of a fault: how long it lasts, or when it comes. Never for something that could be waited for: a bout
        that goes on after it waits on conditions (flow, await_...), and a seed repeats the time."""
        time.sleep(self.rng.uniform(shortest_s, longest_s))

    def flow(self, records, timeout_s=90):
        """So many more records are acknowledged, by whichever instance."""
        before = {one: one.counter("acked_records") for one in self.running()}

        def acked():
            return sum(max(0, one.counter("acked_records") - before.get(one, 0)) for one in self.running())
        eventually(lambda: acked() >= records, timeout_s,
                   lambda: f"{records} more records acknowledged; {self.brief()}")

    def stop(self, instance):
        """SIGTERM, and it must be a clean end."""
        logged = len(instance.log_text())
        self.evidence.add(instance.pipeline())
        status = instance.terminate()
        assert status == 0, f"{instance.name} ends with {status}:\n{instance.log_tail()}"
        # What is lost while it drains no counter tells any more; its log does.
        lost = re.findall(r"lost by at_most_once: (\d+) records", instance.log_text()[logged:])
        self.evidence.add({"counters": {"lost_records": sum(map(int, lost))}})

    def kill(self, instance):
        """kill -9. With at_least_once, what is committed then is in the target, and repeats begin there."""
        if self._audit is None:
            self._audit = CommitAudit(self.trial)
            self._healing.callback(self._audit.close)
        instance.kill()
        self.evidence.killed += 1
        if self.delivery == AT_LEAST_ONCE and not self.running():
            # Offsets are indexes: the source has no gaps.
            self.evidence.began_at |= {Place(partition, offset) for partition, offset in self._audit.look().items()}

    def committed_below(self, earlier):
        """Partitions whose committed offset has gone back."""
        now = self.trial.committed()
        return {partition: (offset, now.get(partition)) for partition, offset in earlier.items()
                if now.get(partition, -1) < offset}

    def brief(self):
        return "; ".join(f"{one.name}: {one.brief()}" for one in self.running()) or "no instance runs"

    # ---- the course ----

    def run(self):
        """Returns (verdict, sentences that say which promise is broken)."""
        self.fault.act(self)
        verdict = self._finish()
        return verdict, broken_promises(self.fault, self.delivery, verdict, self.evidence)

    def _finish(self):
        self.flow(500)
        self.load.stop()
        self.trial.await_caught_up(*self.running(), timeout_s=120)
        for one in self.running():
            self.stop(one)
        for topic in (self.trial.source, self.trial.target):
            self.cluster.await_no_open_transaction(topic)
        self.evidence.began_at |= {Place(partition, 0) for partition in range(PARTITIONS)}
        for name, expected in self.expected_counters.items():
            assert self.evidence.count(name) == expected, f"{name} is {self.evidence.count(name)}, not {expected}"
        source = self.source_records() if self.source_records else read_topic(self.cluster, self.trial.source).records
        target = {partition: [record for record in records if record not in self.gone_records]
                  for partition, records in read_topic(self.cluster, self.trial.target).records.items()}
        return compare(source, target)

    def logs(self):
        """{instance: its log}, for whoever has to find out."""
        return {one.name: one.log_text() for one in self.instances}

    def close(self):
        """No process and no topic of it is left; the cluster is whole again."""
        try:
            for one in self.instances:
                one.dispose()
            self._healing.close()
        finally:
            self.cluster.make_whole()
        for name in (self.trial.source, self.trial.target):
            self.cluster.delete_topic(name)


def rows(deliveries):
    """Every (fault, delivery) that is to be run, in the table's order."""
    return [(fault, delivery) for fault in FAULTS.values() for delivery in deliveries if fault.runs_with(delivery)]
