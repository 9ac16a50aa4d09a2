"""What must be the same when a client goes through the proxy, and what may differ; one function per comparison.

May differ, and nothing else: an answer gains `x-tos-record` and loses cookies and hop-by-hop headers (RFC 9110 §7.6.1); a request
loses cookies and hop-by-hop headers, its `host` is the upstream's, and its `accept-encoding` keeps only codings that the proxy can
decode. A broken upstream connection is told in the provider's own words (`BROKEN`). An address that Google hands out for an upload
leads to the upstream or to the proxy, which signs it (ADR 0008); a form's boundary is random.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable
from typing import Any, NamedTuple

from proxy.demo.scripted.seen import Seen
from proxy.demo.scripted.store import boundary_of
from proxy.demo.upstream import UpstreamProcess

Line = dict[str, Any]
Headers = list[tuple[str, str]]


class Way(NamedTuple):
    """Where clients go (the base URL of each provider's SDK), and the upstream at its end."""

    bases: dict[str, str]
    upstream: UpstreamProcess


HOP_BY_HOP = {"connection", "keep-alive", "proxy-connection", "te", "trailer", "transfer-encoding", "upgrade"}
NOT_IN_REQUESTS = HOP_BY_HOP | {"host", "cookie", "accept-encoding", "expect", "content-length"}
"""Framing may change on the way; that the body did not is shown by its digest."""
PATIENCE = 15.0
"""Seconds that a scenario may take longer through the proxy on a busy machine; waiting for an end that never comes takes longer."""
RANDOM = {"idempotency-key"}

BROKEN = {
    "reset before the head": 502,
    "garbage": 502,
    "reset in an answer": None,
    "closed in an answer": None,
    "reset in a stream": None,
    "closed in a stream": None,
}
"""Scenarios whose upstream breaks: the client must fail in both runs, but not in the same words; the proxy's own status, if any."""


UPLOAD_LINKS = ("x-goog-upload-url", "x-goog-upload-control-url")
_FRONT = re.compile(r"^http://127\.0\.0\.1:[0-9]+(?:/gemini)?|&x-tos-began=[\w-]+$")


def _answer_headers(answer: dict[str, Any]) -> Headers:
    dropped = HOP_BY_HOP | {"set-cookie", "x-tos-record"}
    kept = [(name, value) for name, value in answer["headers"] if name.lower() not in dropped]
    return [(name, _FRONT.sub("", value) if name.lower() in UPLOAD_LINKS else value) for name, value in kept]


def _named(answer: dict[str, Any], prefix: str) -> list[str]:
    return [name.lower() for name, _ in answer["headers"] if name.lower().startswith(prefix)]


def failed(line: Line) -> bool:
    """Whether a scenario failed for its caller."""
    result = line["result"]
    said = isinstance(result, dict) and ("raised" in result or bool(result.get("exit")))
    return said or (bool(line["answers"]) and line["answers"][-1]["status"] >= 500)


def _begun(line: Line) -> Any:
    """What a caller had received before a stream broke."""
    result = line["result"] if isinstance(line["result"], dict) else {}
    return next((result[name] for name in ("events", "chunks", "printed") if name in result), "")


def compare_broken(direct: Line, proxied: Line, status: int | None) -> list[str]:
    """Differences that matter when the upstream broke."""
    found = []
    if not failed(direct) or not failed(proxied):
        found.append(f"must fail: directly {direct['result']}, through the proxy {proxied['result']}")
    if status is not None:
        statuses = [answer["status"] for answer in proxied["answers"]]
        sources = [_named(answer, "x-tos-source") for answer in proxied["answers"]]
        if statuses != [status] or not all(sources):
            found.append(f"the proxy's own {status} is missing: {statuses}, {sources}")
    elif _begun(proxied)[: len(_begun(direct))] != _begun(direct):
        found.append("what came before the break is not the same")
    return found


def compare_lines(direct: Line, proxied: Line) -> list[str]:
    """Differences between what a client saw directly and through the proxy, in words; empty when there are none."""
    name = direct["scenario"]
    if name in BROKEN:
        return [f"{name}: {one}" for one in compare_broken(direct, proxied, BROKEN[name])]
    found = []
    if direct["result"] != proxied["result"]:
        found.append(f"{name}: the result is {proxied['result']!r:.2000} instead of {direct['result']!r:.2000}")
    if proxied.get("seconds", 0) > direct.get("seconds", 0) + PATIENCE:
        found.append(f"{name}: took {proxied['seconds']} s instead of {direct['seconds']} s")
    answers, through = direct["answers"], proxied["answers"]
    if name == "parallel":
        answers, through = (sorted(several, key=lambda answer: sorted(_answer_headers(answer))) for several in (answers, through))
    if [answer["status"] for answer in answers] != [answer["status"] for answer in through]:
        return [*found, f"{name}: statuses {[one['status'] for one in through]} instead of {[one['status'] for one in answers]}"]
    for answer, other in zip(answers, through, strict=True):
        if _answer_headers(answer) != _answer_headers(other):
            odd = set(_answer_headers(answer)) ^ set(_answer_headers(other))
            found.append(f"{name}: answer headers differ: {sorted(odd) or 'in their order'}")
        if _named(other, "x-tos-") != ["x-tos-record"] or _named(other, "set-cookie"):
            found.append(f"{name}: the proxy's headers are {_named(other, 'x-tos-')}, cookies {_named(other, 'set-cookie')}")
    return found


def _codings(seen: Seen) -> set[bytes]:
    return {part.split(b";")[0].strip() for value in seen.values("accept-encoding") for part in value.split(b",")}


def _request(seen: Seen) -> tuple[Any, ...]:
    boundary = boundary_of((seen.header("content-type") or b"").decode("latin-1")) or b"\0"
    headers = [(name, b"*" if name.decode().lower() in RANDOM else value) for name, value in seen.headers]
    kept = [(name, value.replace(boundary, b"")) for name, value in headers if name.decode().lower() not in NOT_IN_REQUESTS]
    digest = seen.sha256 if boundary == b"\0" else hashlib.sha256(seen.body.replace(boundary, b"")).hexdigest()
    return digest, seen.method, seen.target, kept, seen.received, seen.completed


def compare_requests(direct: Iterable[Seen], proxied: Iterable[Seen]) -> list[str]:
    """Differences between the requests that the upstream saw in the two runs, in words; parallel ones may come in any order."""
    ours, theirs = sorted(map(_request, direct)), sorted(map(_request, proxied))
    found = [f"the upstream saw only directly: {request!r:.1500}" for request in ours if request not in theirs]
    found += [f"the upstream saw only through the proxy: {request!r:.1500}" for request in theirs if request not in ours]
    if not found and ours != theirs:
        found.append(f"{len(theirs)} requests instead of {len(ours)}")
    return found


def compare_hygiene(direct: Iterable[Seen], proxied: Iterable[Seen]) -> list[str]:
    """What must never reach an upstream: cookies, the proxy's own headers, codings the client did not offer, malformed bytes."""
    offered = set().union(*map(_codings, direct))
    found = []
    for seen in proxied:
        if seen.malformed:
            found.append(f"malformed: {seen.malformed}")
        if seen.header("cookie") is not None:
            found.append(f"a cookie went upstream: {seen.target!r}")
        if own := [name for name, _ in seen.headers if name.lower().startswith(b"x-tos-")]:
            found.append(f"the proxy's own headers went upstream: {own}")
        if extra := _codings(seen) - offered:
            found.append(f"codings that the client did not offer: {extra}")
        if len(seen.values("host")) != 1:
            found.append(f"hosts: {seen.values('host')}")
    return found
