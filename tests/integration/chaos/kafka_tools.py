"""Who leads, who coordinates, who may write, and how that is changed: by metadata, and by Kafka's own tools."""

import json

from harness.cluster import partition_of_name
from harness.waiting import eventually


def leaders(cluster, topic):
    """{partition: node that leads it}"""
    metadata = cluster.admin.list_topics(topic, timeout=10).topics[topic]
    return {number: partition.leader for number, partition in metadata.partitions.items()}


def coordinator(cluster, internal_topic, name):
    """The node that coordinates a group (__consumer_offsets) or a transactional id (__transaction_state): it leads
    the partition that the name's hash chooses."""
    of = leaders(cluster, internal_topic)
    return of[partition_of_name(name, len(of))]


def transactional_ids(cluster):
    """{transactional id: node that coordinates it}, as the brokers list them."""
    said = cluster.script("exec", "org.apache.kafka.tools.TransactionsCommand",
                          "--bootstrap-server", "{brokers}", "list")
    lines = [line.split() for line in said.splitlines()[1:]]
    return {words[0]: int(words[1]) for words in lines if len(words) >= 4}


def move_leaders(cluster, topic, rng):
    """Every partition of the topic gets another leader: one of them at least, or the test proves nothing. Whichever node
    is asked may hear of it late."""
    now = leaders(cluster, topic)
    lead(cluster, topic, {number: rng.choice([node for node in range(1, cluster.nodes + 1) if node != leader])
                          for number, leader in now.items()})
    eventually(lambda: leaders(cluster, topic) != now, 30, lambda: f"a leader of {topic} has moved; it had {now}")


def lead(cluster, topic, wanted):
    """Makes nodes the leaders of partitions, {partition: node}: its replicas in another order, and then an election of
    the first of them."""
    nodes = range(1, cluster.nodes + 1)
    plan = [{"topic": topic, "partition": number, "replicas": [leader, *(node for node in nodes if node != leader)]}
            for number, leader in wanted.items()]
    path = cluster.directory / "reassignment.json"
    path.write_text(json.dumps({"version": 1, "partitions": plan}))
    cluster.script("exec", "org.apache.kafka.tools.reassign.ReassignPartitionsCommand",
                   "--bootstrap-server", "{brokers}", "--reassignment-json-file", str(path), "--execute")
    path.write_text(json.dumps({"partitions": [{"topic": topic, "partition": number} for number in wanted]}))
    cluster.script("exec", "org.apache.kafka.tools.LeaderElectionCommand", "--bootstrap-server", "{brokers}",
                   "--election-type", "preferred", "--path-to-json-file", str(path))


def deny_writing(cluster, topic):
    """The principal of the guarded listener may not write to the topic any more."""
    _acl(cluster, topic, "--add")


def allow_writing(cluster, topic):
    _acl(cluster, topic, "--remove", "--force")


def _acl(cluster, topic, *what):
    cluster.script("exec", "org.apache.kafka.tools.AclCommand", "--bootstrap-server", "{brokers}", *what,
                   "--deny-principal", "User:relay", "--operation", "Write", "--topic", topic)
