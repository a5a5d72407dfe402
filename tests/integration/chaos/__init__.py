"""Faults under load on a three-node Kafka, each with each delivery, and what must hold afterwards.

promise         a fault's entry in the table; the judgement over what a bout has found
bout            one fault, one delivery: load, daemons, fault, healing, drain, comparison
daemon_faults   aloqd is stopped, killed, frozen, stalled, starved; members come and go
broker_faults   brokers restart, freeze, fall short; leaders and coordinators move
network_faults  connections break, slow down, swallow
record_faults   the source shrinks, grows, holds aborted transactions; records that are refused
kafka_tools     who leads, who coordinates; leaders moved
stall           one thread of a process stopped
clock           the clock of one process moved, by clock_shim.c
campaign        rounds over all rows, and the table at the end: scripts/chaos

test_chaos.py runs the rows of the most worth in their short form."""
