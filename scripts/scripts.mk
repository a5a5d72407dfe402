# scripts, and the tests that are scripts
script_tests = tests/layers/test_layers.sh tests/sandbox/test_sandbox.sh \
	tests/scripts/test_catalog.sh tests/scripts/test_completion.sh tests/scripts/test_demo.sh \
	tests/scripts/test_distribution.sh tests/scripts/test_docs.sh tests/scripts/test_fault_points.sh \
	tests/scripts/test_manual_options.sh tests/scripts/test_mutants.sh tests/scripts/test_prometheus.sh tests/scripts/test_results.sh \
	tests/scripts/test_units.sh
dist_check_SCRIPTS += $(script_tests)
TESTS += $(script_tests)
# What test_mutants.sh compiles with.
AM_TESTS_ENVIRONMENT = \
	COMPILE='$(CC) $(DEFS) $(AM_CPPFLAGS) $(CPPFLAGS) $(AM_CFLAGS) $(CFLAGS)'; export COMPILE;
EXTRA_DIST += \
	.ci/run \
	docs/architecture.md \
	docs/guarantees.md \
	docs/mirrormaker.md \
	scripts/chaos \
	scripts/deb \
	scripts/demo \
	scripts/lib/build.sh \
	scripts/lib/librdkafka.sh \
	scripts/lib/demo-semantics.sh \
	scripts/lib/output.sh \
	scripts/lib/packages.sh \
	scripts/lib/results.py \
	scripts/librdkafka \
	scripts/test \
	tests/layers/layers.sh
