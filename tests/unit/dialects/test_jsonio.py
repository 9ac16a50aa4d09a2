"""Strict inspection of JSON: what is refused, what is only flagged, and that no bytes raise anything else."""

import json

import pytest

from proxy.dialects.jsonio import MAX_CONTAINERS, StrictJSONError, inspect_json, read_leniently, write_compact


def refused(raw: bytes, charset: str | None = None) -> tuple[int, str]:
    with pytest.raises(StrictJSONError) as caught:
        inspect_json(raw, charset)
    return caught.value.status, caught.value.code


@pytest.mark.parametrize(
    "raw",
    [
        b'{"a":1,"a":2}',
        b'{"model":"x","mod\\u0065l":"y"}',
        b'{"a":{"b":1,"b":1}}',
        b'[{"a":1},{"a" : 1, "a" : 2}]',
        b'{"t":"\\":","a":1,"a":2}',
        b'{"t":"\\u0022:","a":1,"a":2}',
        b'{"a":{"x":1},"a":{"x":1}}',
        b'{"a":1,"a":18446744073709551616}',
        b'{"t":"\\ud800","a":1,"a":2}',
        b'{"\\ud800":1,"\\ud800":2}',
        b'\xef\xbb\xbf{"a":1,"a":2}',
        b'{"t":"\x01","a":1,"a":2}',
        b'{"a":1e999,"a":2}',
        b'{"":1,"":2}',
    ],
)
def test_a_key_that_occurs_twice_is_refused_however_it_is_written(raw: bytes) -> None:
    """Duplicates are found decoded, nested, spaced, behind look-alikes in texts, and beside what our parser dislikes."""
    assert refused(raw) == (400, "json_duplicate_key")


@pytest.mark.parametrize(
    "raw",
    [
        b'{"a":1,"b":{"a":1}}',
        b'[{"a":1},{"a":1}]',
        b'{ "a" : "x\\":1,\\"a\\":2" }',
        b'{"a":"\\u0022:\\u003a"}',
        b'{"a": 1.0, "b": -0, "c": 1e2}',
        json.dumps({"text": 'he said: "a": "b" :', "more": ["\\", '\\"', '":']}).encode(),
        b'{"a":"\xc3\xa9","\xc3\xa9":"\\u00e9"}',
    ],
)
def test_the_same_name_elsewhere_is_no_duplicate(raw: bytes) -> None:
    """Names may repeat in other objects and inside texts."""
    inspected = inspect_json(raw)
    assert inspected.tree == json.loads(raw)
    assert inspected.flags == []


@pytest.mark.parametrize("raw", [b'"\xff"', b'{"a\xff":1}', b"\xff", b'"\xed\xa0\x80"', b'"\xc0\xaf"', '{"a":1}'.encode("utf-16")])
def test_bytes_that_are_not_utf8_are_refused(raw: bytes) -> None:
    """Invalid, overlong and surrogate sequences are 400, wherever they stand."""
    assert refused(raw) == (400, "json_not_utf8")


def test_utf16_without_a_mark_is_refused() -> None:
    """The zero bytes give it away although each byte is ASCII."""
    assert refused('{"a":1}'.encode("utf-16-le")) == (400, "json_not_utf8")


@pytest.mark.parametrize("raw", [b"NaN", b"[Infinity]", b'{"a":-Infinity}', b'{"a":"\\ud800","b":NaN}'])
def test_numbers_that_json_does_not_know_are_refused(raw: bytes) -> None:
    """NaN and the infinities are 400."""
    assert refused(raw) == (400, "json_not_a_number")


@pytest.mark.parametrize("raw", [b"[" * 65 + b"]" * 65, b"[" * 200_000, b'{"a":' * 100_000, b'["\\ud800",' + b"[" * 64 + b"]" * 65])
def test_deep_nesting_is_refused_without_recursion(raw: bytes) -> None:
    """Level 65 is 400, closed or not, on both paths."""
    assert refused(raw) == (400, "json_too_deep")


def test_nesting_of_64_levels_passes() -> None:
    """The limit itself is allowed."""
    assert inspect_json(b"[" * 64 + b"]" * 64).flags == []


def test_more_containers_than_memory_should_bear_are_refused() -> None:
    """A body of small arrays would need many times its size as a tree."""
    assert refused(b"[" + b"[]," * MAX_CONTAINERS + b"[]]") == (400, "json_too_many_values")


def test_brackets_in_a_text_are_no_containers() -> None:
    """Only what stands outside of strings is counted."""
    assert inspect_json(b'"' + b"[" * (3 * MAX_CONTAINERS) + b'"').flags == []


@pytest.mark.parametrize("charset", ["utf-16", "iso-8859-1", "", "utf-7"])
def test_another_charset_is_unsupported(charset: str) -> None:
    """Anything but UTF-8 and its subset is 415."""
    assert refused(b"{}", charset) == (415, "unsupported_charset")


@pytest.mark.parametrize("charset", [None, "utf-8", "UTF-8", "utf8", "us-ascii", '"utf-8"'])
def test_utf8_by_any_of_its_names_is_taken(charset: str | None) -> None:
    """Names are compared without case or quotes."""
    assert inspect_json(b"{}", charset).tree == {}


@pytest.mark.parametrize(
    ("raw", "tree", "flag"),
    [
        (b'{"a":"x\\ud800"}', {"a": "x?"}, "lone_surrogate"),
        (b'{"a":18446744073709551616}', {"a": 18446744073709551616}, "integer_beyond_int64"),
        (b'{"a":9223372036854775808}', {"a": 9223372036854775808}, "integer_beyond_int64"),
        (b'{"a":' + b"9" * 5000 + b"}", {"a": None}, "integer_beyond_int64"),
        (b'{"a":1e999}', {"a": None}, "number_out_of_range"),
        (b'\xef\xbb\xbf{"a":1}', {"a": 1}, "byte_order_mark"),
        (b'{"a":"\n"}', {"a": "\n"}, "control_character"),
        (b"{'a':1}", None, "not_json"),
        (b'{"a":1', None, "not_json"),
        (b" ", None, "not_json"),
        (b'"\\', None, "not_json"),
        (b'{"a":1}x', None, "not_json"),
    ],
)
def test_what_only_our_parser_dislikes_is_flagged(raw: bytes, tree: object, flag: str) -> None:
    """Such a body goes on, with a best effort at its tree and a word that says why."""
    inspected = inspect_json(raw)
    assert inspected.tree == tree
    assert inspected.flags == [flag]


def test_no_body_is_no_fault() -> None:
    """An empty body has neither a tree nor a flag."""
    inspected = inspect_json(b"")
    assert (inspected.tree, inspected.flags) == (None, [])


def test_lenient_reading_takes_what_others_take() -> None:
    """An answer with half an emoji, a NaN or a control character is still read; garbage is None."""
    assert read_leniently(b'{"a":"\\ud83d","b":NaN,"c":"\n","d":1e999}') == {"a": "?", "b": None, "c": "\n", "d": None}
    assert read_leniently(b"\xff{") is None
    assert read_leniently(b"[" * 100_000) is None


def test_a_tree_that_cannot_be_written_is_empty() -> None:
    """Numbers beyond what the encoder takes do not raise."""
    assert write_compact({"a": [1]}) == '{"a":[1]}'
    assert write_compact(object()) == ""
