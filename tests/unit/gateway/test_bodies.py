"""Bodies that are read again."""

import gzip

from proxy.core.oneshot import drive
from proxy.gateway.bodies import Decoded, Held, Source


def all_of(source: Source) -> bytes:
    """Every piece, to the end."""
    found = bytearray()

    async def read() -> None:
        while piece := await source.next():
            found.extend(piece)

    def failed(error: BaseException) -> None:
        raise error

    drive(read(), failed)
    return bytes(found)


def test_a_coding_is_taken_off() -> None:
    """And what cannot be decoded to its end is said to be torn."""
    content, torn = b"a line\n" * 50_000, []
    assert all_of(Held(content)) == content
    encoded = gzip.compress(content)
    assert all_of(Decoded(Held(encoded), b"gzip", lambda: torn.append(1))) == content
    assert torn == []
    assert content.startswith(all_of(Decoded(Held(encoded[:-20]), b"gzip", lambda: torn.append(1))))
    assert torn == [1]
