"""A usable configuration without its models: what a control process goes by.

To check a configuration takes pydantic and all models, 10 MB that control would carry for ever and need for a moment at a time. So
a process of that moment reads, checks and compiles (`python -m proxy.app describe`), and this is what it hands over.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path

import msgspec

from proxy.core.alerts import AlertTarget
from proxy.core.principal import Principal
from proxy.core.terms import Clause

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

    @property
    def data_dir(self) -> Path:
        """The data folder."""
        return Path(self.folder)


class Description(msgspec.Struct, frozen=True):
    """A configuration that can be used. `digest` is of the file's bytes; `static` has a hash of each key that counts only after a
    restart; `entries` are the snapshot's configured part, `clauses` those of the terms in force.
    """

    running: Running
    digest: str
    static: dict[str, str]
    entries: list[bytes]
    principals: list[Principal]
    clauses: list[Clause] = []

    def restart_for(self, wanted: Description) -> list[str]:
        """Keys that differ in another description and take effect only when the process starts again."""
        return [name for name, value in self.static.items() if wanted.static.get(name) != value]


def config_file(environ: Mapping[str, str], folder: Path) -> Path | None:
    """The file named by TOS_PROXY_CONFIG, else `tos-proxy.yaml` in `folder` if it is there, else None."""
    if named := environ.get(CONFIG_VARIABLE):
        return folder / named
    usual = folder / DEFAULT_FILE
    return usual if usual.exists() else None


def digest(environ: Mapping[str, str], folder: Path | None = None) -> str:
    """Hash of the configuration file's bytes; empty when there is none or it cannot be read."""
    file = config_file(environ, (folder or Path.cwd()).absolute())
    try:
        return hashlib.sha256(file.read_bytes()).hexdigest() if file else ""
    except OSError:
        return ""
