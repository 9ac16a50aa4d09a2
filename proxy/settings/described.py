"""A usable configuration without its models: what a control process goes by.

To check a configuration takes pydantic and all models, 10 MB that control would carry for ever and need for a moment at a time. So
a process of that moment reads, checks and compiles (`python -m proxy.app describe`), and this is what it hands over.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator, Mapping, Sequence
from itertools import islice
from pathlib import Path

import msgspec

from proxy.core.alerts import AlertTarget
from proxy.core.otlp import OtlpTarget
from proxy.core.principal import Principal
from proxy.core.terms import Clause, Unsaid

CONFIG_VARIABLE = "TOS_PROXY_CONFIG"
DEFAULT_FILE = "tos-proxy.yaml"
_MOST_FOLLOWED = 20_000


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


def digest(environ: Mapping[str, str], folder: Path | None = None, followed: Sequence[str] = ()) -> str:
    """Changes with the configuration file and with what is `followed` (files and folders of policies and terms). Where there is no
    file, it is that of an empty one, as it is for what was loaded.
    """
    file = config_file(environ, (folder or Path.cwd()).absolute())
    try:
        written = hashlib.sha256(file.read_bytes() if file else b"").hexdigest()
    except OSError:
        written = ""
    return digest_with(written, followed)


def digest_with(written: str, followed: Sequence[str]) -> str:
    """The digest where that of the file is known. Of what is followed, names and what changes with every write are looked at, not
    contents: this is asked every second.
    """
    if not followed:
        return written
    found = hashlib.sha256(written.encode())
    for path in followed:
        found.update("".join(islice(_stamps(path), _MOST_FOLLOWED)).encode("utf-8", "surrogateescape"))
    return found.hexdigest()


def _stamps(path: str) -> Iterator[str]:
    """A line for a file, or for each file of a folder. Links to files are followed, which is how mounts change."""
    try:
        found = sorted(os.scandir(path), key=_name)
    except NotADirectoryError:
        yield _stamp(path, Path(path))
        return
    except OSError:
        yield f"{path} cannot be read\n"
        return
    for each in found:
        if each.is_dir(follow_symlinks=False):
            yield from _stamps(each.path) if not each.name.startswith(".") else ()
        elif each.name.endswith((".yaml", ".yml", ".json")) and each.is_file():
            yield _stamp(each.name, each)


def _stamp(name: str, file: os.DirEntry[str] | Path) -> str:
    try:
        found = file.stat()
    except OSError:
        return f"{name} is gone\n"
    return f"{name} {found.st_ino} {found.st_mtime_ns} {found.st_size}\n"


def _name(entry: os.DirEntry[str]) -> str:
    return entry.name
