"""A usable configuration without its models: what a control process goes by.

To check a configuration takes pydantic and all models, 10 MB that control would carry for ever and need for a moment at a time. So
a process of that moment reads, checks and compiles (`python -m proxy.app describe`), and this is what it hands over.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import msgspec

from proxy.core.alerts import AlertTarget
from proxy.core.otlp import OtlpTarget
from proxy.core.principal import Principal
from proxy.core.terms import Clause, Unsaid
from proxy.settings.following import stamps

CONFIG_VARIABLE = "TOS_PROXY_CONFIG"
DEFAULT_FILE = "tos-proxy.yaml"


class SignOnOptions(msgspec.Struct, frozen=True):
    """A provider of single sign-on; the secret stands in the variable `secret_env`."""

    issuer: str
    client_id: str
    secret_env: str
    claim: str
    roles: dict[str, str]
    name: str


class Running(msgspec.Struct, frozen=True):
    """What counts from start to end: places, and the ledger's bounds. Seconds and bytes; `copied`: `local+db`."""

    folder: str
    store_url: str
    admin_token: str | None
    max_bytes: int
    content_seconds: float
    evidence_seconds: float
    copied: bool
    ship_seconds: float
    sign_on: SignOnOptions | None = None
    alerts: dict[str, AlertTarget] = {}
    otlp: OtlpTarget | None = None

    @property
    def data_dir(self) -> Path:
        """The data folder."""
        return Path(self.folder)


class Description(msgspec.Struct, frozen=True):
    """A configuration that can be used. `digest` is of the file and of what is `followed` beside it; `static` has a hash of each
    key that counts only after a restart; `entries` are the snapshot's configured part, `clauses` those of the terms in force,
    `unsaid` what these allow by silence.
    """

    running: Running
    digest: str
    static: dict[str, str]
    entries: list[bytes]
    principals: list[Principal]
    clauses: list[Clause] = []
    followed: list[str] = []
    unsaid: list[Unsaid] = []

    def restart_for(self, wanted: Description) -> list[str]:
        """Keys that differ in another description and take effect only when the process starts again."""
        return [name for name, value in self.static.items() if wanted.static.get(name) != value]


def config_file(environ: Mapping[str, str], folder: Path) -> Path | None:
    """The file named by TOS_PROXY_CONFIG, else `tos-proxy.yaml` in `folder` if it is there, else None."""
    if named := environ.get(CONFIG_VARIABLE):
        return folder / named
    usual = folder / DEFAULT_FILE
    return usual if usual.exists() else None


def digest(
    environ: Mapping[str, str], folder: Path | None = None, followed: Sequence[str] = (), look: Callable[[str], str] = stamps
) -> str:
    """Changes with the configuration file and with what is `followed` (files and folders of policies and terms), as `look` sees it.
    Where there is no file, it is that of an empty one, as it is for what was loaded.
    """
    file = config_file(environ, (folder or Path.cwd()).absolute())
    try:
        written = hashlib.sha256(file.read_bytes() if file else b"").hexdigest()
    except OSError:
        written = ""
    return digest_with(written, followed, look)


def digest_with(written: str, followed: Sequence[str], look: Callable[[str], str] = stamps) -> str:
    """The digest where that of the file is known."""
    if not followed:
        return written
    found = hashlib.sha256(written.encode())
    for path in followed:
        found.update(look(path).encode("utf-8", "surrogateescape"))
    return found.hexdigest()
