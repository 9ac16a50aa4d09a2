"""Plain functions and the CEL evaluator agree on every expression and every call, failures among them."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from proxy.core.call import Call
from proxy.core.decision import Verdict
from proxy.core.facts import RequestFacts
from proxy.core.principal import Credential, Principal
from proxy.core.references import Refer
from proxy.policy import names, plain, plain_terms
from proxy.policy.conditions import condition as mixed
from proxy.policy.expressions import _DATE_PARTS, Expression, ExpressionError
from proxy.policy.plain import condition

TEXTS = st.sampled_from(
    ["", "a", "ab", "abc", "é", "z", "gpt-4o", "forbid", 'q"q', "b\\n", "\U0001f600", "\ud800", "train.general"]
)
WHOLE = st.sampled_from([-(2**63), -1, 0, 1, 2, 3, 2**63 - 1])
POINT = st.sampled_from([-1.5, -0.0, 0.0, 0.5, 1.0, 2.0, 1e300, float("inf"), float("nan")])
KEYS = ("a", "ab", "distributed", "x")

PRINCIPALS = st.builds(
    Principal,
    TEXTS.map(lambda text: text.encode("utf-8", "replace").decode()),
    st.just(("use.internal", "train.general")),
    attributes=st.dictionaries(st.sampled_from(KEYS), st.sampled_from(["", "a", "true", "é"])),
    project=st.sampled_from([None, "a"]),
    automatic=st.booleans(),
)
FACTS = st.builds(
    RequestFacts,
    model=st.none() | TEXTS,
    models=st.lists(TEXTS, max_size=3),
    stream=st.booleans(),
    n=st.none() | WHOLE,
    messages=WHOLE,
    temperature=st.none() | POINT,
    top_p=st.none() | POINT,
    logprobs=st.booleans(),
    flags=st.lists(st.sampled_from(["a", "media", "not_json"]), max_size=2),
)
VERDICTS = st.builds(Verdict, st.sampled_from(["allow", "forbid"]), st.lists(st.sampled_from(["a", "z"]), max_size=2).map(tuple))
REFERS = st.lists(st.builds(Refer, st.just("file:a"), purpose=st.sampled_from(["", "a"]), miss=st.booleans()), max_size=2).map(
    tuple
)


@st.composite
def calls(draw: st.DrawFn) -> Call:
    """A call with anything in it that a client can bring about."""
    who = draw(PRINCIPALS)
    at = draw(st.integers(946_684_800_000_000, 4_102_444_800_000_000))
    credential = Credential("bearer", "", "api_key")
    made = Call(at, "openai", "h", "openai", "chat", "POST", draw(FACTS), who, credential, "use.internal", refers=draw(REFERS))
    made.verdict = draw(VERDICTS)
    return made


def named(*types: str) -> st.SearchStrategy[str]:
    """A name of one of these types."""
    return st.sampled_from([name.name for name in names.NAMES if name.type in types])


QUOTED = st.sampled_from(['""', '"a"', "'ab'", 'r"abc"', '"\\u00e9"', '"q\\"q"', "'b\\\\n'", '"gpt-4o"', '"forbid"', '"z"', "R'a'"])
ATTRIBUTES = st.sampled_from(KEYS).flatmap(
    lambda key: st.sampled_from([f"attributes.{key}", f'attributes["{key}"]', f"attributes['{key}']"])
)
STRINGS = st.one_of(named(names.STRING), named(names.STRING), QUOTED, ATTRIBUTES)
SIZES = st.one_of(
    named(names.STRING, names.LIST, names.MAP).map("size({})".format), named(names.STRING, names.LIST).map("{}.size()".format)
)
# fmt: off
ZONES = ("", '"Europe/Berlin"', '"America/St_Johns"', '"Asia/Kathmandu"', '"Australia/Lord_Howe"', '"+05:45"')
PLACES = st.sampled_from([zone for zone in ZONES if "+" not in zone])
# fmt: on
PARTS = st.tuples(st.sampled_from(sorted(_DATE_PARTS)), PLACES).map(lambda parts: f"time.at.{parts[0]}({parts[1]})")
SINGLE = st.one_of(
    named(names.INT), st.sampled_from(["0", "1", "-1", "0x2", "- 3", "9223372036854775807", "-9223372036854775808"]), SIZES, PARTS
)
INTS = st.recursive(
    SINGLE,
    lambda inner: (
        st.tuples(inner, st.sampled_from([" + ", " - ", " * ", " / ", "%"]), inner).map("".join) | inner.map("({})".format)
    ),
    max_leaves=3,
)
DOUBLES = st.one_of(named(names.DOUBLE), st.sampled_from(["0.0", "1.0", "-1.5", ".5", "1e3", "-0.0"]))
MOMENTS = st.sampled_from(
    [
        "time.at",
        "time.at",
        'timestamp("2030-01-01T00:00:00Z")',
        "timestamp('2000-01-01T01:00:00.25+02:00')",
        'timestamp("2099-12-31T23:59:59.999999-11:30")',
        'timestamp(r"0001-01-01T00:00:00Z")',
    ]
)
EQUAL, ORDER = st.sampled_from(["==", "!="]), st.sampled_from(["==", "!=", "<", "<=", ">", ">="])
SPACE = st.sampled_from([" ", "", "\n ", " // why\n"])


def compared(operand: st.SearchStrategy[str], marks: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    """Two operands of one type and a mark between them."""
    return st.tuples(operand, SPACE, marks, SPACE, operand).map("".join)


def listed(literal: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    """A list of literals."""
    return st.lists(literal, max_size=3).map(lambda items: f"[{', '.join(items)}]")


WRITTEN = st.one_of(named(names.STRING), ATTRIBUTES, SINGLE.map("string({})".format), st.just("string(time.at)"))
ATOMS = st.sampled_from(
    ["a", "b", "[a-c]", "[0-9]", "(a|b)", "(?:ab|c)", r"\.", "-", "gpt", "[A-Za-z.]", "é", "T", "Z", ":", "[-]"]
)
SIMPLE = st.one_of(
    st.lists(st.tuples(ATOMS, st.sampled_from(["", "", "", "+", "*", "?", "{2}", "{1,}", "{0,2}"])).map("".join), max_size=5).map(
        lambda items: "^" + "".join(items)
    ),
    st.sampled_from(["a", "gpt-4", "", "é", "^[0-9]+-[0-9]{2}-[0-9]{2}T[0-9:]+", "^-?[0-9]+$", "^gpt-[0-9]+o$", "^$", "^a{1,2}b$"]),
).flatmap(lambda pattern: st.sampled_from([pattern, f"{pattern}$"]) if pattern.startswith("^") else st.just(pattern))
TESTS = st.one_of(
    compared(STRINGS, ORDER),
    compared(INTS, ORDER),
    compared(DOUBLES, ORDER),
    compared(MOMENTS, ORDER),
    compared(named(names.BOOL) | st.sampled_from(["true", "false"]), EQUAL),
    named(names.BOOL),
    st.tuples(STRINGS, listed(QUOTED)).map(" in ".join),
    st.tuples(named(names.INT), listed(st.sampled_from(["0", "1", "-1"]))).map(" in ".join),
    st.tuples(named(names.DOUBLE), listed(st.sampled_from(["0.0", "-1.5"]))).map(" in ".join),
    st.tuples(STRINGS, named(names.LIST, names.MAP)).map(" in ".join),
    st.sampled_from(KEYS).map("has(attributes.{})".format),
    st.tuples(WRITTEN, SIMPLE).map(lambda parts: f"{parts[0]}.matches(r'{parts[1]}')"),
    st.tuples(WRITTEN, st.sampled_from(["startsWith", "endsWith", "contains"]), STRINGS).map(
        lambda parts: f"{parts[0]}.{parts[1]}({parts[2]})"
    ),
)
CONDITIONS = st.recursive(
    TESTS,
    lambda inner: st.one_of(
        st.lists(inner, min_size=2, max_size=3).map(" && ".join),
        st.lists(inner, min_size=2, max_size=3).map(" || ".join),
        inner.map("!({})".format),
        inner.map("({})".format),
        inner.map("!!({})".format),
        st.tuples(inner, EQUAL, inner).map(lambda parts: f"({parts[0]}) {parts[1]} ({parts[2]})"),
    ),
    max_leaves=6,
)
# fmt: off
WORDS = st.sampled_from((
    "n", "model", "terms", "verdict", ".", "(", ")", "[", "]", "==", "<", "in", "!", "-", "1", "1.5", '"a"', ",", "&&", "||",
    "?", ":", "attributes", "a", "size", "has", "models", "stream", "true", "null", "exists", "+", "1u", 'b"a"', '"\\x41"',
    "temperature", "flags", "time.at", "timestamp", '"2030-01-01T00:00:00Z"',
))
# fmt: on


UNHURRIED = settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.too_slow])
"""How fast a busy machine draws examples says nothing about them."""


def outcome(test: plain.Test, call: Call) -> bool | str:
    """What a condition comes to; all failures are alike."""
    try:
        return test(call)
    except Exception:  # noqa: BLE001 - whatever it is, the rule's on_error counts
        return "fails"


def hold(source: str, call: Call) -> None:
    """Both evaluators say the same of a call; a plain function only stands for what CEL compiles."""
    test = condition(source)
    assert test is not None or ".matches(" in source, f"not plain: {source}"
    if test is None:  # a pattern that is not simple
        return
    assert outcome(test, call) == outcome(Expression(source), call), source


@UNHURRIED
@given(CONDITIONS, calls())
@example(
    'attributes.x == "a" || stream == stream',
    Call(0, "", "", "", "", "", RequestFacts(), Principal("p"), Credential("none", ""), "undeclared"),
)
def test_both_evaluators_agree(source: str, call: Call) -> None:
    """Every expression made of the plain parts is compiled to a function, and it says what CEL says: true, false or no value."""
    hold(source, call)


EVALUATED = st.sampled_from(
    [
        'models.exists(m, m.startsWith("a"))',
        "(stream ? n : messages) > 1",
        'model.matches("b+c|^z")',
        'model + "x" == "abx"',
        "attributes.x + model != 'a'",
        "models.all(m, m in flags) == stream",
        "-n < 1",
        "[n, 1][0] == n",
    ]
)
MIXED = st.recursive(
    st.one_of(TESTS, EVALUATED, EVALUATED),
    lambda inner: st.one_of(
        st.lists(inner, min_size=2, max_size=3).map(" && ".join),
        st.lists(inner, min_size=2, max_size=3).map(" || ".join),
        inner.map("!({})".format),
        inner.map("({})".format),
        st.tuples(inner, inner, inner).map(lambda parts: f"({parts[0]}) ? ({parts[1]}) : ({parts[2]})"),
        st.tuples(inner, inner).map(lambda parts: f"({parts[0]}) == ({parts[1]})"),
    ),
    max_leaves=5,
)


@UNHURRIED
@given(MIXED, calls())
def test_what_is_plain_in_part_says_the_same(source: str, call: Call) -> None:
    """Operands that only the evaluator understands are asked alone; the whole comes to what CEL says, or has no value either."""
    test = mixed(source)
    told = outcome(Expression(source), call)
    assert [outcome(test, call), outcome(test, call)] == [told, told], source


@UNHURRIED
@given(calls(), st.sampled_from(sorted(_DATE_PARTS)), st.sampled_from(ZONES), st.integers(0, 60))
def test_parts_of_a_date_are_those_of_its_minute(call: Call, part: str, zone: str, number: int) -> None:
    """In every zone: so what they come to is remembered, where a moment never comes again."""
    source = f"time.at.{part}({zone}) == {number}"
    coarse, fine = Expression(source), Expression(f"{source} && time.at == time.at")
    assert [name is names.MINUTE for name in (*coarse.inputs, *fine.inputs)] == [True, False]
    assert coarse(call) == fine(call), (source, call.at)


@UNHURRIED
@given(st.lists(WORDS, min_size=1, max_size=9).map(" ".join), calls())
def test_nothing_is_plain_that_is_no_expression(source: str, call: Call) -> None:
    """Of words in any order, what is taken for plain is what CEL takes for a condition, with the same outcome."""
    test = condition(source)
    if test is None:
        return
    try:
        expression = Expression(source)
    except ExpressionError as error:
        raise AssertionError(source) from error
    assert outcome(test, call) == outcome(expression, call), source


@pytest.mark.parametrize(
    ("planted", "source"),
    [
        ("plain_terms._patient", 'attributes.x == "a" || true'),
        ("plain.within", '"media" in flags'),
        ("plain.tested", 'model.startsWith("gpt")'),
        ("plain.negated", "!stream"),
        ("plain.matcher", 'model.matches("^gpt")'),
        ("plain.part_of_date", "time.at.getMonth() == 0"),
        ("plain_terms._HIGHEST", "9223372036854775807 + 1 > 0"),
    ],
)
def test_a_fault_would_be_seen(planted: str, source: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """With a fault in any of its parts, the plain evaluator no longer agrees."""
    faults = {
        "plain_terms._patient": plain_terms._hasty,
        "plain.within": lambda left, right: left._replace(type=names.BOOL, get=lambda call: left.get(call) not in right.get(call)),
        "plain.tested": lambda test, found, given: found._replace(
            type=names.BOOL, get=lambda call: test(given.get(call), found.get(call))
        ),
        "plain.negated": lambda found: found,
        "plain.matcher": lambda pattern: lambda text: text == pattern,
        "plain.part_of_date": lambda part, zone: plain_terms.Term(names.INT, lambda call: 1),
        "plain_terms._HIGHEST": 2**80,
    }
    facts = RequestFacts(model="gpt-4o", flags=["media"], stream=True)
    call = Call(0, "", "", "", "", "", facts, Principal("p"), Credential("none", ""), "undeclared")
    hold(source, call)
    monkeypatch.setattr(f"proxy.policy.{planted}", faults[planted])
    with pytest.raises(AssertionError):
        hold(source, call)
