"""What a supervisor is told, as one JSON argument of `python -m proxy.app supervisor`. It holds no secret, since others may
read argv.
"""

from __future__ import annotations

import json
import sys
from dataclasses import asdict, dataclass, field
from typing import Self

CUTTING_SECONDS = 10.0
"""What a gateway may take beyond its drain, to cut what is still open: its own bounds for that are 7 seconds."""

GATEWAY, CONTROL, ALL = "gateway", "control", "all"
ROLES = (GATEWAY, CONTROL, ALL)


@dataclass(frozen=True)
class Plan:
    """`role`: `gateway | control | all`. Ports may be 0 (any free one). `part_seconds`: how long gateways go on accepting after the
    signal to end; `drain_seconds` bounds their farewell after that, `ship_seconds` control's. `copied`: the database is the second
    place of every record, so an end without them all there is no end in order. `token_file` is where the admin token is; with
    `token_new` it is printed, once. `described`: the file descriptor under which control finds the checked
    configuration. `began`: when the command was started, in seconds since 1970. `python`: how a child is started,
    up to its name.
    """

    role: str
    data_dir: str
    host: str = "127.0.0.1"
    port: int = 8080
    unix_socket: str | None = None
    workers: int = 1
    health_host: str = "127.0.0.1"
    health_port: int = 8082
    ships: bool = True
    admin: bool = True
    admin_host: str = "127.0.0.1"
    admin_port: int = 8081
    tls: bool = False
    part_seconds: float = 0.0
    drain_seconds: float = 120.0
    ship_seconds: float = 30.0
    copied: bool = False
    token_file: str | None = None
    token_new: bool = False
    described: int | None = None
    version: str = ""
    began: float = 0.0
    python: list[str] = field(default_factory=lambda: [sys.executable, "-P", "-m", "proxy.app"])

    @classmethod
    def read(cls, text: str) -> Self:
        """The plan of `write`.

        Raises: ValueError, TypeError when `text` is none.
        """
        return cls(**json.loads(text))

    def write(self) -> str:
        """One line of JSON."""
        return json.dumps(asdict(self))

    @property
    def gateways(self) -> bool:
        """Whether gateway workers run here."""
        return self.role in (GATEWAY, ALL)

    @property
    def control(self) -> bool:
        """Whether a control process runs here. A gateway alone has one, without admin, when it ships to a database for many."""
        return self.role in (CONTROL, ALL) or self.ships
