"""Rules as the engine reads them: compiled from `policies/`, carried in the snapshot's sections `rule` and `bundle`; and limits,
which the configuration sets without a rule.

Plain shapes; docs/adr/0014-rules-as-tables.md says how they come to be and what they mean.
"""

from __future__ import annotations

import msgspec


class Exemption(msgspec.Struct, frozen=True, omit_defaults=True, gc=False):
    """Principals that a rule spares until a date (microseconds since 1970 UTC), who approved it and why."""

    principals: tuple[str, ...]
    until: int
    approver: str
    reason: str = ""


class Rate(msgspec.Struct, frozen=True, omit_defaults=True, gc=False):
    """`count` of something in `seconds`."""

    count: int
    seconds: float

    def __str__(self) -> str:
        """As people write it: `60/m`."""
        unit = {1.0: "s", 60.0: "m", 3600.0: "h", 86400.0: "d"}.get(self.seconds)
        return f"{self.count}/{unit}" if unit else f"{self.count}/{self.seconds:g}s"


class Rule(msgspec.Struct, frozen=True, omit_defaults=True, gc=False):
    """Section `rule`, named by `name` (`pack/rule`, or a file's own name).

    `mode`: `shadow | enforce`. `effect`: `allow | flag | throttle | deny`. `match`: by field, the values of which one must hold
    (globs where they hold `*` or `?`). `when`: CEL, empty for always. `on_error`: the effect when `when` cannot be evaluated.
    `rollout`: percent of principals for whom `mode` counts; for the rest the rule is in shadow. `drop` and `set`: members of a
    JSON body, dotted paths; values of `set` are JSON. `requests`, `tokens`: of a throttle, per principal. `once`: what a flag
    becomes a finding for once (`principal`, `principal_endpoint`), empty for each call.
    """

    name: str
    effect: str
    mode: str = "enforce"
    title: str = ""
    owner: str = ""
    source: str = ""
    match: dict[str, tuple[str, ...]] = {}
    when: str = ""
    on_error: str = ""
    clauses: tuple[str, ...] = ()
    obligations: tuple[str, ...] = ()
    message: str = ""
    rollout: int = 100
    exempt: tuple[Exemption, ...] = ()
    drop: tuple[str, ...] = ()
    set: dict[str, str] = {}
    requests: Rate | None = None
    tokens: Rate | None = None
    once: str = ""

    @property
    def effect_on_error(self) -> str:
        """What it says of a call for which its expression cannot be evaluated: by default the safe side of its mode."""
        return self.on_error or ("flag" if self.mode == "shadow" else "deny")


class Bundle(msgspec.Struct, frozen=True, omit_defaults=True, gc=False):
    """Section `bundle`, name `bundle`: what is in force together; recorded with every exchange.

    `digest`: 64 hex digits over all rules and rows in canonical form. `terms`: the version of the terms catalogue. `packs`: their
    versions by name.
    """

    digest: str = ""
    terms: str = ""
    packs: dict[str, str] = {}


class Limit(msgspec.Struct, frozen=True, omit_defaults=True, gc=False):
    """Section `limit`. Its name says who shares it: `principal/NAME`, `project/NAME` and `upstream/NAME` one each; `principal`
    (each that has none of its own), `group` (each linked group) and `limited` (each principal of that standing).

    `rates`: by what is counted (`core.buckets.KINDS`). `concurrent`: exchanges open at once, 0 for any number. `message`: what is
    told instead of that it is used up.
    """

    rates: dict[str, Rate] = {}
    concurrent: int = 0
    message: str = ""

    def __str__(self) -> str:
        """As people write it: `requests 60/m, concurrent 8`."""
        told = [f"{kind} {rate}" for kind, rate in self.rates.items()]
        return ", ".join([*told, *([f"concurrent {self.concurrent}"] if self.concurrent else [])])
