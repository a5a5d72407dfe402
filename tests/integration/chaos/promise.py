"""What a fault may and may not do to each delivery, and the judgement over what a bout has found."""

from dataclasses import dataclass, field
from typing import Callable

AT_MOST_ONCE, AT_LEAST_ONCE, EXACTLY_ONCE = "at_most_once", "at_least_once", "exactly_once"

# The deliveries that are put to the proof.
DELIVERIES = (AT_MOST_ONCE, AT_LEAST_ONCE, EXACTLY_ONCE)

# How often at_least_once may repeat, and at_most_once lose, because of a fault. With exactly_once it is never.
NEVER = "never"
COUNTED = "counted"  # no more than aloqd itself has counted, and repeats only for one of their causes
FROM_COMMITS = "from the last commits"  # repeats: each begins where a committed offset was after a kill
ANY = "any"  # nobody is there who could count: partitions changed hands without a farewell


# Counters that tell what a repeat may come from. While all are zero, aloqd has kept its assignment and its producer.
CAUSES_OF_REPEATS = ("lost_partitions", "revoke_timeouts", "sink_recreations", "restarts")


@dataclass(frozen=True)
class Fault:
    """A row of the table. act(bout) makes the fault and leaves it healed, or healing. stalled_owner: the late
    request of one who was stalled for longer than its session may stand anywhere among the new owner's
    records: with at_most_once one for each partition that it lost. needs() says why this machine cannot make it, or None."""

    name: str
    title: str
    act: Callable
    repeats: str
    lost: str
    stalled_owner: bool
    deliveries: tuple
    needs: Callable

    def runs_with(self, delivery):
        return delivery in self.deliveries


FAULTS = {}


def fault(*, repeats=NEVER, lost=NEVER, stalled_owner=False, deliveries=(AT_MOST_ONCE, AT_LEAST_ONCE, EXACTLY_ONCE),
          needs=lambda: None):
    """Enters a function into the table, under its name; its docstring begins with the title."""
    def enter(act):
        name = act.__name__.replace("_", "-")
        title = act.__doc__.strip().splitlines()[0].rstrip(".")
        FAULTS[name] = Fault(name, title, act, repeats, lost, stalled_owner, deliveries, needs)
        return act
    return enter


@dataclass
class Evidence:
    """What a bout has seen of the daemons: their counters, summed over instances and restarts as far as they
    could be asked, the places from which reading began, and how many were killed: their counters are gone."""

    counters: dict = field(default_factory=dict)
    began_at: set = field(default_factory=set)
    killed: int = 0

    def add(self, pipeline):
        counters = {name: value for name, value in pipeline.get("counters", {}).items() if isinstance(value, int)}
        for name in ("restarts", "log_gaps", "log_gap_records"):
            counters[name] = pipeline.get(name, 0)
        for name, value in counters.items():
            self.counters[name] = self.counters.get(name, 0) + value

    def count(self, name):
        return self.counters.get(name, 0)

    def has_cause_of_repeats(self):
        """Something happened that may have repeated records, or nobody can say that it did not."""
        return self.killed > 0 or any(self.count(name) for name in CAUSES_OF_REPEATS)


def broken_promises(one, delivery, verdict, evidence):
    """Sentences; none when all was kept."""
    broken = []
    if verdict.altered or verdict.misplaced:
        broken.append("records were altered or are in a wrong place")
    if delivery == AT_LEAST_ONCE and one.stalled_owner:
        if verdict.without_order:
            broken.append("no whole copy in order is there")
    elif delivery == AT_MOST_ONCE and one.stalled_owner:
        lost = evidence.count("lost_partitions")
        if verdict.late_runs > lost:
            broken.append(f"{verdict.late_runs} requests are out of order, only {lost} times was a partition lost")
    elif verdict.out_of_order:
        broken.append("records are out of order")
    broken += _broken_by_loss(one, delivery, verdict, evidence)
    broken += _broken_by_repeats(one, delivery, verdict, evidence)
    return broken


def _broken_by_loss(one, delivery, verdict, evidence):
    lost, counted = len(verdict.lost), evidence.count("lost_records")
    if delivery != AT_MOST_ONCE or one.lost == NEVER:
        return [f"{lost} records are lost"] if lost else []
    if one.lost == COUNTED and lost > counted:
        return [f"{lost} records are lost, only {counted} counted"]
    return []


def _broken_by_repeats(one, delivery, verdict, evidence):
    repeated, counted = verdict.repeated, evidence.count("repeated_records")
    if delivery != AT_LEAST_ONCE or one.repeats == NEVER:
        return [f"{repeated} records are repeated"] if repeated else []
    if one.repeats == COUNTED and repeated > counted:
        return [f"{repeated} records are repeated, only {counted} counted"]
    if one.repeats == COUNTED and repeated and not evidence.has_cause_of_repeats():
        return [f"{repeated} records are repeated, though assignment and producer were kept"]
    if one.repeats == FROM_COMMITS:
        elsewhere = set(verdict.restarts) - evidence.began_at
        if elsewhere:
            return [f"repeats begin where no offset was committed: {sorted(elsewhere)[:4]}"]
    return []
