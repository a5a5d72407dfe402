# scripts, and the tests that are scripts
dist_check_SCRIPTS += tests/layers/test_layers.sh
TESTS += tests/layers/test_layers.sh
EXTRA_DIST += tests/layers/layers.sh
