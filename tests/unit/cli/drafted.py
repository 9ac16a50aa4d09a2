"""Policies and their tests as files, for the commands of policy authors."""

from __future__ import annotations

from pathlib import Path

RULE = """\
apiVersion: tos-proxy/v1
kind: Policy
metadata: {name: big, title: Many answers}
spec:
  match: {purpose: ["train.*"]}
  when: n > 8
  effect: deny
  clauses: [openai.services.3.3e]
  message: Too many answers.
"""
CASES = """\
apiVersion: tos-proxy/v1
kind: PolicyTest
metadata: {name: big}
spec:
  given: {on: 2026-11-22, purpose: train.general}
  cases:
    - case: nine answers are refused
      given: {n: 9}
      expect: {effect: deny, rules: [big], clauses: [openai.services.3.3e], message: Too many}
    - case: eight are not
      given: {n: 8}
      expect: {effect: allow, rules: []}
    - case: a product may have them
      given: {n: 9, purpose: use.product}
      expect: {effect: allow, rules: []}
"""


def write(folder: Path, rule: str = RULE, cases: str = CASES) -> Path:
    """A folder with one policy and its tests; either may be empty text, and is then no file."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in (("big.yaml", rule), ("big_test.yaml", cases)):
        if text:
            (folder / name).write_text(text)
    return folder


def changed(text: str, old: str, new: str) -> str:
    """A file with one thing about it changed, which must be there."""
    assert old in text
    return text.replace(old, new)
