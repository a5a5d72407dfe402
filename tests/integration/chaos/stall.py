"""One thread of a process stopped, the others running: what SIGSTOP cannot do, and a tracer can."""

import contextlib
import ctypes
import os
import pathlib
import threading

PTRACE_DETACH, PTRACE_SEIZE, PTRACE_INTERRUPT = 17, 0x4206, 0x4207
WALL = 0x40000000  # __WALL: threads of others, too

_libc = ctypes.CDLL(None, use_errno=True)
_libc.ptrace.argtypes = [ctypes.c_long, ctypes.c_long, ctypes.c_void_p, ctypes.c_void_p]
_libc.ptrace.restype = ctypes.c_long


def _ptrace(request, thread):
    if _libc.ptrace(request, thread, None, None) == -1:
        number = ctypes.get_errno()
        raise OSError(number, f"ptrace({request:#x}, {thread}): {os.strerror(number)}")


@contextlib.contextmanager
def stalled_thread(thread):
    """The thread stands still. A tracer is itself a thread, and must do all of it."""
    stopped, release, errors = threading.Event(), threading.Event(), []

    def trace():
        try:
            _ptrace(PTRACE_SEIZE, thread)
            _ptrace(PTRACE_INTERRUPT, thread)
            os.waitpid(thread, WALL)
            stopped.set()
            release.wait()
            _ptrace(PTRACE_DETACH, thread)
        except OSError as error:
            errors.append(error)
            stopped.set()

    tracer = threading.Thread(target=trace, name="tracer", daemon=True)
    tracer.start()
    stopped.wait()
    try:
        if errors:
            raise errors[0]
        yield
    finally:
        release.set()
        tracer.join(10)
    if errors:
        raise errors[0]


def pipeline_thread(daemon, pipeline="relay"):
    """The thread of a pipeline bears its name, and no other thread does."""
    threads = pathlib.Path(f"/proc/{daemon.process.pid}/task").iterdir()
    (found,) = [int(thread.name) for thread in threads if (thread / "comm").read_text().strip() == pipeline]
    return found


def why_no_stall():
    scope = pathlib.Path("/proc/sys/kernel/yama/ptrace_scope")
    if os.geteuid() != 0 and scope.exists() and scope.read_text().strip() in ("2", "3"):
        return "only root may trace here"
    return None
