"""Options that several commands share, and how they reach the settings: as environment variables, so that child processes see
the same.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import typer

ConfigOption = Annotated[
    Path | None, typer.Option("--config", "-c", help="Configuration file (TOS_PROXY_CONFIG; default ./tos-proxy.yaml if there).")
]
DataDirOption = Annotated[Path | None, typer.Option("--data-dir", help="Folder of records and secrets (TOS_PROXY_DATA_DIR).")]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON.")]


def settle(config: Path | None = None, data_dir: Path | None = None, **others: object) -> None:
    """Put options that were given into the environment. `others`: `gateway__port=9000` sets TOS_PROXY_GATEWAY__PORT."""
    if config is not None:
        os.environ["TOS_PROXY_CONFIG"] = str(config.absolute())
    if data_dir is not None:
        os.environ["TOS_PROXY_DATA_DIR"] = str(data_dir.absolute())
    for name, value in others.items():
        if value is not None:
            os.environ[f"TOS_PROXY_{name.upper()}"] = str(value)
