"""Stops one thread of a process while the others run, as a bug would: by ptrace, which SIGSTOP cannot do."""

import contextlib
import ctypes
import os
import pathlib
import threading

PTRACE_SEIZE = 0x4206
PTRACE_INTERRUPT = 0x4207
PTRACE_DETACH = 17
WALL = 0x40000000  # waits for threads, too

_libc = ctypes.CDLL(None, use_errno=True)
_libc.ptrace.argtypes = [ctypes.c_long, ctypes.c_long, ctypes.c_void_p, ctypes.c_void_p]
_libc.ptrace.restype = ctypes.c_long


def _ptrace(request, thread):
    if _libc.ptrace(request, thread, None, None) < 0:
        raise OSError(ctypes.get_errno(), f"ptrace of thread {thread}")


def thread_named(pid, name):
    """The thread of that name. (The kernel keeps 15 characters of it.)"""
    for task in pathlib.Path(f"/proc/{pid}/task").iterdir():
        if (task / "comm").read_text().strip() == name[:15]:
            return int(task.name)
    raise AssertionError(f"process {pid} has no thread {name}")


class _Freezer(threading.Thread):
    """Who traces a thread must also reap it: until then its process has not ended in its parent's eyes."""

    def __init__(self, thread):
        super().__init__(daemon=True)
        self.thread = thread
        self.stopped, self.let_go = threading.Event(), threading.Event()

    def run(self):
        _ptrace(PTRACE_SEIZE, self.thread)
        _ptrace(PTRACE_INTERRUPT, self.thread)
        os.waitpid(self.thread, WALL)
        self.stopped.set()
        while not self.let_go.wait(0.05):
            reaped, status = os.waitpid(self.thread, WALL | os.WNOHANG)
            if reaped and not os.WIFSTOPPED(status):
                return
        _ptrace(PTRACE_DETACH, self.thread)


@contextlib.contextmanager
def frozen(thread):
    """It stands still for as long as the block lasts, or until its process is killed."""
    freezer = _Freezer(thread)
    freezer.start()
    assert freezer.stopped.wait(10), f"thread {thread} cannot be stopped"
    try:
        yield
    finally:
        freezer.let_go.set()
        freezer.join(10)
