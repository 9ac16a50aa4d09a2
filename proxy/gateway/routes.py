"""Where a request goes: upstream by the first path segment, endpoint by the rest. No destination but configured ones."""

from __future__ import annotations

import re
from urllib.parse import parse_qsl, unquote_to_bytes

import msgspec

from proxy.core.snapshot import UpstreamOptions
from proxy.dialects import by_name, find
from proxy.dialects.contract import Dialect, Endpoint, PathParameters
from proxy.dialects.plans import plan_of_key, plan_of_place
from proxy.gateway.refusal import Refused
from proxy.wire.origin import parse_origin
from proxy.wire.pool import Pool

# An encoding of a character that has a plain form which means something in a path (`/ \\ . % ; ? #`, letters, digits, controls)
# lets two readers see two paths, and so do bytes that are no UTF-8 (%c0%af was a slash once). Other encodings are one-to-one.
_AMBIGUOUS = re.compile(
    rb"%(?![0-9A-Fa-f]{2})|%(?:[01][0-9A-Fa-f]|2[35DdEeFf]|3[0-9BbFf]|4[1-9A-Fa-f]|5[0-9AaCcFf]|6[1-9A-Fa-f]|7[0-9AaEeFf])|\\"
)
_DOTS = re.compile(rb"//|/\.{1,2}(?:/|;|$)|;")
_SLOTS = {"anthropic": "x-api-key", "gemini": "x-goog-api-key"}
_VERSION = re.compile(rb"/v[0-9][0-9a-z]*\Z")
_OURS = re.compile(rb"(?:^|&)x-tos-[^&]*")
_REMEMBERED = 4096
_LONGEST_REMEMBERED = 256
_LONGEST_MODEL = 256
_SECRET_NAME = re.compile(rb"(?i)key|api[_-]?key|access_token|token|auth|upload_id")


class Upstream:
    """A configured upstream, ready to be called."""

    __slots__ = ("authority", "dialect", "headers", "host_line", "key_header", "key_plan", "name", "options", "origin", "pool")

    def __init__(self, options: UpstreamOptions, pool: Pool, provider_key: str | None) -> None:
        self.options = options
        self.name = options.name
        self.origin = parse_origin(options.base_url)
        self.authority = self.origin.authority
        self.host_line = b"Host: " + self.origin.host_header
        self.dialect = by_name(options.dialect)
        self.pool = pool
        self.headers = [(name.lower().encode(), f"{name}: {value}".encode()) for name, value in options.headers.items()]
        self.key_header = self._key_header(provider_key) if provider_key else None
        self.key_plan = plan_of_key(provider_key.encode()) if provider_key else ""

    def _key_header(self, key: str) -> bytes:
        """The provider's key in the slot its API reads it from."""
        slot = self.options.api_key_slot or _SLOTS.get(self.dialect.name, "bearer")
        return (b"Authorization: Bearer " if slot == "bearer" else slot.encode() + b": ") + key.encode()

    def placed(self, path: bytes) -> bytes:
        """A client's path below the base URL's own, and nothing of that twice: neither where a client has it in its own base URL
        (`/openai/v1` of Groq, as its SDK has), nor where the base URL ends in the version with which the client's path begins.
        """
        prefix = self.origin.prefix
        if not prefix:
            return path
        if path.startswith(prefix + b"/v") and path[len(prefix) + 2 : len(prefix) + 3].isdigit():
            return path
        version = _VERSION.search(prefix)
        if version is not None and path.startswith(version[0] + b"/"):
            return prefix + path[len(version[0]) :]
        return prefix + path


class Route:
    """One request's way: `target` is what the upstream is asked for; `recorded_target` is it without secrets.

    `plan`: what credentials that are used there were sold as, empty where that is not settled by the place.
    `lasting`: the same object stands for every request of this target. `upgrades`: the request opens a session. `elsewhere`: its
    credential may stand in other places than the providers' header fields.
    """

    __slots__ = (
        "dialect",
        "elsewhere",
        "endpoint",
        "lasting",
        "parameters",
        "plan",
        "query",
        "recorded_target",
        "target",
        "upgrades",
        "upstream",
    )

    def __init__(
        self, upstream: Upstream, dialect: Dialect, endpoint: Endpoint, parameters: PathParameters, path: bytes, query: bytes | None
    ) -> None:
        self.upstream = upstream
        self.dialect = dialect
        self.endpoint = endpoint
        self.parameters = parameters
        self.query = query
        self.elsewhere = query is not None
        self.upgrades = False
        self.lasting = False
        prefixed = upstream.placed(path)
        self.plan = plan_of_place(upstream.origin.host, prefixed)
        sent = query if query is None else without_ours(query)
        self.target = prefixed if sent is None else prefixed + b"?" + sent
        self.recorded_target = (
            prefixed.decode("ascii")
            if sent is None
            else (prefixed + b"?" + b"&".join(map(_redacted, sent.split(b"&")))).decode("ascii")
        )

    def parameters_of_query(self) -> dict[str, str]:
        """The query's parameters by name, the first of each."""
        found: dict[str, str] = {}
        for name, value in parse_qsl((self.query or b"").decode("latin-1"), encoding="utf-8", errors="replace"):
            found.setdefault(name, value)
        return found

    def without_key_parameter(self) -> bytes:
        """The target without `key=…` and `access_token=…`, for when another key takes their place."""
        if self.query is None:
            return self.target
        kept = [
            part for part in without_ours(self.query).split(b"&") if _parameter_name(part).lower() not in (b"key", b"access_token")
        ]
        path = self.target.split(b"?", 1)[0]
        return path + b"?" + b"&".join(kept) if kept else path


def without_ours(query: bytes) -> bytes:
    """A query as it may leave: without parameters of our own (`links.py` gives out addresses with one)."""
    return _OURS.sub(b"", query).lstrip(b"&") if b"x-tos-" in query else query


def _parameter_name(part: bytes) -> bytes:
    """The name as an upstream will read it: `k%65y` is `key`."""
    return unquote_to_bytes(part.partition(b"=")[0])


def _redacted(part: bytes) -> bytes:
    return part if _SECRET_NAME.fullmatch(_parameter_name(part)) is None else part.partition(b"=")[0] + b"=REDACTED"


Place = tuple[Upstream, Dialect, Endpoint, PathParameters, bytes]
"""Where a path leads, and what of it comes below the upstream's base URL."""


class Routes:
    """All upstreams of one snapshot."""

    __slots__ = ("_default", "_known", "_places", "upstreams")

    def __init__(self, upstreams: dict[str, Upstream], default: str | None) -> None:
        self.upstreams = {name.encode(): upstream for name, upstream in upstreams.items()}
        self._default = upstreams.get(default) if default else None
        self._known: dict[tuple[str, bytes], Route] = {}
        self._places: dict[tuple[str, bytes], Place] = {}

    def find(self, method: str, target: bytes) -> Route:
        """The way of a request.

        Raises: Refused 400 (a path with two readings), 404 (no such upstream).
        """
        known = self._known.get((method, target))
        if known is not None:
            return known
        path, mark, query = target.partition(b"?")
        if mark:  # it may hold a credential, and differs each time: where the path leads is all that is remembered (Azure has many)
            return Route(*self._place(method, path), query)
        route = Route(*self._find(method, path), None)
        if len(target) <= _LONGEST_REMEMBERED:
            if len(self._known) >= _REMEMBERED:
                self._known.clear()
            self._known[method, target] = route
            route.lasting = True
        return route

    def _place(self, method: str, path: bytes) -> Place:
        place = self._places.get((method, path))
        if place is None:
            place = self._find(method, path)
            if len(path) <= _LONGEST_REMEMBERED:
                if len(self._places) >= _REMEMBERED:
                    self._places.clear()
                self._places[method, path] = place
        return place

    def session(self, target: bytes) -> Route | None:
        """The way of a request that asks for a WebSocket; None when its endpoint takes none. Raises: Refused, as `find`."""
        path, mark, query = target.partition(b"?")
        upstream, dialect, endpoint, parameters, rest = self._find("GET", path)
        if endpoint.session is None:
            return None
        route = Route(upstream, dialect, endpoint, parameters, rest, query if mark else None)
        route.upgrades = route.elsewhere = True
        named = route.parameters_of_query()
        if (model := parameters.model or named.get("model") or named.get("deployment")) is not None:
            route.parameters = msgspec.structs.replace(parameters, model=model[:_LONGEST_MODEL])
        return route

    def _find(self, method: str, path: bytes) -> Place:
        if _AMBIGUOUS.search(path) or _DOTS.search(path) or not _is_utf8(unquote_to_bytes(path)):
            raise Refused(
                400, "bad_request", "The path can be read in two ways (dot segments, doubled slashes or needless percent-encoding)."
            )
        name, slash, rest = path[1:].partition(b"/")
        upstream = self.upstreams.get(name)
        if upstream is None or not slash:
            if self._default is None:
                known = ", ".join(sorted(key.decode() for key in self.upstreams))
                raise Refused(404, "unknown_upstream", f"The path must begin with the name of an upstream: one of {known}.")
            upstream, rest = self._default, path[1:]
        plain = unquote_to_bytes(rest).decode().rstrip("/")
        return upstream, *find(upstream.dialect, method, "/" + plain), b"/" + rest


def _is_utf8(path: bytes) -> bool:
    try:
        path.decode()
    except UnicodeDecodeError:
        return False
    return True
