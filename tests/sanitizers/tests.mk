# tests/sanitizers: what scripts/sanitizers runs in trees that were built with them: what needs no Kafka, and none of the
# scripts, which would be no different.
sanitized_units = $(sandbox_tests) $(core_tests) tests/unit/test_offset_tracker_model $(config_tests) $(daemon_tests) \
	$(base_tests) $(kafka_tests) $(fuzz_programs)
# Those that read what others write, and the offset tracker: for a look with ASan that takes some seconds.
parsing_units = $(core_tests) $(config_tests) $(base_tests) $(fuzz_programs)
# Those with threads of their own: for a look with TSan that takes some seconds.
threaded_units = tests/unit/test_cluster_ids tests/unit/test_log tests/unit/test_supervisor tests/unit/test_worker
EXTRA_DIST += \
	scripts/sanitizers \
	tests/sanitizers/c11_threads.c \
	tests/sanitizers/relay.sh \
	tests/sanitizers/thread.supp

.PHONY: check-sanitized check-parsing check-threaded
check-sanitized:
	$(MAKE) check TESTS='$(sanitized_units) $(sim_tests)' check_PROGRAMS='$(sanitized_units) tests/sim/sim'
check-parsing:
	$(MAKE) check TESTS='$(parsing_units) $(sim_tests)' check_PROGRAMS='$(parsing_units) tests/sim/sim'
check-threaded:
	$(MAKE) check TESTS='$(threaded_units)' check_PROGRAMS='$(threaded_units)'
