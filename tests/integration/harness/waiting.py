"""Tests wait for a condition, within a bound, and never for luck."""

import time


class NeverCame(AssertionError):
    """A condition that a test waited for did not come."""


def eventually(condition, timeout_s, what, every_s=0.03):
    """Returns the first true value of condition(). `what` says what was waited for: a string, or a function
    that is called when the time is over, to say what there was instead."""
    deadline = time.monotonic() + timeout_s
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > deadline:
            raise NeverCame(f"not within {timeout_s} s: {what() if callable(what) else what}")
        time.sleep(every_s)


def holds_for(condition, duration_s, what, every_s=0.05):
    """The condition stays true for that long. For what must not happen: no bound can prove it, so that the
    duration is chosen to be many times what the wrong thing would take."""
    deadline = time.monotonic() + duration_s
    while time.monotonic() < deadline:
        if not condition():
            raise AssertionError(f"did not hold for {duration_s} s: {what() if callable(what) else what}")
        time.sleep(every_s)
