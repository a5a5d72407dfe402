"""aloqd as a unit of a machine. What it says is asked as of any other aloqd, over its control socket."""

import json
import re

from harness.aloqd import Aloqd
from harness.config import render
from harness.waiting import eventually


class UnitProcess:
    """Stands where the harness expects the process that a test has started."""

    def __init__(self, service):
        self.service = service
        self.returncode = None

    def poll(self):
        """None unless it has ended for good; between a death and the restart it has not."""
        state = self.service.show("ActiveState")
        self.returncode = self.service.show("Result") if state in ("failed", "inactive") else None
        return self.returncode


class Service(Aloqd):
    """aloqd.service, or an instance of aloqd@.service."""

    def __init__(self, machine, instance=None):
        # Not Aloqd's own: it makes a directory and a configuration, and here both are the machine's.
        self.machine = machine
        self.name = f"aloqd@{instance}.service" if instance else "aloqd.service"
        self.config_path = f"/etc/aloqd/{instance or 'aloqd'}.conf"
        self.control_path = f"/run/aloqd-{instance}/control.sock" if instance else "/run/aloqd/control.sock"
        self.process = UnitProcess(self)

    @property
    def control(self):
        return self.machine.live(self.control_path)

    def write_config(self, settings):
        self.machine.write(self.config_path, render(settings))

    def drop_in(self, text, name="test"):
        """A drop-in; systemd knows it afterwards."""
        self.machine.write(f"/etc/systemd/system/{self.name}.d/{name}.conf", text)
        self.machine.run("systemctl", "daemon-reload")

    def systemctl(self, verb, *arguments, timeout_s=90):
        return self.machine.run("systemctl", verb, *arguments, self.name, timeout_s=timeout_s)

    def start(self):
        self.systemctl("start")
        return self

    def terminate(self, signal_number=None):
        """Stops it. 0: it has drained."""
        assert signal_number is None, "a service is stopped by systemd"
        self.systemctl("stop")
        result = self.show("Result")
        return 0 if result == "success" else result

    def dispose(self):
        self.machine.try_run("systemctl", "stop", self.name, timeout_s=90)
        self.machine.try_run("systemctl", "reset-failed", self.name)
        self.machine.try_run("rm", "-rf", f"/etc/systemd/system/{self.name}.d")
        self.machine.run("systemctl", "daemon-reload")

    # ---- what systemd says ----

    def show(self, name):
        return self.machine.run("systemctl", "show", "--value", f"--property={name}", self.name).strip()

    def pid(self):
        """Its process, by the number that it has outside the machine."""
        inner = int(self.show("MainPID"))
        assert inner, f"{self.name} has no process:\n{self.log_tail()}"
        return self.machine.outer_pid(inner)

    def await_status(self, pattern, timeout_s=45):
        eventually(lambda: re.search(pattern, self.show("StatusText")), timeout_s,
                   lambda: f"STATUS like {pattern}; it is {self.show('StatusText')}\n{self.log_tail()}")

    def journal(self, *matches):
        """Its events since the machine booted, as dicts."""
        text = self.machine.run("journalctl", "-b", "-o", "json", "-u", self.name, *matches)
        return [json.loads(line) for line in text.splitlines() if line.startswith("{")]

    def log_text(self):
        return self.machine.try_run("journalctl", "-b", "-o", "short-precise", "-u", self.name).stdout
