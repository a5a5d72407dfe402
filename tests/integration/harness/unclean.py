"""An unclean leader election: a replica that lacks the end of the log becomes its leader, and the end is gone."""

from confluent_kafka import KafkaException

from .waiting import eventually

# Of a topic that is to lose its end: two replicas, of which each may be alone, and lead whatever it lacks.
UNCLEAN = {"min_insync_replicas": 1, "unclean_leader_election_enable": "true"}


class UncleanElection:
    """Of topics that were created with UNCLEAN and nodes=[leader, follower]. The steps are to be taken in this order; what
    is written between the first two is lost."""

    def __init__(self, cluster, topics, leader, follower):
        self.cluster, self.topics, self.leader, self.follower = cluster, topics, leader, follower
        self.ends = {}

    def cut_off(self):
        """The follower is killed: the leader is the only replica in sync, and goes on alone."""
        self.cluster.stop_node(self.follower, hard=True)
        self._await_partitions(lambda partition: partition.isrs == [self.leader], f"node {self.leader} is alone in sync")

    def kill_leader(self):
        self.ends = self._ends()
        self.cluster.stop_node(self.leader, hard=True)

    def elect(self):
        """The follower comes back and leads. Returns {topic: {partition: (the log's end before, and now)}}."""
        self.cluster.start_node(self.follower)
        self._await_partitions(lambda partition: partition.leader == self.follower, f"node {self.follower} leads")
        now = self._ends()
        return {topic: {partition: (end, now[topic][partition]) for partition, end in ends.items()}
                for topic, ends in self.ends.items()}

    def heal(self):
        """The old leader comes back as a follower, and cuts its log as well."""
        self.cluster.start_node(self.leader)
        nodes = sorted([self.leader, self.follower])
        self._await_partitions(lambda partition: sorted(partition.isrs) == nodes, f"nodes {nodes} are in sync")
        self.leader, self.follower = self.follower, self.leader

    def _ends(self):
        return {topic: self.cluster.log_ends(topic, "read_uncommitted") for topic in self.topics}

    def _partitions(self):
        """None while nobody answers: who is asked may be the one that was killed."""
        try:
            known = self.cluster.admin.list_topics(timeout=10).topics
        except KafkaException:
            return None
        return [partition for topic in self.topics for partition in known[topic].partitions.values()]

    def _await_partitions(self, condition, what):
        eventually(lambda: (partitions := self._partitions()) and all(map(condition, partitions)), 60, what, every_s=0.1)
