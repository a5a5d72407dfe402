"""What the integration tests stand on.

waiting   a condition, a bound, and what to say when it does not come
cluster   a Kafka of scripts/kafka, and the questions that tests ask it
workload  deterministic records of every shape, and a producer that keeps a topic under load
reader    every record of a topic, by raw offsets
checker   source against target: lost, repeated, out of order, altered
aloqd     the daemon as a process: its configuration, its control socket, its end
proxy     a TCP proxy that delays, freezes, resets, swallows and deafens
tools     Kafka's own verifiable producer and consumer
"""
