"""Ties downloaded results to the lines that they answer, from the ledger alone: download, batch, carrier, line by its name; where
Gemini's have none, by their order.

Responses that a batch stored are taken into the reference index on the way. The answer is read as it was sealed, a piece at a
time; what cannot be opened (`content: digests`, erased) or read (a coding that does not show by its first bytes) leaves a download
that is tied to its batch and to no line.
"""

from __future__ import annotations

import hmac
import zlib
from collections.abc import AsyncIterator
from typing import Protocol

import msgspec
import zstandard
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from proxy.core.references import Origin, reference_key, strictest, subkey
from proxy.ledger import store_content, store_lines, store_references, store_results
from proxy.ledger.store import Store
from proxy.ledger.store_references import Download
from proxy.ledger.store_results import Asked

LONGEST_LINE = 16 * 1024 * 1024
MOST_DOCUMENT = 64 * 1024 * 1024
"""Bytes of a JSON document that holds its results itself; a larger one is tied to its batch and to no line."""

_LONGEST_NAME = 1024
_GZIP, _ZSTD = b"\x1f\x8b", b"\x28\xb5\x2f\xfd"


class _Named(msgspec.Struct):
    """What results of all providers have in common: the name that the client gave the query."""

    custom_id: str = ""
    key: str = ""


class _Body(msgspec.Struct):
    id: str = ""


class _Response(msgspec.Struct):
    body: _Body | None = None


class _Answered(_Named):
    """A result of OpenAI's, with the id of what the line made."""

    response: _Response | None = None


class _Entry(msgspec.Struct):
    metadata: _Named = msgspec.field(default_factory=_Named)


class _Inlined(msgspec.Struct, rename="camel"):
    inlined_responses: list[_Entry] = []


class _Output(msgspec.Struct, rename="camel"):
    inlined_responses: _Inlined = msgspec.field(default_factory=_Inlined)
    inlined_embed_content_responses: _Inlined = msgspec.field(default_factory=_Inlined)


class _Part(_Output, rename="camel"):
    output: _Output = msgspec.field(default_factory=_Output)


class _Document(msgspec.Struct):
    """Gemini's batch with its results, which may stand in any of these places, and in two of them at once."""

    response: _Part = msgspec.field(default_factory=_Part)
    metadata: _Part = msgspec.field(default_factory=_Part)


_line = msgspec.json.Decoder(_Named).decode
_answered = msgspec.json.Decoder(_Answered).decode
_document = msgspec.json.Decoder(_Document).decode


class _Decompressor(Protocol):
    def decompress(self, data: bytes, /) -> bytes: ...


def named(line: bytes) -> str:
    """The client's name for the query that a result line answers; empty when there is none."""
    try:
        found = _line(line)
    except (msgspec.MsgspecError, UnicodeDecodeError):
        return ""
    return (found.custom_id or found.key)[:_LONGEST_NAME]


def made(line: bytes) -> str:
    """The stored response that a result line holds, `response:resp_…`; empty when it holds none."""
    try:
        answer = _answered(line).response
    except (msgspec.MsgspecError, UnicodeDecodeError):
        return ""
    known = answer.body.id if answer is not None and answer.body is not None else ""
    return f"response:{known}" if known.startswith("resp_") and len(known) <= _LONGEST_NAME else ""


def named_within(document: bytes) -> list[str]:
    """The names of the results that a document holds itself, in order; empty of one that has none."""
    try:
        batch = _document(document)
    except (msgspec.MsgspecError, UnicodeDecodeError):
        return []
    places = [place for part in (batch.response, batch.metadata) for place in (part, part.output)]
    held = [one for place in places for one in (place.inlined_responses, place.inlined_embed_content_responses)]
    entries = next((found for one in held if (found := one.inlined_responses)), [])
    return [entry.metadata.key for entry in entries]


async def plain(pieces: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    """The bytes of an answer without the coding it came in; they end where they cannot be read."""
    decompressor: _Decompressor | None = None
    begun = False
    async for piece in pieces:
        if not begun:
            begun = True
            if piece.startswith(_GZIP):
                decompressor = zlib.decompressobj(wbits=31)
            elif piece.startswith(_ZSTD):
                decompressor = zstandard.ZstdDecompressor().decompressobj()
        try:
            yield decompressor.decompress(piece) if decompressor is not None else piece
        except (zlib.error, zstandard.ZstdError):
            return


async def _lines(pieces: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    """Lines of a text that comes in pieces; one that is too long is left out."""
    pending = bytearray()
    skipping = False
    async for piece in pieces:
        *whole, rest = piece.split(b"\n")
        for line in whole:
            if not skipping and len(pending) + len(line) <= LONGEST_LINE:
                yield bytes(pending + line)
            pending.clear()
            skipping = False
        if len(pending) + len(rest) > LONGEST_LINE:
            pending.clear()
            skipping = True
        elif not skipping:
            pending += rest
    if pending:
        yield bytes(pending)


async def _results(endpoint: str, pieces: AsyncIterator[bytes]) -> AsyncIterator[tuple[str, str]]:
    """Name of each result, empty of one that has none, and the response that it holds, if one that is stored."""
    if endpoint != "batch":
        async for line in _lines(pieces):
            if line.startswith(b"{"):
                yield named(line), made(line) if b'"resp_' in line else ""
        return
    document = bytearray()
    async for piece in pieces:
        document += piece
        if len(document) > MOST_DOCUMENT:
            return
    for name in named_within(bytes(document)):
        yield name, ""


def _line_origin(batch: Origin, line: Asked | None) -> Origin:
    """Where a response comes from that a batch made: from the batch, as strict as its line."""
    if line is None:
        return msgspec.structs.replace(batch, kind="response")
    return msgspec.structs.replace(batch, kind="response", model=line.model, verdict=strictest(batch.verdict, line.verdict))


class ResultTies:
    """`tie` is what the reference publisher calls for each download. `identity`: the deployment's identity key."""

    def __init__(self, store: Store, master: AESGCM, identity: bytes) -> None:
        self._store = store
        self._master = master
        self._identity = identity
        self._key = subkey(identity)

    async def tie(self, download: Download) -> None:
        """Tie a download to its batch, its carrier and their lines. Raises: StoreUnavailableError; doing it again is safe."""
        if download.endpoint == "batch" and download.dialect != "gemini":
            return  # the state of a batch; what it came to is fetched from elsewhere

        async def known(ref: str) -> Origin | None:
            return await store_references.find(self._store, reference_key(self._key, download.upstream, ref))

        found = await store_results.batch_of(self._store, download.origin, known)
        if found is None:
            return
        batch, carrier = found
        carriers = await store_results.carriers_of(self._store, carrier, known)
        results: dict[str, str] = {}
        unnamed: list[int] = []
        count = 0
        tied = False
        answer = plain(store_content.answer_of(self._store, download.record, self._master))
        async for name, response in _results(download.endpoint, answer):
            if name:
                results[self._keyed(name)] = response
            elif download.dialect == "gemini":
                unnamed.append(count)
            count += 1
            if len(results) >= store_results.SLICE:
                await self._keep(download, batch, carriers, results)
                results, tied = {}, True
        if results or not (tied or download.endpoint == "batch"):  # a batch that holds no results yet answers nothing
            await self._keep(download, batch, carriers, results)
        if unnamed:
            await self._keep_in_order(download, batch, carrier, unnamed, count)

    async def _keep_in_order(self, download: Download, batch: str, carrier: str, unnamed: list[int], count: int) -> None:
        """Results without a name stand in the order of what was asked, which the API promises; told only if there is one for each.

        Where some have names, lines that have one are not meant: their results would say it.
        """
        if await store_lines.count(self._store, carrier) != count:
            return
        for at in range(0, len(unnamed), store_results.SLICE):
            numbers = unnamed[at : at + store_results.SLICE]
            answered = await store_results.lines_at(self._store, carrier, numbers, nameless=len(unnamed) < count)
            await store_results.keep(self._store, download.record, batch, carrier, answered)

    async def _keep(self, download: Download, batch: str, carriers: list[str], results: dict[str, str]) -> None:
        asked = await store_results.lines_named(self._store, carriers, results)
        await store_results.keep(self._store, download.record, batch, carriers[0], [line.id for line in asked.values()])
        new = {
            reference_key(self._key, download.upstream, response): _line_origin(download.origin, asked.get(name))
            for name, response in results.items()
            if response
        }
        if new:
            await store_references.add(self._store, new)

    def _keyed(self, name: str) -> str:
        """As the gateway keys the names that clients give."""
        return hmac.digest(self._identity, name.encode("utf-8", "surrogatepass"), "sha256").hex()[:32]
