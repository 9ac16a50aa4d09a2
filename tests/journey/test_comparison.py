"""The journeys' comparison sees each thing that a proxy could get wrong."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from proxy.demo.scripted.seen import Seen
from tests.journey.comparison import compare_hygiene, compare_lines, compare_requests

DIRECT: dict[str, Any] = {
    "scenario": "chat",
    "result": {"text": "hello"},
    "answers": [
        {"status": 429, "headers": [["Date", "now"], ["retry-after", "1"], ["set-cookie", "a=b"]]},
        {"status": 200, "headers": [["Date", "now"], ["x-request-id", "1"], ["transfer-encoding", "chunked"]]},
    ],
}


def proxied() -> dict[str, Any]:
    """What a faithful proxy makes of DIRECT."""
    line = copy.deepcopy(DIRECT)
    for answer in line["answers"]:
        answer["headers"] = [pair for pair in answer["headers"] if pair[0] != "set-cookie"] + [["x-tos-record", "r"]]
    return line


def seen(**changes: Any) -> Seen:
    """A request as an upstream saw it."""
    headers = [(b"Host", b"up"), (b"Accept-Encoding", b"gzip, br"), (b"X-Api-Key", b"k")]
    one = Seen(
        number=1, connection=1, method=b"POST", target=b"/v1/messages", headers=headers, body=b"{}", received=2, completed=True
    )
    one = Seen(**{name: changes.get(name, getattr(one, name)) for name in one.__struct_fields__})
    one.seal()
    return one


def test_faithful_proxy_passes() -> None:
    """The documented differences are none."""
    assert compare_lines(DIRECT, proxied()) == []
    through = seen(headers=[(b"host", b"other"), (b"Accept-Encoding", b"gzip"), (b"X-Api-Key", b"k")])
    assert compare_requests([seen()], [through]) == []
    assert compare_hygiene([seen()], [through]) == []


@pytest.mark.parametrize(
    "spoil",
    [
        lambda line: line["result"].update(text="hullo"),
        lambda line: line["answers"].pop(0),
        lambda line: line["answers"][1]["headers"].pop(0),
        lambda line: line["answers"][1]["headers"].reverse(),
        lambda line: line["answers"][1]["headers"].__setitem__(0, ["date", "now"]),
        lambda line: line["answers"][1]["headers"].append(["via", "1.1 proxy"]),
        lambda line: line["answers"][1]["headers"].append(["x-tos-source", "proxy"]),
        lambda line: line["answers"][0]["headers"].append(["set-cookie", "a=b"]),
        lambda line: line["answers"][0]["headers"].remove(["x-tos-record", "r"]),
    ],
    ids=["result", "attempts", "lost", "order", "case", "added", "claimed", "cookie", "unrecorded"],
)
def test_changed_answer_is_named(spoil: Any) -> None:
    """A changed result, attempt, header, order or case of headers is a difference."""
    line = proxied()
    spoil(line)
    assert compare_lines(DIRECT, line)


@pytest.mark.parametrize(
    "changes",
    [
        {"body": b"{ }"},
        {"target": b"/v1/messages?a"},
        {"method": b"PUT"},
        {"completed": False},
        {"headers": [(b"Host", b"up"), (b"X-Api-Key", b"other")]},
        {"headers": [(b"Host", b"up"), (b"X-Api-Key", b"k"), (b"via", b"1.1 proxy")]},
    ],
)
def test_changed_request_is_named(changes: dict[str, Any]) -> None:
    """A changed method, target, header or body is a difference."""
    assert compare_requests([seen()], [seen(**changes)])


def test_repeated_request_is_named() -> None:
    """A request that the proxy sent twice is a difference."""
    assert compare_requests([seen()], [seen(), seen()])


@pytest.mark.parametrize("extra", [(b"cookie", b"a=b"), (b"x-tos-purpose", b"x"), (b"accept-encoding", b"zstd"), (b"host", b"two")])
def test_leaked_header_is_named(extra: tuple[bytes, bytes]) -> None:
    """Cookies, the proxy's own headers, codings nobody offered and a second host are differences."""
    assert compare_hygiene([seen()], [seen(headers=[*seen().headers, extra])])


@pytest.mark.parametrize("result", [{"events": [1]}, {"events": [2], "raised": "APIError"}])
def test_broken_stream_must_fail_after_the_same_events(result: dict[str, Any]) -> None:
    """A broken stream that ends cleanly through the proxy, or after other events, is a difference."""
    direct = {
        "scenario": "reset in a stream",
        "result": {"events": [1], "raised": "ReadError"},
        "answers": [{"status": 200, "headers": []}],
    }
    assert compare_lines(direct, {**direct, "result": result})
