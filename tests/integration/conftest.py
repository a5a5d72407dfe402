"""The Kafkas and daemons that tests ask for by name.

One single-node Kafka serves nearly all tests; each test has topics and groups of its own. What a daemon
logged is shown with a test that fails."""

import os
import re
import signal
import threading

import pytest

from harness.aloqd import PROGRAM, PROGRAM_WITH_FAULT_POINTS, Aloqd
from harness.cluster import temporary_cluster, three_nodes
from harness.proxy import Proxy
from harness.waiting import eventually


def pytest_configure():
    """A test run that is asked to end takes its Kafkas and daemons along."""
    def end(_number, _frame):
        raise KeyboardInterrupt
    signal.signal(signal.SIGTERM, end)


@pytest.fixture(scope="session", autouse=True)
def no_thread_outlives_the_tests(request):
    """Neither Python's own nor the client library's: one that still runs while the interpreter is taken apart can
    crash it, behind the summary and long after its test. (A test that has failed may keep a client alive, in the
    traceback that is shown.) Clusters ask for this, so that they go first."""
    yield
    if request.session.testsfailed == 0:
        eventually(lambda: len(os.listdir("/proc/self/task")) == 1, 10,
                   lambda: f"all threads but the main one ended; there are {threading.enumerate()} and "
                           f"{len(os.listdir('/proc/self/task'))} in the kernel's eyes")


@pytest.fixture(scope="session")
def kafka(no_thread_outlives_the_tests):
    """A single-node Kafka. A test that stops it starts it again."""
    with temporary_cluster("main", aliased=True) as cluster:
        yield cluster


@pytest.fixture(scope="session")
def far_kafka(no_thread_outlives_the_tests):
    """A second cluster, for tests that need their target elsewhere."""
    with temporary_cluster("far") as cluster:
        yield cluster


@pytest.fixture(scope="module")
def kafka3(no_thread_outlives_the_tests):
    """Three nodes, replication factor 3, min.insync.replicas 2."""
    with three_nodes() as cluster:
        yield cluster


@pytest.fixture
def proxy(kafka):
    """In front of `kafka`, for those who bootstrap at its proxied_port."""
    made = Proxy(kafka.proxied_port, kafka.alias_port)
    yield made
    made.close()


@pytest.fixture
def topic(request):
    """Names that no other test uses: topic("in"), topic("out")."""
    stem = re.sub(r"[^a-zA-Z0-9._-]+", "-", request.node.name).strip("-")[-90:]
    return lambda suffix: f"{stem}.{suffix}"


@pytest.fixture
def aloqd(request):
    """Makes daemons: aloqd(settings) is one, not yet started. None outlives the test."""
    assert PROGRAM.exists(), f"{PROGRAM} is not built; ALOQD_BUILD names the build directory"
    daemons = []

    def make(settings, name="aloqd", **options):
        daemons.append(Aloqd(settings, name, **options))
        return daemons[-1]

    request.node.daemons = daemons
    yield make
    for daemon in daemons:
        daemon.dispose()


@pytest.fixture
def faulty(aloqd):
    """Makes daemons as aloqd does, of the program that has fault points."""
    assert PROGRAM_WITH_FAULT_POINTS.exists(), f"not built: make tests/integration/{PROGRAM_WITH_FAULT_POINTS.name}"
    return lambda settings, *name: aloqd(settings, *name, program=PROGRAM_WITH_FAULT_POINTS)


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item):
    """Shows with a failure what the daemons logged; their files are gone when it is read."""
    report = (yield).get_result()
    if report.when == "call" and report.failed:
        for daemon in getattr(item, "daemons", []):
            report.sections.append((f"log of {daemon.name}", daemon.log_tail(150)))
            report.sections.append((f"configuration of {daemon.name}", daemon.config.read_text()))
