"""The daemon as a process: its configuration, its control socket, its end."""

import http.client
import json
import os
import pathlib
import shutil
import signal
import socket
import subprocess
import tempfile

from .config import render
from .waiting import eventually

BUILD = pathlib.Path(os.environ.get("ALOQD_BUILD", pathlib.Path(__file__).resolve().parents[3] / "build"))
PROGRAM = BUILD / "aloqd"
# The same with named places at which it dies when it is asked to; see src/base/fault_point.h.
PROGRAM_WITH_FAULT_POINTS = BUILD / "tests" / "integration" / "aloqd-faults"

# From SIGTERM to the end. The drain itself is bounded by drain_timeout, 30 s unless a test sets it.
STOP_S = 45


class UnixConnection(http.client.HTTPConnection):
    """HTTP over a unix socket."""

    def __init__(self, path, timeout_s):
        super().__init__("localhost", timeout=timeout_s)
        self.path = path

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(self.timeout)
        self.sock.connect(str(self.path))


class Aloqd:
    """One instance. Its files are in a directory with a short name: a unix socket's path has room for 107
    bytes. Started again, it appends to the same log."""

    def __init__(self, settings, name="aloqd", program=PROGRAM):
        self.name, self.program = name, program
        self.directory = pathlib.Path(tempfile.mkdtemp(prefix="aloqd-"))
        self.control = self.directory / "control.sock"
        self.config = self.directory / "aloqd.conf"
        self.log = self.directory / "log"
        self.environment = {}  # what its environment has besides this one's
        self.process = None
        self.write_config(settings)

    def write_config(self, settings):
        daemon = {"control": str(self.control), "instance": self.name, **settings.get("aloqd", {})}
        self.config.write_text(render({**settings, "aloqd": daemon}), encoding="utf-8")

    # ---- life ----

    def start(self):
        """Starts it and waits until it answers; its pipelines may not be ready yet."""
        self._spawn()
        eventually(self._answers_or_ended, 20, lambda: f"{self.name} answers; its log:\n{self.log_tail()}")
        assert self.process.poll() is None, f"aloqd ended with {self.process.returncode}:\n{self.log_tail()}"
        return self

    def start_ready(self, timeout_s=45):
        return self.start().await_ready(timeout_s)

    def start_to_die(self, point, passing=1, wait_ms=0, run_us=0):
        """Starts it with the wish that it dies, as of kill -9, at that passing of a fault point: after having stayed
        there, or having gone on, for a moment. Needs the program that has them."""
        self._spawn(ALOQD_FAULT_POINT=f"{point}:{passing}:" + (f"+{run_us}" if run_us else f"{wait_ms}"))
        return self

    def start_to_freeze(self, point, passing=1):
        """The same, to be frozen there as by SIGSTOP. thaw() lets it go on."""
        self._spawn(ALOQD_FAULT_POINT=f"{point}:{passing}:stop")
        return self

    def start_to_hang(self, point, passing=1, hurry=1):
        """The same, for the thread to stay there for ever, as in a call that does not return; what the daemon waits for
        then is that many times shorter."""
        self._spawn(ALOQD_FAULT_POINT=f"{point}:{passing}:hang", ALOQD_FAULT_HURRY=str(hurry))
        return self

    def await_frozen(self, timeout_s=60):
        def is_frozen():
            assert self.process.poll() is None, f"aloqd has ended:\n{self.log_tail()}"
            return pathlib.Path(f"/proc/{self.process.pid}/stat").read_text().rsplit(")", 1)[1].split()[0] == "T"
        eventually(is_frozen, timeout_s, lambda: f"{self.name} frozen:\n{self.log_tail()}")
        return self

    def await_death(self, timeout_s=60):
        """Its fault point was passed."""
        status = self.await_end(timeout_s)
        assert status == -signal.SIGKILL, f"aloqd ended with {status}:\n{self.log_tail()}"

    def _spawn(self, **environment):
        assert self.process is None or self.process.poll() is not None, "it runs already"
        with self.log.open("ab") as log:
            self.process = subprocess.Popen([self.program, "-c", self.config], stdin=subprocess.DEVNULL,
                                            stdout=log, stderr=log,
                                            env={**os.environ, **self.environment, **environment})

    def _answers_or_ended(self):
        return self.process.poll() is not None or self.get("/health")[0] == 200

    def terminate(self, signal_number=signal.SIGTERM):
        """Asks it to end and returns its exit status."""
        self.process.send_signal(signal_number)
        return self.await_end()

    def await_end(self, timeout_s=STOP_S):
        try:
            return self.process.wait(timeout_s)
        except subprocess.TimeoutExpired:
            raise AssertionError(f"aloqd does not end within {timeout_s} s:\n{self.log_tail()}") from None

    def kill(self):
        self.process.kill()
        self.process.wait(30)

    def freeze(self):
        self.process.send_signal(signal.SIGSTOP)

    def thaw(self):
        self.process.send_signal(signal.SIGCONT)

    def is_frozen(self):
        return pathlib.Path(f"/proc/{self.process.pid}/stat").read_text().rsplit(")", 1)[1].split()[0] == "T"

    def dispose(self):
        """Whatever happened: no process, no files."""
        if self.process is not None and self.process.poll() is None:
            self.kill()
        shutil.rmtree(self.directory, ignore_errors=True)

    def hang_up(self):
        """Asks it to read its configuration again. Does not wait for anything."""
        self.process.send_signal(signal.SIGHUP)

    # ---- what it says ----

    def get(self, path, timeout_s=10):
        """(status, body) of a page on the control socket; (None, why) while nobody answers."""
        connection = UnixConnection(self.control, timeout_s)
        try:
            connection.request("GET", path)
            response = connection.getresponse()
            return response.status, response.read().decode()
        except (OSError, http.client.HTTPException) as error:
            return None, str(error)
        finally:
            connection.close()

    def status(self):
        """/api/v1/partitions: all pipelines with their partitions. {} while nobody answers."""
        status, body = self.get("/api/v1/partitions")
        return json.loads(body) if status == 200 else {}

    def pipeline(self, name=None):
        """One pipeline; the first unless named. {} while nobody answers, or there is none."""
        return next((p for p in self.status().get("pipelines", []) if name in (None, p["name"])), {})

    def counter(self, name):
        return self.pipeline().get("counters", {}).get(name, 0)

    def partitions(self, **wanted):
        """Its partitions, by (topic, number), as far as they look as wanted: partitions(state="blocked")."""
        return {(p["topic"], p["partition"]): p for pipeline in self.status().get("pipelines", [])
                for p in pipeline["partitions"] if all(p[key] == value for key, value in wanted.items())}

    def log_text(self):
        return self.log.read_text(encoding="utf-8", errors="replace") if self.log.exists() else ""

    def log_tail(self, lines=40):
        return "\n".join(self.log_text().splitlines()[-lines:])

    # ---- conditions ----

    def await_ready(self, timeout_s=45):
        eventually(lambda: self.get("/readyz")[0] == 200, timeout_s,
                   lambda: f"{self.name} ready; it says {self.get('/readyz')}\n{self.log_tail()}")
        return self

    def await_pipeline(self, condition, what, timeout_s=45):
        """Waits until condition(pipeline) is true and returns that pipeline."""
        def met():
            assert self.process.poll() is None, f"aloqd has ended:\n{self.log_tail()}"
            pipeline = self.pipeline()
            return pipeline if pipeline and condition(pipeline) else None
        return eventually(met, timeout_s, lambda: f"{what() if callable(what) else what}; {self.brief()}\n{self.log_tail()}")

    def await_state(self, *states, timeout_s=45):
        return self.await_pipeline(lambda p: p["state"] in states, f"state {' or '.join(states)}", timeout_s)

    def await_assigned(self, partitions, timeout_s=45):
        """It reads from this many partitions."""
        def assigned(pipeline):
            return sum(p["state"] == "reading" for p in pipeline["partitions"]) == partitions
        return self.await_pipeline(assigned, f"{partitions} partitions assigned", timeout_s)

    def await_acked(self, records, timeout_s=60):
        """This many more records have been acknowledged than now."""
        before = self.counter("acked_records")
        return self.await_pipeline(lambda p: p["counters"]["acked_records"] >= before + records,
                                   f"{records} more records acknowledged", timeout_s)

    def brief(self):
        """The state in a line, for the message of a failure."""
        pipeline = self.pipeline()
        keys = ("state", "reason", "last_error", "lag", "restarts", "held_bytes", "in_flight_records")
        return str({key: pipeline.get(key) for key in keys} | pipeline.get("counters", {}))

    # ---- the process ----

    def status_kb(self, field):
        """A field of /proc/PID/status: VmRSS, VmHWM."""
        for line in pathlib.Path(f"/proc/{self.process.pid}/status").read_text().splitlines():
            if line.startswith(field + ":"):
                return int(line.split()[1])
        raise KeyError(field)

    def open_files(self):
        return len(os.listdir(f"/proc/{self.process.pid}/fd"))

    def threads(self):
        return len(os.listdir(f"/proc/{self.process.pid}/task"))

    def cpu_s(self):
        stat = pathlib.Path(f"/proc/{self.process.pid}/stat").read_text().rsplit(")", 1)[1].split()
        return (int(stat[11]) + int(stat[12])) / os.sysconf("SC_CLK_TCK")


def aloqctl(daemon, *arguments, timeout_s=20):
    """Runs aloqctl on its control socket: what subprocess.run() returns."""
    return subprocess.run([BUILD / "aloqctl", "--socket", daemon.control, *arguments], stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, text=True, timeout=timeout_s, check=False)


def run(*arguments, timeout_s=20):
    """Runs aloqd to its end: (exit status, what it said on stdout and stderr)."""
    done = subprocess.run([PROGRAM, *arguments], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, timeout=timeout_s, check=False)
    return done.returncode, done.stdout.decode("utf-8", "replace")


def check_config(path, text):
    """aloqd -t on this text."""
    path.write_text(text, encoding="utf-8")
    return run("-t", "-c", str(path))
