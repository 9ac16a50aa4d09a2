"""From policies as people write them to rules as the engine reads them, and to the digest of what is in force together."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from typing import Any

import msgspec

from proxy.core.rules import Bundle, Exemption, Rule
from proxy.core.terms import Models, Row
from proxy.policy import schema
from proxy.policy.loader import Found, Source


def rules(found: Found) -> list[Rule]:
    """The rules of everything read, in the order of their names: the order of files is no part of what they say."""
    return sorted((rule(source) for source in found.sources), key=lambda each: each.name)


def rule(source: Source) -> Rule:
    """One policy as a rule; one that only stands beside a pinned release is in shadow, whatever it says itself."""
    spec, metadata = source.policy.spec, source.policy.metadata
    transform, throttle = spec.transform or schema.Transform(), spec.effect.throttle
    return Rule(
        name=source.name,
        effect=spec.effect.word,
        mode="shadow" if source.beside else spec.mode,
        title=metadata.title,
        owner=metadata.owner,
        source=source.document.name,
        match={name: tuple(values) for name, values in spec.match.items()},
        when=spec.when.strip(),
        on_error=spec.on_error or "",
        clauses=tuple(spec.clauses),
        obligations=tuple(spec.obligations),
        message=spec.message.strip(),
        rollout=spec.rollout,
        exempt=tuple([Exemption(tuple(one.principals), one.until, one.approver, one.reason) for one in spec.exceptions]),
        drop=tuple(transform.drop),
        set={path: _json(value) for path, value in transform.set.items()},
        requests=throttle.requests if throttle else None,
        tokens=throttle.tokens if throttle else None,
        once=spec.once or "",
    )


def bundle(made: Iterable[Rule], rows: Mapping[str, Row], models: Models, terms: str, packs: Mapping[str, str]) -> Bundle:
    """What is in force together. `terms`: the catalogue's version; `packs`: versions by name. Equal content has an equal digest,
    wherever its files stand.
    """
    told = [msgspec.structs.replace(each, source="") for each in made]
    parts: list[Any] = [sorted(told, key=lambda each: each.name), dict(rows), models, terms, dict(packs)]
    canonical = msgspec.json.encode(parts, order="sorted")
    return Bundle(hashlib.sha256(canonical).hexdigest(), terms, dict(packs))


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"), sort_keys=True)
