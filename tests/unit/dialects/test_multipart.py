"""Forms as trees."""

import pytest

from proxy.dialects.multipart import read_form

TYPE = 'multipart/form-data; boundary="b"'


def part(head: str, body: str) -> bytes:
    return f"--b\r\nContent-Disposition: form-data; {head}\r\n\r\n{body}\r\n".encode()


def test_texts_and_files_are_told_apart() -> None:
    """A file leaves only its size."""
    raw = part('name="model"', "m") + part('name="file"; filename="a.wav"', "12345") + b"--b--\r\n"
    assert read_form(raw, TYPE) == {"model": "m", "file": {"bytes": 5}}


def test_names_in_brackets_may_repeat() -> None:
    """`image[]` is a list."""
    assert read_form(part('name="i[]"', "1") + part('name="i[]"', "2") + b"--b--", TYPE) == {"i[]": ["1", "2"]}


@pytest.mark.parametrize(
    ("raw", "content_type"),
    [
        (part('name="a"', "1") + b"--b--", "multipart/form-data"),
        (part('name="a"', "1"), TYPE),
        (part('name="a"', "1") + part('name="a"', "2") + b"--b--", TYPE),
        (part("", "1") + b"--b--", TYPE),
        (b"", TYPE),
        (part('name="a"', "1") + b"--b--", "multipart/form-data; boundary=b; boundary=c"),
        (part('name="a"', "1") + b"--b--", "multipart/form-data; x-boundary=b; boundary=c"),
        (part('name="a"', "1") + b"--b--", "multipart/form-data; x-boundary=b"),
        (part('name="a"', "1") + b"--b--", "multipart/form-data; boundary=b; boundary*0=c"),
    ],
)
def test_a_form_that_could_be_read_otherwise_is_not_read(raw: bytes, content_type: str) -> None:
    """No boundary, no end, a name twice, no name, two boundaries."""
    assert read_form(raw, content_type) is None
