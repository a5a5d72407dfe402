"""The wall clock that one process sees, moved while it runs. The machine's own stays."""

import pathlib
import shutil
import struct
import subprocess
import tempfile

SHIM = pathlib.Path(__file__).with_name("clock_shim.c")


def why_no_clock():
    return None if shutil.which("cc") else "no C compiler here to make the clock's shim with"


class MovableClock:
    """`environment` is for the process; it begins with the right time."""

    def __init__(self):
        self._directory = pathlib.Path(tempfile.mkdtemp(prefix="aloqd-clock-"))
        library, self._ahead = self._directory / "clock.so", self._directory / "ahead"
        subprocess.run(["cc", "-std=gnu17", "-D_GNU_SOURCE", "-O1", "-Wall", "-Wextra", "-Werror", "-shared", "-fPIC",
                        "-o", library, SHIM], check=True)
        self._ahead.write_bytes(struct.pack("=q", 0))
        self.environment = {"LD_PRELOAD": str(library), "ALOQD_CLOCK_FILE": str(self._ahead)}

    def move_to(self, ahead_s):
        """The process's clock is so many seconds ahead from now on."""
        with self._ahead.open("r+b") as file:
            file.write(struct.pack("=q", int(ahead_s * 1_000_000_000)))

    def close(self):
        shutil.rmtree(self._directory, ignore_errors=True)
