"""`tos-proxy policy explain`, of calls that options and requests describe; of records in tests/journey/test_policy_explain.py."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.unit.cli.conftest import Command
from tests.unit.cli.drafted import RULE, changed, write

CONFIGURATION = """\
principals:
  lab: {keys: ["%s"], purposes: [train.general, eval.private], purpose: train.general, attributes: {distributed: "true"}}
""" % ("key:" + "ab" * 32)
BATCH = {
    "requests": [
        {
            "custom_id": "a",
            "params": {"model": "claude-sonnet-4-5", "max_tokens": 5, "messages": [{"role": "user", "content": "x"}]},
        },
        {"custom_id": "b", "params": {"model": "claude-sonnet-4-5", "max_tokens": 5, "messages": []}},
    ]
}
CURL = (
    "curl",
    "http://127.0.0.1:8080/openai/v1/chat/completions",
    "-H",
    "authorization: Bearer sk-1",
    "-H",
    "content-type: application/json",
)
FORBIDDEN = ("--upstream", "openai", "--model", "gpt-4.1", "--purpose", "train.general", "--on", "2026-11-22")


@pytest.fixture
def explained(command: Command, tmp_path: Path) -> Any:
    """What is told of a call, as JSON, with one principal configured."""
    (tmp_path / "tos-proxy.yaml").write_text(CONFIGURATION)

    def tell(*arguments: str) -> dict[str, Any]:
        at = arguments.index("--") if "--" in arguments else len(arguments)
        ran = command("policy", "explain", *arguments[:at], "--json", *arguments[at:])
        assert ran.code == 0, ran.err
        told: dict[str, Any] = json.loads(ran.out)
        return told

    return tell


def test_options(explained: Any) -> None:
    """The rows and clauses that decided, the decision, and every rule with why it matched or did not."""
    told = explained(*FORBIDDEN, "--set", "n=5")
    assert (told["verdict"]["verdict"], told["decision"]["effect"]) == ("forbid", "deny")
    (row,) = told["rows"]
    assert (row["row"], row["read_by"], row["since"]) == ("openai.api@2026-01-01", None, "2026-01-01")
    assert row["clauses"][0]["section"] == "3.3(e)"
    assert "compet" in row["clauses"][0]["summary"]
    rules = {rule["name"]: rule for rule in told["rules"]}
    assert rules["baseline/terms-forbid"]["state"] == "matched"
    assert rules["baseline/large-n"]["why"] == "n > 8 is false (n = 5)"
    assert (told["bundle"]["packs"], len(told["bundle"]["digest"])) == ({"baseline": "1.0.0"}, 64)


def test_the_day_counts(explained: Any) -> None:
    """The same call of another day is judged by what was in force then."""
    meta = (
        "--set",
        "host=api.llama.com",
        "--purpose",
        "train.general",
        "--attribute",
        "competes=true",
        "--model",
        "llama-4-maverick",
    )
    assert explained(*meta, "--on", "2026-07-08")["decision"]["effect"] == "deny"
    assert explained(*meta, "--on", "2026-07-07")["decision"]["effect"] != "deny"


def test_a_configured_principal_brings_its_purpose(explained: Any) -> None:
    """Its purpose and attributes count where the options say nothing else."""
    told = explained("--principal", "lab", "--on", "2026-11-22")
    assert (told["call"]["purpose"], told["call"]["attributes"]) == ("train.general", {"distributed": "true"})
    told = explained("--principal", "lab", "--purpose", "eval.private", "--attribute", "x=y", "--on", "2026-11-22")
    assert (told["call"]["purpose"], told["call"]["attributes"]) == ("eval.private", {"distributed": "true", "x": "y"})


def test_the_tree(command: Command) -> None:
    """For people, the same as a tree: what decided first, then every rule."""
    ran = command("policy", "explain", *FORBIDDEN)
    assert ran.code == 0
    for line in (
        "openai · chat · gpt-4.1 · train.general · someone · api_key · 2026-11-22",
        "├── terms: forbid, prohibition",
        "openai.services.3.3e §3.3(e): ",
        "read by counsel: none",
        "├── decision: deny, by baseline/terms-forbid",
        "├── rules: 1 of 10 matched",
        "terms.confirmed: true",
        "baseline/large-n: not matched — n > 8 is false (n = 1)",
    ):
        assert line in ran.out


def test_a_curl_command(explained: Any) -> None:
    """A request is read by its dialect, with the purpose that its header declares; the credential names who asks."""
    body = {"model": "gpt-4.1", "n": 9, "logprobs": True, "messages": [{"role": "user", "content": "hi"}]}
    told = explained("--on", "2026-11-22", "--", *CURL, "-d", json.dumps(body))
    assert told["call"]["principal.name"].startswith("key:")
    assert (told["call"]["n"], told["call"]["prompt_chars"], told["call"]["logprobs"]) == (9, 2, True)
    assert told["decision"]["rules"] == ["baseline/large-n", "baseline/undeclared"]
    told = explained("--on", "2026-11-22", "--principal", "lab", "--", *CURL, "-d", json.dumps(body))
    assert (told["call"]["purpose"], told["decision"]["effect"]) == ("train.general", "deny")
    told = explained("--principal", "lab", "--", *CURL, "-H", "x-tos-purpose: eval.private", "-d", json.dumps(body))
    assert told["call"]["purpose"] == "eval.private"


def test_a_draft(explained: Any, tmp_path: Path) -> None:
    """A draft is laid over the set in force, for a described call and for a request; what comes of both has no digest."""
    write(tmp_path / "own")
    described = explained(
        "--draft", "own", "--upstream", "deepseek", "--purpose", "train.general", "--on", "2026-11-22", "--set", "n=9"
    )
    requested = explained("--draft", "own/big.yaml", "--principal", "lab", "--", *CURL, "-d", '{"n": 9, "messages": []}')
    for told in (described, requested):
        assert "big" in told["decision"]["rules"]
        assert "baseline/large-n" in told["decision"]["rules"]
        assert told["bundle"]["digest"] == ""


def test_a_body_that_cannot_be_changed(explained: Any, tmp_path: Path) -> None:
    """What a transform would change is shown; where the body is one of many in a batch, the call is denied, as it would be."""
    write(tmp_path / "own", changed(changed(RULE, "effect: deny", "effect: allow"), "when: n > 8", "transform: {drop: [n]}"))
    asked = ("--draft", "own", "--principal", "lab", "--purpose", "train.general", "--on", "2026-11-22")
    told = explained(*asked, "--", "curl", "/deepseek/v1/chat/completions", "--json", '{"n": 2, "messages": []}')
    assert (told["decision"]["effect"], told["decision"]["transforms"][0]["drop"]) == ("allow", ["n"])
    line = json.dumps({"requests": [{"custom_id": "a", "params": {"model": "deepseek-chat", "messages": []}}]})
    told = explained(*asked, "--", "curl", "/deepseek/v1/messages/batches", "--json", line)
    assert (told["carried"], told["strictest"]["decision"]["effect"]) == ({"deny": 1}, "deny")


def test_queries_in_a_body(explained: Any, tmp_path: Path) -> None:
    """Each query that a body carries is judged, and the strictest is explained too."""
    message = b"POST /anthropic/v1/messages/batches HTTP/1.1\r\ncontent-type: application/json\r\n\r\n" + json.dumps(BATCH).encode()
    (tmp_path / "request.http").write_bytes(message)
    told = explained("--request", "request.http", "--principal", "lab", "--on", "2026-11-22")
    assert (told["call"]["endpoint"], told["call"]["lines"], told["carried"]) == ("batch_create", 2, {"deny": 2})
    assert (told["strictest"]["call"]["endpoint"], told["strictest"]["decision"]["effect"]) == ("batch_line", "deny")


@pytest.mark.parametrize(
    ("arguments", "code", "told"),
    [
        (("--set", "n"), 2, "'n' should be name=value"),
        (("--set", "n=1", "--set", "n.x=1"), 2, "n cannot have both a value and parts"),
        (("--set", "mesages=1"), 2, "mesages: unknown key (did you mean messages?)"),
        (("--attribute", "x"), 2, "'x' should be name=value"),
        (("--purpose", "training"), 2, "purpose: should be "),
        (("--upstream", "opnai"), 2, "no upstream is named 'opnai', did you mean openai"),
        (("--endpoint", "chta"), 2, "no endpoint is named 'chta', did you mean chat"),
        (("--model", "m", "--", *CURL), 2, "a request says itself what is asked (model)"),
        (("--", "curl", "http://h/v1/messages"), 1, "404 unknown_upstream: "),
        (("--", *CURL, "-d", '{"a": 1, "a": 2}'), 1, "400 json_duplicate_key: "),
        (("--", *CURL, "-H", "x-tos-purpose: eval.private"), 1, "403 purpose_not_allowed: "),
        (("--", "wget", "h"), 2, "not a curl command: it begins with 'wget'"),
        (("--", "curl", "http://h/v1/messages", "-d", "@nowhere"), 2, "nowhere: No such file or directory"),
        (("--", "curl", "h", "-F", "a=b"), 2, "curl's option --form is not read here"),
        (("--request", "nowhere"), 2, "nowhere: No such file or directory"),
        (("019a2b3c4d5e7f",), 1, "there is no store at "),
        (("019a2b3c4d5e7f", "--model", "m"), 2, "a record says itself what was asked (model)"),
    ],
)
def test_what_cannot_be_explained(command: Command, arguments: tuple[str, ...], code: int, told: str) -> None:
    """What is wrong is said in one line, and where the gateway would refuse before anybody judges, its words are repeated."""
    ran = command("policy", "explain", *arguments)
    assert (ran.code, ran.out) == (code, "")
    assert told in ran.err
    assert ran.err.count("\n") == 1


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("--principal", "lab", "--set", "attributes=5"), "attributes: should be"),
        (("--set", "principal=x"), "principal: should be"),
        (("--set", "upstream=5"), "upstream: should be text"),
        (("--set", "endpoint=5"), "endpoint: should be text"),
        (("--attribute", "=5"), "'=5' should be name=value"),
    ],
)
def test_a_value_that_is_none_of_its_kind(command: Command, explained: Any, arguments: tuple[str, ...], told: str) -> None:
    """Is told in one line, whatever it would have been compared with."""
    ran = command("policy", "explain", *arguments)
    assert (ran.code, ran.err.count("\n")) == (2, 1)
    assert told in ran.err


def test_attributes_that_nothing_reads(command: Command, tmp_path: Path) -> None:
    """A mistyped name is told of beside the answer; names that a row, a rule or an approval reads are not."""
    (tmp_path / "tos-proxy.yaml").write_text("packs: [google]\n")
    read = ("--attribute", "distributed=false", "--attribute", "region=eea", "--attribute", "approval_id=C-1")
    assert command("policy", "explain", "--upstream", "openai", *read).err == ""
    ran = command("policy", "explain", "--upstream", "openai", "--attribute", "distrbuted=false")
    assert (ran.code, ran.err) == (
        0,
        "tos-proxy: warning: nothing here reads the attribute 'distrbuted', did you mean distributed?\n",
    )
