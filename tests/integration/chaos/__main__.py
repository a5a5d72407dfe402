"""python3 -m chaos, from tests/integration: what scripts/chaos runs."""

import signal
import sys

from .campaign import main


def end(_number, _frame):
    """Asked to end, it takes its Kafka and daemons along, and says how far it came."""
    raise KeyboardInterrupt


signal.signal(signal.SIGTERM, end)
signal.signal(signal.SIGINT, end)
sys.exit(main(sys.argv[1:]))
