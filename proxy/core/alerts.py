"""Who is told of what happened, as the configuration names them."""

from __future__ import annotations

import msgspec


class AlertTarget(msgspec.Struct, frozen=True):
    """One target: an address (`url`), or a file that lines are added to.

    `secret_env` names the variable with the secret that signs what is sent. `format`: `standard | slack | ocsf | jsonl`. `kinds` of
    findings, `case` and `standing`, from `severity` on. `exchanges`: every exchange too, without its content.
    """

    url: str = ""
    file: str = ""
    secret_env: str = ""
    format: str = "standard"
    kinds: tuple[str, ...] = ("extraction", "terms", "integrity", "case", "standing")
    severity: str = "low"
    exchanges: bool = False
