"""Section `alerts`: who is told of what happened."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal, Self
from urllib.parse import urlsplit

from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from proxy.core.alerts import AlertTarget
from proxy.settings.units import VARIABLE, Strict, commas


def _address(written: str) -> str:
    """An address that messages are sent to; its secret, if it has one, stands in it, so that it is shown to nobody."""
    parts = urlsplit(written)
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.fragment:
        raise ValueError("should start with http:// or https:// and name a host")
    return written


class Alert(Strict):
    """Who is told of findings and cases: an address that takes webhooks, or a file that gets a line each."""

    url: Annotated[str, AfterValidator(_address)] | None = None
    file: Path | None = None
    secret_env: Annotated[str, Field(pattern=VARIABLE)] | None = None
    format: Literal["standard", "slack", "ocsf", "jsonl"] = "standard"
    kinds: Annotated[list[Literal["extraction", "question", "terms", "integrity", "case", "standing"]], BeforeValidator(commas)] = [
        *("extraction", "terms", "integrity", "case", "standing")
    ]
    severity: Literal["notice", "low", "medium", "high"] = "low"
    exchanges: bool = False

    @model_validator(mode="after")
    def _one_place(self) -> Self:
        if (self.url is None) == (self.file is None):
            raise ValueError("needs either a url or a file")
        return self

    @property
    def target(self) -> AlertTarget:
        """It as control goes by it."""
        return AlertTarget(
            url=self.url or "",
            file=str(self.file) if self.file else "",
            secret_env=self.secret_env or "",
            format=self.format,
            kinds=tuple(self.kinds),
            severity=self.severity,
            exchanges=self.exchanges,
        )
