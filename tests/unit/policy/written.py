"""Policy files for tests, as people write them."""

from __future__ import annotations

from pathlib import Path

PACK = """\
apiVersion: tos-proxy/v1
kind: Pack
metadata: {name: house, title: House rules, version: 1.2.0}
"""

POLICY = """\
apiVersion: tos-proxy/v1
kind: Policy
metadata: {name: no-training, title: No training, owner: legal@example.com}
spec:
  match: {endpoint: [chat, responses], purpose: train.general}
  when: terms.verdict == "forbid"
  effect: deny
  clauses: [openai.services.3.3e]
"""


def policy(name: str = "no-training", **spec: str) -> str:
    """A policy with these lines of its `spec`, `effect: deny` if not said."""
    lines = {"effect": "deny"} | spec
    head = f"apiVersion: tos-proxy/v1\nkind: Policy\nmetadata: {{name: {name}}}\nspec:\n"
    return head + "".join(f"  {key}: {value}\n" for key, value in lines.items())


def write(folder: Path, name: str, text: str) -> Path:
    """A file in a folder, which is made if need be."""
    file = folder / name
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text)
    return file
