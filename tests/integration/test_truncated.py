"""A source that loses the end of its log: an unclean leader election on three nodes. One for all relays, as it takes its
time; each test looks at one of them.

All have relayed 150 records, and committed that unless they are slow to, when the log ends at 100."""

import contextlib
from collections import namedtuple
from concurrent.futures import ThreadPoolExecutor

import pytest
from confluent_kafka import Consumer

from chaos.kafka_tools import coordinator
from harness.aloqd import Aloqd, aloqctl
from harness.library import libraries, validates_epochs
from harness.reader import read_topic
from harness.trial import TRIALS
from harness.unclean import UNCLEAN, UncleanElection
from harness.waiting import eventually
from harness.workload import fill, small_record

KEPT, RELAYED, NEW = 100, 150, 100

# Where aloqd is meanwhile. GROWN: the log has the offset where it is again before it looks. Of SLOW ones nothing that
# they have relayed is committed by itself.
RUNNING, STOPPED, STOPPED_GROWN, FROZEN_GROWN = "running", "stopped", "stopped-grown", "frozen-grown"
SLOW = UNCOMMITTED, REBALANCED = "uncommitted", "rebalanced"

Relay = namedtuple("Relay", "where delivery policy")

RELAYS = [Relay(where, delivery, policy) for where in (RUNNING, STOPPED, STOPPED_GROWN, FROZEN_GROWN)
          for delivery in TRIALS for policy in ("block", "earliest", "latest")
          # What the position is made of is found without a look at the delivery.
          if delivery == "at_least_once" or where == RUNNING or (where == STOPPED and policy == "latest")]
RELAYS += [Relay(where, "at_least_once", "block") for where in SLOW]


def name_of(relay):
    return "-".join(relay).replace("_", "-")


# The third node coordinates the groups, and stays.
HEART, LEADER, FOLLOWER = 1, 2, 3


class World:
    """The relays of one library, in three daemons."""

    def __init__(self, cluster, library, environment):
        self.cluster, self.library = cluster, library
        self.other_topic = cluster.create_topic(f"any-{library}")
        cluster.commit("anybody", self.other_topic, {0: 0})
        with ThreadPoolExecutor(8) as pool:
            self.trials = dict(zip(RELAYS, pool.map(self._trial, RELAYS)))
        self.daemons = {where: self._daemon(where, environment) for where in (RUNNING, STOPPED, FROZEN_GROWN)}

    def _trial(self, relay):
        trial = TRIALS[relay.delivery](self.cluster, lambda end: f"{self.library}.{name_of(relay)}.{end}", 1,
                                       source={"nodes": [LEADER, FOLLOWER], **UNCLEAN})
        trial.group = next(group for group in (f"{trial.group}-{number}" for number in range(100))
                           if coordinator(self.cluster, "__consumer_offsets", group) == HEART)
        return trial

    def _daemon(self, where, environment):
        settings = {}
        for relay, trial in self.trials.items():
            if self.place(relay) != where:
                continue
            # Who is frozen is to stay a member.
            made = trial.settings(name=name_of(relay), from_on_gap=relay.policy,
                                  from_properties=["session.timeout.ms=120000"],
                                  **({"commit": {"records": 1000000, "interval": "1h"}} if relay.where in SLOW
                                     else {}))
            pipelines, clusters = settings.get("pipelines", {}), settings.get("clusters", {})
            settings = {**made, "pipelines": {**pipelines, **made["pipelines"]},
                        "clusters": {**clusters, **made["clusters"]}}
        daemon = Aloqd(settings, f"{self.library}-{where}")
        daemon.environment.update(environment)
        return daemon

    @staticmethod
    def place(relay):
        return {STOPPED_GROWN: STOPPED, UNCOMMITTED: RUNNING, REBALANCED: RUNNING}.get(relay.where, relay.where)

    def daemon(self, relay):
        return self.daemons[self.place(relay)]

    def pipeline(self, relay):
        return self.daemon(relay).pipeline(name_of(relay))

    def write(self, relays, first, count):
        with ThreadPoolExecutor(8) as pool:
            for written in [pool.submit(self._write, relay, first, count) for relay in relays]:
                written.result()

    def _write(self, relay, first, count):
        fill(self.cluster.brokers, self.trials[relay].source, map(small_record, range(first, first + count)), 1)

    def await_committed(self, offset):
        for relay, trial in self.trials.items():
            if relay.where in SLOW:
                self.await_relayed(relay, range(offset))
                continue
            eventually(lambda trial=trial: trial.committed() == {0: offset}, 90,
                       lambda relay=relay: f"{relay}: {self.pipeline(relay)}\n{self.daemon(relay).log_tail()}")

    def await_pipeline(self, relay, condition, what):
        return eventually(lambda: (pipeline := self.pipeline(relay)) and condition(pipeline) and pipeline, 90,
                          lambda: f"{what}: {self.pipeline(relay)}\n{self.daemon(relay).log_tail()}")

    def await_blocked_again(self, relay, before, meanwhile=lambda: None):
        """It has been given its partition once more, and looked where it stands."""
        def is_blocked(pipeline):
            meanwhile()
            return pipeline["blocked_gaps"] > before["blocked_gaps"] and \
                [partition["state"] for partition in pipeline["partitions"]] == ["blocked"]
        return self.await_pipeline(relay, is_blocked, "it is blocked again")

    def relayed(self, relay):
        """The numbers of the records in the target, in its order."""
        return [int(record.key) for record in read_topic(self.cluster, self.trials[relay].target).records[0]]

    def await_relayed(self, relay, numbers):
        eventually(lambda: self.relayed(relay) == list(numbers), 60,
                   lambda: f"{numbers}: {self.relayed(relay)}; {self.pipeline(relay)}\n{self.daemon(relay).log_tail()}",
                   every_s=0.2)

    def unblock(self, relay, how, status):
        done = aloqctl(self.daemon(relay), "unblock", name_of(relay), self.trials[relay].source, "0", how, timeout_s=60)
        assert done.returncode == status, done
        return done.stdout

    def close(self):
        for daemon in self.daemons.values():
            daemon.dispose()


def truncate(cluster, worlds):
    """What was done to the sources."""
    election = UncleanElection(
        cluster, [trial.source for world in worlds for trial in world.trials.values()], LEADER, FOLLOWER)
    for world in worlds:
        world.write(RELAYS, 0, KEPT)
        for daemon in world.daemons.values():
            daemon.start()
    for world in worlds:
        world.await_committed(KEPT)
    election.cut_off()
    for world in worlds:
        world.write(RELAYS, KEPT, RELAYED - KEPT)
    for world in worlds:
        world.await_committed(RELAYED)
        assert world.daemons[STOPPED].terminate() == 0
        world.daemons[FROZEN_GROWN].freeze()
    election.kill_leader()
    ends = election.elect()
    assert set(map(str, ends.values())) == {str({0: (RELAYED, KEPT)})}, ends
    for world in worlds:
        world.write([relay for relay in RELAYS if relay.where in (STOPPED_GROWN, FROZEN_GROWN)], 1000, NEW)
        world.daemons[STOPPED].start()
        world.daemons[FROZEN_GROWN].thaw()
    election.heal()


@pytest.fixture(scope="module")
def worlds(kafka3):
    """By library."""
    with contextlib.ExitStack() as closing:
        closing.callback(kafka3.make_whole)
        made = {}
        for library, environment in libraries().items():
            made[library] = closing.enter_context(contextlib.closing(World(kafka3, library, environment)))
        truncate(kafka3, made.values())
        yield made


@pytest.fixture(params=["system", "newer"])
def world(worlds, request):
    if request.param not in worlds:
        pytest.skip("ALOQD_NEWER_LIBRDKAFKA does not name the directory of a newer librdkafka")
    return worlds[request.param]


@pytest.fixture(autouse=True)
def show_daemons(world, request):
    request.node.daemons = list(world.daemons.values())


def validates(world):
    return validates_epochs(libraries()[world.library])


def of(*policies, grown):
    chosen = [relay for relay in RELAYS if relay.where not in SLOW and relay.policy in policies
              and (relay.where in (STOPPED_GROWN, FROZEN_GROWN)) == grown]
    return pytest.mark.parametrize("relay", chosen, ids=name_of)


def told(world, relay):
    """The line of the log, of a gap that was crossed."""
    (line,) = [line for line in world.daemon(relay).log_text().splitlines()
               if "gap in the source, being crossed as from.on_gap says" in line and world.trials[relay].source in line]
    return line


# ---- seen by the log's end ----

@of("block", grown=False)
def test_a_truncated_log_blocks_until_a_person_decides(world, relay):
    """Whatever is written meanwhile: also when the log has the offset again."""
    world.await_pipeline(relay, lambda p: p["state"] == "blocked", "it is blocked")
    world.write([relay], 1000, NEW)
    (partition,) = world.pipeline(relay)["partitions"]
    assert partition["blocked_by"] == "gap" and partition["blocked_at"] == RELAYED, partition
    for words in ("truncated", f" {KEPT}, before offset {RELAYED}", f"go on at {KEPT} "):
        assert words in partition["error"], partition
    world.unblock(relay, "--retry", 75)
    assert world.pipeline(relay)["blocked_gaps"] == 2 and world.pipeline(relay)["log_gaps"] == 0
    assert world.trials[relay].committed() == {0: RELAYED} and world.relayed(relay) == list(range(RELAYED))
    world.unblock(relay, "--skip", 0)
    world.await_relayed(relay, [*range(RELAYED), *range(1000, 1000 + NEW)])
    assert world.pipeline(relay)["log_gaps"] == 1 and world.pipeline(relay)["log_gap_records"] == 0


def test_what_was_in_flight_when_the_log_was_cut_is_committed_and_yet_the_cut_stands(world):
    """The group had committed less than what the log has kept: by that, nothing of it is missing."""
    relay = Relay(UNCOMMITTED, "at_least_once", "block")
    world.await_pipeline(relay, lambda p: p["state"] == "blocked", "it is blocked")
    assert world.trials[relay].committed() == {0: 0}
    world.write([relay], 1000, NEW)
    (partition,) = world.pipeline(relay)["partitions"]
    assert partition["blocked_at"] == RELAYED and f"go on at {KEPT} " in partition["error"], partition
    world.unblock(relay, "--retry", 75)
    assert world.trials[relay].committed() == {0: RELAYED} and world.relayed(relay) == list(range(RELAYED))
    (partition,) = world.pipeline(relay)["partitions"]
    assert partition["blocked_at"] == RELAYED and f"go on at {KEPT} " in partition["error"], partition
    world.unblock(relay, "--skip", 0)
    world.await_relayed(relay, [*range(RELAYED), *range(1000, 1000 + NEW)])
    assert world.pipeline(relay)["log_gaps"] == 1 and world.pipeline(relay)["counters"]["lost_records"] == 0


def test_a_cut_stands_when_a_rebalance_commits_what_was_in_flight_and_gives_the_partition_back(world):
    """By the offset alone nothing is amiss then: the log has it again."""
    relay = Relay(REBALANCED, "at_least_once", "block")
    before = world.await_pipeline(relay, lambda p: p["state"] == "blocked", "it is blocked")
    assert world.trials[relay].committed() == {0: 0}
    world.write([relay], 1000, NEW)
    with contextlib.closing(Consumer({"bootstrap.servers": world.cluster.brokers, "log_level": 2,
                                      "group.id": world.trials[relay].group})) as other:
        # Of what it reads the relay has nothing, nor the other way round.
        other.subscribe([world.other_topic])
        before = world.await_blocked_again(relay, before, lambda: other.poll(0.1))
        assert world.trials[relay].committed() == {0: RELAYED} and world.relayed(relay) == list(range(RELAYED))
        (partition,) = before["partitions"]
        assert partition["blocked_at"] == RELAYED and f"go on at {KEPT} " in partition["error"], partition
    world.await_blocked_again(relay, before)
    world.unblock(relay, "--skip", 0)
    world.await_relayed(relay, [*range(RELAYED), *range(1000, 1000 + NEW)])
    assert world.pipeline(relay)["log_gaps"] == 1 and world.pipeline(relay)["counters"]["lost_records"] == 0


@of("earliest", "latest", grown=False)
def test_a_truncated_log_is_gone_on_with_as_on_gap_says(world, relay):
    world.await_pipeline(relay, lambda p: p["log_gaps"] == 1, "the gap is counted")
    world.write([relay], 1000, NEW)
    again = range(KEPT) if relay.policy == "earliest" else []
    world.await_relayed(relay, [*range(RELAYED), *again, *range(1000, 1000 + NEW)])
    assert world.pipeline(relay)["log_gaps"] == 1 and world.pipeline(relay)["counters"]["lost_records"] == 0
    line = told(world, relay)
    assert "truncated" in line and f" {KEPT}, before offset {RELAYED}" in line, line


# ---- seen by the leader's epoch, or by nothing ----

@of("block", grown=True)
def test_a_log_that_has_grown_past_the_offset_blocks_too(world, relay):
    if not validates(world):
        pytest.skip("this librdkafka cannot ask a leader for its epochs: see what it makes of it below")
    world.await_pipeline(relay, lambda p: p["state"] == "blocked", "it is blocked")
    (partition,) = world.pipeline(relay)["partitions"]
    assert partition["blocked_by"] == "gap" and partition["blocked_at"] == RELAYED, partition
    for words in ("truncated", f"{KEPT}, before offset {RELAYED}", f"grown to {KEPT + NEW}", f"go on at {KEPT} "):
        assert words in partition["error"], partition
    world.unblock(relay, "--retry", 75)
    assert world.trials[relay].committed() == {0: RELAYED} and world.relayed(relay) == list(range(RELAYED))
    world.unblock(relay, "--skip", 0)
    world.await_relayed(relay, [*range(RELAYED), *range(1000, 1000 + NEW)])


@of("earliest", "latest", grown=True)
def test_a_log_that_has_grown_past_the_offset_is_gone_on_with_as_on_gap_says(world, relay):
    if not validates(world):
        pytest.skip("this librdkafka cannot ask a leader for its epochs: see what it makes of it below")
    world.await_pipeline(relay, lambda p: p["log_gaps"] == 1, "the gap is counted")
    again = range(KEPT) if relay.policy == "earliest" else []
    world.await_relayed(relay, [*range(RELAYED), *again, *range(1000, 1000 + NEW)])
    assert world.pipeline(relay)["log_gaps"] == 1
    line = told(world, relay)
    assert "truncated" in line and f" {KEPT}, before offset {RELAYED}" in line and f"grown to {KEPT + NEW}" in line, line


@of("block", "earliest", "latest", grown=True)
def test_without_leader_epochs_nothing_tells_of_a_log_that_has_grown_past_the_offset(world, relay):
    """Not a promise: what docs/guarantees.md says is not one."""
    if validates(world):
        pytest.skip("this librdkafka asks a leader for its epochs: nothing is read on silently, see above")
    world.await_relayed(relay, [*range(RELAYED), *range(1000 + RELAYED - KEPT, 1000 + NEW)])
    pipeline = world.pipeline(relay)
    assert pipeline["state"] == "running" and pipeline["log_gaps"] == pipeline["blocked_gaps"] == 0
