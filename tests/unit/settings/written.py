"""Configurations for tests, written to a folder and read from it."""

from __future__ import annotations

from pathlib import Path

import pytest

from proxy.documents.problems import ConfigurationError
from proxy.settings.loading import Loaded, load


def loaded(folder: Path, text: str = "", **environ: str) -> Loaded:
    (folder / "tos-proxy.yaml").write_text(text)
    return load({f"TOS_PROXY_{key}": value for key, value in environ.items()}, folder)


def complaints(folder: Path, text: str = "", **environ: str) -> list[str]:
    with pytest.raises(ConfigurationError) as caught:
        loaded(folder, text, **environ)
    return [str(problem).removeprefix(f"{folder}/") for problem in caught.value.problems]
