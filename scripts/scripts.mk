# scripts, and the tests that are scripts
dist_check_SCRIPTS += tests/layers/test_layers.sh
TESTS += tests/layers/test_layers.sh
EXTRA_DIST += \
	.ci/run \
	scripts/demo \
	scripts/lib/build.sh \
	scripts/lib/output.sh \
	scripts/lib/packages.sh \
	scripts/lib/results.py \
	scripts/test \
	tests/layers/layers.sh
