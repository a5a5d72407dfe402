# tests/sim: the real engine on a simulated cluster. Needs no Kafka, no network and no cmocka.
check_PROGRAMS += tests/sim/sim
tests_sim_sim_SOURCES = \
	tests/sim/checker.c tests/sim/checker.h \
	tests/sim/checker_log.c \
	tests/sim/cluster.c tests/sim/cluster.h \
	tests/sim/group.c tests/sim/group.h \
	tests/sim/instance.c tests/sim/instance.h \
	tests/sim/mutant.h \
	tests/sim/plan.c tests/sim/plan.h \
	tests/sim/random.h \
	tests/sim/scenario.c tests/sim/scenario.h \
	tests/sim/shim.c tests/sim/shim.h \
	tests/sim/sim.c \
	tests/sim/sink.c tests/sim/sink.h \
	tests/sim/source.c tests/sim/source.h \
	tests/sim/source_records.c \
	tests/sim/world.c tests/sim/world.h
tests_sim_sim_LDADD = libengine.a libcore.a libbase.a

sim_tests = tests/sim/test_fresh_seeds tests/sim/test_known_seeds tests/sim/test_mutants_are_caught
dist_check_SCRIPTS += $(sim_tests)
TESTS += $(sim_tests)
EXTRA_DIST += tests/sim/seeds.txt
