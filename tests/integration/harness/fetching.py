"""A librdkafka that stops fetching a partition, as if by itself. The daemon's program is the installed one."""

import pathlib
import shutil
import struct
import subprocess
import tempfile

from .waiting import eventually

SHIM = pathlib.Path(__file__).with_name("fetch_shim.c")
# As in fetch_shim.c.
HALT, REFUSE_RESUME, START_DELAY_MS = range(3)


def why_no_shim():
    return None if shutil.which("cc") else "no C compiler here to make the shim with"


class Fetching:
    """`environment` is for the process."""

    def __init__(self):
        self._directory = pathlib.Path(tempfile.mkdtemp(prefix="aloqd-fetch-"))
        library, self._orders = self._directory / "fetch.so", self._directory / "orders"
        subprocess.run(["cc", "-std=gnu17", "-D_GNU_SOURCE", "-O1", "-Wall", "-Wextra", "-Werror", "-shared", "-fPIC",
                        "-o", library, SHIM], check=True)
        self._orders.write_bytes(struct.pack("=3i", 0, 0, 0))
        self.environment = {"LD_PRELOAD": str(library), "ALOQD_FETCH_FILE": str(self._orders)}

    def _set(self, which, value):
        with self._orders.open("r+b") as file:
            file.seek(4 * which)
            file.write(struct.pack("=i", value))

    def _is_carried_out(self):
        return self._orders.read_bytes()[:4] == bytes(4)

    def halt(self, partition):
        """librdkafka does not fetch this partition any more, from now on."""
        self._set(HALT, partition + 1)
        eventually(self._is_carried_out, 30, "the partition is not fetched any more")

    def refuse_resume(self, refuse=True):
        """Whatever is tried does not help."""
        self._set(REFUSE_RESUME, int(refuse))

    def delay_starts(self, delay_ms):
        """An order to fetch is numbered so long before it is queued, and one of the daemon's may come in between."""
        self._set(START_DELAY_MS, delay_ms)

    def close(self):
        shutil.rmtree(self._directory, ignore_errors=True)
