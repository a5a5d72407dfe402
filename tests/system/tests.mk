# tests/system: pytest drives the package in a booted systemd. scripts/system-test runs them.
EXTRA_DIST += \
	scripts/lib/bare-root.sh \
	scripts/system-test \
	tests/system/conftest.py \
	tests/system/machine/__init__.py \
	tests/system/machine/machine.py \
	tests/system/machine/service.py \
	tests/system/machine/thread_freezer.py \
	tests/system/test_package.py \
	tests/system/test_service.py
