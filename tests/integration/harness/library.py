"""The librdkafka that daemons run with: the system's, or a newer one in its place."""

import functools
import os
import re
import subprocess

from .aloqd import PROGRAM

# Cooperative rebalances are taken from the first of these on, and do what they should from the second on: before, a
# commit that meets one counts as the loss of all partitions.
COOPERATIVE_SINCE, COOPERATIVE_WELL_SINCE = (2, 4), (2, 10)
# What aloqd goes on with is held against the leader's epochs from this one on.
VALIDATES_SINCE = (2, 4)
COOPERATIVE = "partition.assignment.strategy=cooperative-sticky"


@functools.lru_cache(maxsize=None)
def library_version(directory=None):
    """(major, minor, patch) of what a daemon loads, with that directory before the system's."""
    said = subprocess.run([PROGRAM, "-V"], env={**os.environ, **_loading(directory)}, stdout=subprocess.PIPE, text=True,
                          check=True).stdout
    return tuple(int(number) for number in re.search(r"librdkafka (\d+)\.(\d+)\.(\d+)", said).groups())


def _loading(directory):
    return {"LD_LIBRARY_PATH": directory} if directory else {}


def libraries():
    """{what it is called: what a daemon's environment needs to load it}: the system's, and a newer one where there is one."""
    newer = os.environ.get("ALOQD_NEWER_LIBRDKAFKA")
    return {"system": {}, **({"newer": _loading(newer)} if newer else {})}


def validates_epochs(environment):
    """Does a daemon with this environment notice that a log was truncated when it has grown again?"""
    return library_version(environment.get("LD_LIBRARY_PATH")) >= VALIDATES_SINCE


def why_not_cooperative():
    """Why nothing here can rebalance cooperatively as it should; None: something can."""
    newer = os.environ.get("ALOQD_NEWER_LIBRDKAFKA")
    if library_version() >= COOPERATIVE_WELL_SINCE or (newer and library_version(newer) >= COOPERATIVE_WELL_SINCE):
        return None
    return (f"librdkafka {'.'.join(map(str, library_version()))} cannot rebalance cooperatively as it should, and "
            "ALOQD_NEWER_LIBRDKAFKA does not name the directory of one that can (scripts/librdkafka prints it)")


def cooperative_environment():
    """What a daemon's environment needs to rebalance cooperatively."""
    if library_version() >= COOPERATIVE_WELL_SINCE:
        return {}
    return _loading(os.environ["ALOQD_NEWER_LIBRDKAFKA"])
