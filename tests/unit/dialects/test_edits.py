"""Members left out of a JSON body, or set in it, with every other byte as it came."""

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from proxy.dialects.edits import EditError, edited

BODY = (
    b'{ "model" : "m" ,"n":1.0, "logprobs":true,\n"top_logprobs" : 5 , "big":123456789012345678901234567890, "e":"\\u00e9{\\"]" }'
)


@pytest.mark.parametrize(
    ("body", "drop", "left"),
    [
        (b'{"a":1,"b":2,"c":3}', ["a"], b'{"b":2,"c":3}'),
        (b'{"a":1,"b":2,"c":3}', ["b"], b'{"a":1,"c":3}'),
        (b'{"a":1,"b":2,"c":3}', ["c"], b'{"a":1,"b":2}'),
        (b'{"a":1}', ["a"], b"{}"),
        (b' { "a" : 1 } ', ["a"], b" {  } "),
        (b'{"a":1,"b":2,"c":3}', ["c", "a"], b'{"b":2}'),
        (b'{"a":{"b":[{"b":1}],"c":"}"},"b":0}', ["a.b"], b'{"a":{"c":"}"},"b":0}'),
        (b'{"\\u0061":1,"b":2}', ["a"], b'{"b":2}'),
        (b'{"a.b":1,"a":{}}', ["a.b"], None),
        (b'{"a":[1]}', ["a.b", "b", "a.b.c"], None),
        (BODY, ["logprobs", "top_logprobs"], BODY.replace(b'"logprobs":true,\n"top_logprobs" : 5 , ', b"")),
    ],
)
def test_what_is_dropped(body: bytes, drop: list[str], left: bytes | None) -> None:
    """With the comma that parted it; what is not there leaves the very same body."""
    found = edited(body, drop, {})
    assert found == (body if left is None else left)
    assert (found is body) is (left is None)


@pytest.mark.parametrize(
    ("body", "put", "left"),
    [
        (b"{}", {"a": "1"}, b'{"a":1}'),
        (b'{"a" : 2 }', {"a": "[3]"}, b'{"a" : [3] }'),
        (b'{"a": 1}', {"a": "1"}, None),
        (b'{"a": 1}', {"a": "true"}, b'{"a": true}'),
        (b'{"m":1 }', {"provider.enforce_distillable_text": "true"}, b'{"m":1,"provider":{"enforce_distillable_text":true} }'),
        (b'{"provider":{"order":["x"]}}', {"provider.enforce": "true"}, b'{"provider":{"order":["x"],"enforce":true}}'),
        (b'{"a":{"b":{"c":null}}}', {"a.b.c": '{"d":1}'}, b'{"a":{"b":{"c":{"d":1}}}}'),
    ],
)
def test_what_is_set(body: bytes, put: dict[str, str], left: bytes | None) -> None:
    """In place where it is there, else as the last member, with the objects around it; what is so already stays."""
    found = edited(body, [], put)
    assert found == (body if left is None else left)
    assert (found is body) is (left is None)


@pytest.mark.parametrize("body", [b"[1]", b'{"provider":null}', b'{"provider":"x"}', b'"text"', b""])
def test_what_is_no_object_cannot_be_changed(body: bytes) -> None:
    """Nothing is written over that a client said."""
    with pytest.raises(EditError, match="no object"):
        edited(body, [], {"provider.order": "[]"})


TREES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["a", "b", 'q"\\', "é"]), inner, max_size=4),
    max_leaves=12,
)


@given(
    st.dictionaries(st.sampled_from(["a", "b", 'q"\\', "é"]), TREES),
    st.sampled_from(["a", "b", "a.b", "b.a.a"]),
    st.booleans(),
    st.sampled_from([None, 1]),
)
@settings(max_examples=200, deadline=None)
def test_editing_the_text_is_editing_the_tree(tree: dict[str, Any], path: str, ascii_only: bool, indent: int | None) -> None:
    """However the text is written, what is left reads as the tree less that member, or with it."""
    body = json.dumps(tree, ensure_ascii=ascii_only, indent=indent).encode()
    assert json.loads(edited(body, [path], {})) == less(tree, path.split("."))
    try:
        changed = edited(body, [], {path: '{"x":1}'})
    except EditError:
        return
    assert value_at(json.loads(changed), path.split(".")) == {"x": 1}


def less(tree: Any, path: list[str]) -> Any:
    """A tree without the member at a path."""
    if not isinstance(tree, dict) or path[0] not in tree:
        return tree
    if len(path) == 1:
        return {name: value for name, value in tree.items() if name != path[0]}
    return {**tree, path[0]: less(tree[path[0]], path[1:])}


def value_at(tree: Any, path: list[str]) -> Any:
    """What stands at a path."""
    for name in path:
        tree = tree.get(name) if isinstance(tree, dict) else None
    return tree
