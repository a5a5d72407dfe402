"""scripts/demo, as a newcomer runs it."""

import os
import pathlib
import signal
import subprocess

SCRIPT = pathlib.Path(__file__).resolve().parents[3] / "scripts" / "demo"


def demo(play, timeout_s=300):
    """Runs it to its end, which must be a good one, and returns what it says."""
    # A session of its own: what it has started goes with it.
    with subprocess.Popen([SCRIPT, play], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          text=True, start_new_session=True) as process:
        try:
            said, _ = process.communicate(timeout=timeout_s)
        except BaseException:
            os.killpg(process.pid, signal.SIGTERM)
            raise
    assert process.returncode == 0, said
    return said
