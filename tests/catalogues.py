"""A small catalogue of terms for tests: two providers, a host that leaves it to the model, a licence; tests inject the days
of their calls.
"""

from __future__ import annotations

import datetime as dt
from pathlib import Path

from proxy.core.call import Call
from proxy.core.facts import RequestFacts
from proxy.core.principal import Credential, Principal

HEAD = "apiVersion: tos-proxy/v1\n"

FILES = {
    "catalogue.yaml": "kind: Catalogue\nmetadata: {name: terms}\nspec: {version: 2026.01.1}\n",
    "models.yaml": """kind: Models
metadata: {name: models}
spec:
  models:
    - {glob: ["open-*"], row: licence.open}
    - {glob: ["acme-*"], row: acme.api}
""",
    "acme/agreement@2025-01-01.yaml": """kind: Document
metadata: {name: acme.agreement, title: Agreement, provider: acme, url: "https://acme.example/terms"}
spec:
  effective: {from: 2025-01-01}
  rank: contract
  updates: pinned_to_order_form
  clauses:
    - {id: acme.compete, section: "3", summary: No competing models., confidence: stored_primary, fingerprint: 0123456789abcdef}
    - {id: acme.exception, section: "17", summary: Classifiers kept inside., confidence: stored_primary, review_by: 2027-01-01}
""",
    "acme/agreement@2026-01-01.yaml": """kind: Document
metadata: {name: acme.agreement, title: Agreement, provider: acme, url: "https://acme.example/terms"}
spec:
  effective: {from: 2026-01-01}
  rank: contract
  updates: pinned_to_order_form
  clauses:
    - {id: acme.compete, section: "3", summary: No competing models., confidence: stored_primary, review_by: 2028-01-01}
    - {id: acme.any_model, section: "4", summary: No models at all., confidence: stored_primary}
    - {id: acme.exception, section: "17", summary: Classifiers kept inside., confidence: stored_primary, review_by: 2027-06-01}
""",
    "acme/policy@2025-01-01.yaml": """kind: Document
metadata: {name: acme.policy, url: "https://acme.example/policy"}
spec:
  effective: {from: 2025-01-01}
  rank: policy
  updates: floats
  clauses:
    - {id: acme.rumour, section: "9", summary: Perhaps no publication., confidence: memory}
    - {id: acme.probing, section: "2", summary: No probing., confidence: second_hand}
""",
    "acme/acme.api.yaml": """kind: Contract
metadata: {name: acme.api, title: ACME API, provider: acme}
spec:
  tier: paid
  hosts: [api.acme.example, "*.acme.test"]
  plans: {oauth_subscription: acme.consumer}
  documents: [acme.agreement, acme.policy]
  matrix:
    - {purpose: [use.product, use.internal], verdict: allow}
    - purpose: [train.classifier_internal]
      verdict: allow_with_obligations
      basis: exception
      requires: {distributed: "false"}
      obligations: [kept inside]
      clauses: [acme.compete, acme.exception]
      until: 2027-12-01
    - {purpose: train.general, verdict: forbid, basis: prohibition, clauses: [acme.compete], unless: approval_id, until: 2026-01-01}
    - {purpose: train.general, verdict: forbid, basis: prohibition, clauses: [acme.any_model], from: 2026-01-01}
    - {purpose: train.self_distill, verdict: allow, until: 2026-01-01}
    - {purpose: train.self_distill, verdict: forbid, basis: prohibition, clauses: [acme.any_model], from: 2026-01-01}
    - {purpose: data.publish, verdict: allow, clauses: [acme.rumour]}
    - {purpose: security.provider, verdict: forbid, basis: prohibition, clauses: [acme.probing]}
    - {purpose: eval.private, verdict: allow, review_by: 2027-01-01}
""",
    "acme/acme.consumer.yaml": """kind: Contract
metadata: {name: acme.consumer, title: ACME for persons, provider: acme}
spec:
  documents: [acme.policy]
  matrix:
    - {purpose: [use.product, use.internal, train.classifier_internal, train.general], verdict: forbid, basis: prohibition}
""",
    "host/host.api.yaml": """kind: Contract
metadata: {name: host.api, title: Host}
spec:
  hosts: [api.host.example]
  matrix:
    - {purpose: [use.product, use.internal, train.general], verdict: model, obligations: [pass the model's terms on]}
""",
    "licences/licence.open.yaml": """kind: Licence
metadata: {name: licence.open, title: Open licence}
spec:
  matrix:
    - {purpose: [use.product, use.internal], verdict: allow}
    - {purpose: [train.general], verdict: allow_with_obligations, basis: express_grant, obligations: [name it Open]}
""",
}


def written(folder: Path, changed: dict[str, str] | None = None) -> Path:
    """The catalogue's files in `folder`, with `changed` ones in place of or beside them; returns the folder."""
    for name, text in {**FILES, **(changed or {})}.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(HEAD + text)
    return folder


def instant(day: str) -> int:
    """00:00 UTC of a day in microseconds since 1970."""
    return int(dt.datetime.fromisoformat(f"{day}T00:00:00+00:00").timestamp()) * 1_000_000


def call(
    day: str,
    purpose: str,
    model: str | None = "acme-1",
    host: str = "api.acme.example",
    attributes: dict[str, str] | None = None,
    plan: str = "",
    contract: str = "",
    licence: str = "",
    *,
    method: str = "POST",
) -> Call:
    """A call of that day."""
    return Call(
        instant(day) if "T" not in day else int(dt.datetime.fromisoformat(day).timestamp() * 1_000_000),
        "acme",
        host,
        "openai",
        "chat",
        method,
        RequestFacts(model=model),
        Principal("someone", purposes=(purpose,), purpose=purpose, attributes=attributes or {}),
        Credential("bearer", "", plan),
        purpose,
        contract=contract,
        licence=licence,
    )
