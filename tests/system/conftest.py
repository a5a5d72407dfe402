"""One Kafka on this machine's loopback, and one booted system that reaches it there.

ALOQD_DEB names the package, ALOQD_ROOT the root that systems are made from: / unless set."""

import os
import pathlib
import re
import signal
import sys

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "integration"))

from harness.cluster import GUARDED_ALIAS, temporary_cluster  # noqa: E402
from machine.machine import machine_on, why_not  # noqa: E402
from machine.service import Service  # noqa: E402

DEB = os.environ.get("ALOQD_DEB")
ROOT = os.environ.get("ALOQD_ROOT", "/")


def pytest_configure():
    """A test run that is asked to end takes its Kafka and its systems along."""
    def end(_number, _frame):
        raise KeyboardInterrupt
    signal.signal(signal.SIGTERM, end)


def pytest_collection_modifyitems(items):
    reason = why_not() or (None if DEB else "ALOQD_DEB names no package")
    if reason:
        for item in items:
            item.add_marker(pytest.mark.skip(reason=reason))


@pytest.fixture(scope="session")
def kafka():
    """One node; its alias is for the user `relay` and a password."""
    with temporary_cluster("system", aliased=True, settings=GUARDED_ALIAS) as cluster:
        yield cluster


@pytest.fixture
def topic(request):
    stem = re.sub(r"[^a-zA-Z0-9._-]+", "-", request.node.name).strip("-")[-90:]
    return lambda suffix: f"{stem}.{suffix}"


@pytest.fixture(scope="module")
def machine():
    """Booted, with the package installed."""
    with machine_on(ROOT, DEB) as made:
        yield made.boot()


@pytest.fixture
def bare_machine():
    """Booted, and aloqd not installed."""
    with machine_on(ROOT) as made:
        yield made.boot()


@pytest.fixture
def service(machine, request):
    """Makes services: service() is aloqd.service, service("one") aloqd@one.service. All are stopped first and last."""
    made = []

    def make(instance=None):
        made.append(Service(machine, instance))
        made[-1].dispose()
        return made[-1]

    request.node.services = made
    yield make
    for one in made:
        one.dispose()


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item):
    """Shows with a failure what the services logged."""
    report = (yield).get_result()
    if report.when == "call" and report.failed:
        for one in getattr(item, "services", []):
            if one.machine.leader is not None:
                report.sections.append((f"journal of {one.name}", one.log_tail(100)))
