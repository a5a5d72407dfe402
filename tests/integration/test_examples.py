"""The examples that run: each checks by itself what it shows, and its exit status tells."""

import os
import pathlib
import subprocess

from harness.aloqd import BUILD

EXAMPLES = pathlib.Path(__file__).resolve().parents[2] / "examples"


def test_read_committed(kafka):
    done = subprocess.run([EXAMPLES / "read-committed" / "run", "--data", kafka.directory], stdin=subprocess.DEVNULL,
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, timeout=120, check=False,
                          env=os.environ | {"ALOQD_BUILD": str(BUILD)})
    assert done.returncode == 0, done.stdout + done.stderr
    lines = [line.split() for line in done.stdout.splitlines()]
    # The two kinds of readers, by offset: the marks that end transactions take one each.
    committed = lines[lines.index(["read_committed"]) + 1:lines.index(["read_uncommitted"])]
    uncommitted = lines[lines.index(["read_uncommitted"]) + 1:-1]
    assert committed == [["0", "tea"], ["1", "honey"], ["2", "bread"], ["9", "cheese"], ["11", "butter"]]
    assert uncommitted == [["0", "tea"], ["1", "honey"], ["2", "bread"], ["4", "rice"], ["5", "salt"], ["7", "olives"],
                           ["8", "pears"], ["9", "cheese"], ["11", "butter"]]
    assert kafka.states() == {1: "running"}
