"""A system of its own under systemd, in a container that shares the network with this one.

Its root is an overlay over a directory (this machine's root, or that of a bare Debian), so that nothing of what is
done in it outlives it."""

import contextlib
import os
import pathlib
import re
import shutil
import signal
import subprocess
import tempfile

from harness.waiting import eventually

BOOT_S = 60
SHUTDOWN_S = 60


def why_not():
    """Why no system can be booted here; None where it can be."""
    if os.geteuid() != 0:
        return "only root can boot a system in a container"
    for program, package in (("systemd-nspawn", "systemd-container"), ("nsenter", "util-linux")):
        if shutil.which(program) is None:
            return f"there is no {program} here; Debian's package is {package}"
    if subprocess.run(["unshare", "--mount", "--pid", "--fork", "--mount-proc", "true"], stderr=subprocess.DEVNULL,
                      check=False).returncode != 0:
        return "the kernel, or the container that this runs in, allows no namespaces"
    return None


def _run(*command, **options):
    done = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          text=True, errors="replace", check=False, **options)
    assert done.returncode == 0, f"{' '.join(map(str, command))}: {done.returncode}: {done.stdout[-3000:]}"
    return done.stdout


@contextlib.contextmanager
def machine_on(lower, package=None):
    """A machine that is not booted yet, with that package installed; nothing of it is left afterwards."""
    made = Machine(lower)
    try:
        if package is not None:
            made.install_unbooted(package)
        yield made
    finally:
        made.dispose()


class Machine:
    def __init__(self, lower="/"):
        self.nspawn = self.leader = None
        self.directory = pathlib.Path(tempfile.mkdtemp(prefix="aloqd-system-", dir="/var/tmp"))
        self.root = self.directory / "root"
        # An overlay's upper directory cannot be on an overlay, which this machine's root may be.
        _run("mount", "-t", "tmpfs", "-o", "size=2g,mode=755", "aloqd-system", self.directory)
        for name in ("root", "upper", "scratch"):
            (self.directory / name).mkdir()
        _run("mount", "-t", "overlay", "aloqd-system", "-o",
             f"lowerdir={lower},upperdir={self.directory / 'upper'},workdir={self.directory / 'scratch'}", self.root)
        self._strip()

    def _strip(self):
        """Takes away what the lower root runs, and who it is."""
        for wants in [*(self.root / "etc/systemd/system").glob("*.wants"), *(self.root / "etc").glob("rc?.d"),
                      self.root / "etc/aloqd", self.root / "var/log/journal"]:
            shutil.rmtree(wants, ignore_errors=True)
        # A container's image often forbids that packages start services.
        (self.root / "usr/sbin/policy-rc.d").unlink(missing_ok=True)
        # It has this machine's network, and may have had a resolver of its own.
        (self.root / "etc/resolv.conf").unlink(missing_ok=True)
        shutil.copy("/etc/resolv.conf", self.root / "etc/resolv.conf")
        self.write("/etc/machine-id", "")
        self.write("/etc/fstab", "")
        (self.root / "var/log/journal").mkdir(parents=True)

    def write(self, path, text, mode=0o644):
        """A file of the machine."""
        place = self.root / str(path).lstrip("/")
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(text, encoding="utf-8")
        place.chmod(mode)

    def copy_in(self, path, place):
        shutil.copy(path, self.root / place.lstrip("/"))
        return place

    def made_in_it(self, pattern):
        """Files that match and that the root it is made from does not have."""
        upper = self.directory / "upper"
        # What is deleted is a character device there.
        return {f"/{path.relative_to(upper)}" for path in upper.rglob(pattern) if not path.is_char_device()}

    def install_unbooted(self, package):
        """The package, with what it depends on, while nothing runs: the service starts with the next boot."""
        place = self.copy_in(package, "/var/tmp/aloqd.deb")
        _run("systemd-nspawn", "-D", self.root, "--register=no", "--keep-unit", "--pipe", "--quiet",
             "--resolv-conf=off", "--setenv=DEBIAN_FRONTEND=noninteractive", "sh", "-c",
             f"apt-get -q -y install {place} || {{ apt-get -q update && apt-get -q -y install {place}; }}")

    # ---- life ----

    def boot(self):
        """Returns once all that starts at boot has started, or failed to."""
        log = (self.directory / "console").open("ab")
        with log:
            # The whole hierarchy of cgroups is its own: where this machine still has the old one, too, systemd 257
            # would not start in it.
            self.nspawn = subprocess.Popen(
                ["systemd-nspawn", "-D", self.root, "--boot", "--register=no", "--keep-unit", "--quiet",
                 "--console=pipe", "--link-journal=no", "--resolv-conf=off", "--hostname=aloqd-system"],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True,
                env={**os.environ, "UNIFIED_CGROUP_HIERARCHY": "1"})
        self.leader = eventually(self._first_process, 10, self._console)
        eventually(self._has_booted, BOOT_S, self._console)
        return self

    def _first_process(self):
        """The machine's process 1. (systemd-nspawn has children of passage before that.)"""
        assert self.nspawn.poll() is None, self._console()
        children = pathlib.Path(f"/proc/{self.nspawn.pid}/task/{self.nspawn.pid}/children").read_text().split()
        for child in children:
            with contextlib.suppress(OSError):
                status = pathlib.Path(f"/proc/{child}/status").read_text()
                if re.search(r"^Name:\tsystemd$", status, re.M) and re.search(r"^NSpid:.*\t1$", status, re.M):
                    return child
        return None

    def _has_booted(self):
        assert self.nspawn.poll() is None, self._console()
        return self.try_run("systemctl", "is-system-running").stdout.strip() in ("running", "degraded")

    def _console(self):
        return (self.directory / "console").read_text(errors="replace")[-3000:]

    def shut_down(self):
        if self.nspawn is None:
            return
        if self.nspawn.poll() is None:
            self.nspawn.send_signal(signal.SIGTERM)  # it passes this on as the wish to power off
        try:
            self.nspawn.wait(SHUTDOWN_S)
        finally:
            if self.nspawn.poll() is None:
                self.nspawn.kill()
                self.nspawn.wait(10)
            self.nspawn = self.leader = None

    def dispose(self):
        try:
            self.shut_down()
        finally:
            # Never remove what may still be mounted: that would reach into the lower root.
            _run("umount", "--recursive", self.root)
            _run("umount", self.directory)
            self.directory.rmdir()

    # ---- what is done in it ----

    def try_run(self, *command, timeout_s=60):
        return subprocess.run(["nsenter", "-t", self.leader, "-a", *command], stdin=subprocess.DEVNULL,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace",
                              timeout=timeout_s, check=False,
                              env={"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL": "C.UTF-8",
                                   "DEBIAN_FRONTEND": "noninteractive"})

    def run(self, *command, timeout_s=60):
        """Runs it and returns what it said."""
        done = self.try_run(*command, timeout_s=timeout_s)
        assert done.returncode == 0, f"{' '.join(command)}: {done.returncode}: {done.stdout[-3000:]}"
        return done.stdout

    def live(self, path):
        """A path as the machine's processes see it, mounts and all."""
        return pathlib.Path(f"/proc/{self.leader}/root") / str(path).lstrip("/")

    def outer_pid(self, inner):
        """The number by which this machine knows a process of that one."""
        namespace = os.readlink(f"/proc/{self.leader}/ns/pid")
        for entry in pathlib.Path("/proc").glob("[0-9]*"):
            with contextlib.suppress(OSError):  # it has ended meanwhile
                if os.readlink(entry / "ns/pid") == namespace:
                    numbers = next(line for line in (entry / "status").read_text().splitlines()
                                   if line.startswith("NSpid:")).split()
                    if int(numbers[-1]) == inner:
                        return int(entry.name)
        raise AssertionError(f"there is no process {inner} in the machine")
