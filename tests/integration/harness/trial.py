"""One source, one target, one group: what most tests relay, and the questions they end with."""

import pytest

from .checker import compare, settled_prefix
from .config import relay
from .reader import TopicReader, read_topic
from .waiting import eventually


class Trial:
    """Makes the topics. `to` is the target's cluster where it is another one, `source` how that topic differs."""

    def __init__(self, cluster, topic, partitions=1, to=None, target_partitions=None, source=None, **topic_config):
        self.cluster, self.to = cluster, to or cluster
        self.began = self.to.logs_now()
        self.source = cluster.create_topic(topic("in"), partitions, **{**topic_config, **(source or {})})
        self.target = self.to.create_topic(topic("out"), target_partitions or partitions, **topic_config)
        self.partitions = partitions
        self.group = topic("group")

    def settings(self, **settings):
        return relay(settings.pop("from_brokers", self.cluster), self.source, self.target,
                     to_cluster=settings.pop("to_brokers", self.to), group=self.group, **settings)

    def committed(self):
        return self.cluster.committed(self.group, self.source)

    def await_caught_up(self, *daemons, timeout_s=90):
        """Every record that is in the source now is settled. (Not by lag: that is as old as its log end.)"""
        ends = {partition: end for partition, end in self.cluster.log_ends(self.source).items() if end > 0}

        def marks():
            found = {}
            for daemon in daemons:
                assert daemon.process.poll() is None, f"aloqd has ended:\n{daemon.log_tail()}"
                for (topic, number), partition in daemon.partitions().items():
                    if topic == self.source:
                        found[number] = max(partition["mark"], found.get(number, -1))
            return found

        def caught_up():
            reached = marks()
            return all(reached.get(partition, -1) >= end for partition, end in ends.items())

        eventually(caught_up, timeout_s,
                   lambda: f"marks {marks()} at {ends}; {[daemon.brief() for daemon in daemons]}\n"
                           f"{daemons[0].log_tail()}")

    def stop_clean(self, daemon):
        assert daemon.terminate() == 0, daemon.log_tail()

    def verdict(self, isolation="read_committed", digests=False, **options):
        """Source and target, read whole and compared."""
        source = read_topic(self.cluster, self.source, isolation, digests)
        target = read_topic(self.to, self.target, digests=digests)
        return compare(source.records, target.records, **options)

    def verdict_uncommitted(self):
        """The same, with all that the target's log holds: also what aborted transactions have left there."""
        source = read_topic(self.cluster, self.source)
        return compare(source.records, read_topic(self.to, self.target, "read_uncommitted").records)

    def excused_by_kafka(self, verdict):
        """What the brokers have said since this trial began that explains a verdict of repeats, and of nothing else, in a
        target of exactly_once; None where nothing does."""
        if not verdict.repeated or not verdict.kept_at_least_once():
            return None
        line = self.to.skipped_markers(self.target, self.group, self.began)
        return line and f"Kafka has committed what it had aborted: {line}"

    def finish(self, daemon):
        """Waits until all is relayed, stops the daemon and compares."""
        self.await_caught_up(daemon)
        self.stop_clean(daemon)
        return self.verdict()


class ExactTrial(Trial):
    """exactly_once. One cluster, by one name: else a transaction could not hold the offsets."""

    def settings(self, **settings):
        made = super().settings(delivery="exactly_once", **settings)
        (pipeline,) = made["pipelines"].values()
        pipeline["to"]["cluster"] = "source"
        del made["clusters"]["target"]
        return made

    def verdict(self, *arguments, **options):
        self.to.await_no_open_transaction(self.target)
        found = super().verdict(*arguments, **options)
        excuse = self.excused_by_kafka(found)
        if excuse:
            pytest.skip(excuse)
        return found


class AtMostOnceTrial(Trial):
    def settings(self, **settings):
        commit = settings.pop("commit", {"records": 500, "interval": "50ms"})
        return super().settings(delivery="at_most_once", commit=commit, **settings)


# By what `delivery` says.
TRIALS = {"at_least_once": Trial, "at_most_once": AtMostOnceTrial, "exactly_once": ExactTrial}


class Losses:
    """What is lost by a kill: below the committed offset, and not in the target. Nothing may be in the target that is
    not below it."""

    def __init__(self, trial):
        self.trial, self.lost = trial, 0
        self.source, self.target = TopicReader(trial.cluster, trial.source), TopicReader(trial.to, trial.target)

    def look(self):
        """Returns how many records were lost since the last look, at most: what is on the wire may still arrive."""
        self.target.read_to_end()
        self.source.read_to_end()
        committed = self.trial.committed()
        missing = 0
        for partition, offset in committed.items():
            held = set(self.target.records[partition])
            for at, record in zip(self.source.offsets[partition], self.source.records[partition]):
                if at < offset:
                    missing += record not in held
                else:
                    assert record not in held, f"partition {partition}: {at} is written, and {offset} committed"
        before, self.lost = self.lost, missing
        return missing - before


class CommitAudit:
    """Rule 1 of the guarantees, asked again and again: no committed offset lies beyond what the target holds.
    Each look reads only what is new."""

    def __init__(self, trial):
        self.trial = trial
        self.source = TopicReader(trial.cluster, trial.source)
        self.target = TopicReader(trial.to, trial.target)

    def look(self):
        """Returns the committed offsets. They are asked for before the target is read: what comes later can
        not excuse them, as nobody runs."""
        committed = self.trial.committed()
        beyond = self._beyond_the_target(committed)
        if beyond and isinstance(self.trial, ExactTrial):
            # A transaction's end shows in one partition after the other: the offsets' may have been the first.
            eventually(lambda: not self._beyond_the_target(committed), 20, beyond)
            beyond = None
        assert not beyond, beyond
        return committed

    def _beyond_the_target(self, committed):
        self.target.read_to_end()
        self.source.read_to_end()
        for partition, offset in committed.items():
            safe = settled_prefix(self.source.offsets[partition], self.source.records[partition],
                                  self.target.records[partition], self.source.positions[partition])
            if offset > safe:
                return (f"partition {partition}: offset {offset} is committed, but the target holds only what is "
                        f"below {safe}")
        return None

    def close(self):
        self.source.close()
        self.target.close()
