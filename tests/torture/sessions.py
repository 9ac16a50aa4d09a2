"""kill -9 while sessions are open: `python -m tests.torture.sessions --cycles 200 [--sabotage said_before_durable]`.

As `kill9`, which tells what is compared; of sessions, besides, each byte that the upstream saw of their clients is in the ledger.
"""

from __future__ import annotations

import sys

from tests.torture.kill9 import main
from tests.torture.sessions_load import SessionLoad

if __name__ == "__main__":
    sys.exit(main(SessionLoad, "sessions"))
