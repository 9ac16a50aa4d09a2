"""From what the detector found to a finding as people see it: plain sentences, what each signal gave, what speaks for the client.

No text of a prompt stands in it: content is sealed, and a finding is not. It names records instead, which a reviewer opens.
"""

from __future__ import annotations

from proxy.control.looking import Look
from proxy.detection.detector import Client, Finding
from proxy.detection.score import posterior
from proxy.detection.sentences import numbers, sentence
from proxy.detection.weights import Weights
from proxy.review.raised import Contribution, Raised
from proxy.review.standing import SHADOW

RULE = "detection"
"""What findings of the detector have in the place of a rule's name, so that an exemption holds for those that come later."""


def raised(
    found: Finding, client: Client, look: Look, weights: Weights, *, times: int, enforce: str, skipped: int, members: int
) -> Raised:
    """The finding. `times`: how often earlier ones of this principal were dismissed. `skipped`: records of everybody that were
    counted without being looked at, since there were too many. `members` of its linked group.
    """
    query, asks = look.query, found.kind == "question"
    own = query.principal == found.client  # of a group, one member's record gives all of them away
    record = query.id if own else next(iter(found.samples), "")
    return Raised(
        f"question:undeclared:{found.client}" if asks else f"extraction:{found.client}:{times}",
        kind=found.kind,
        severity="low" if asks else "high",
        title=_title(found),
        first_record=record,
        last_record=record,
        first_at=query.at,
        last_at=query.at,
        principal=found.client,
        project=query.project if own else "",
        group_key=found.group,
        rule=RULE,
        purpose=client.purpose,
        upstream=query.upstream,
        endpoint=query.endpoint,
        clauses=query.clauses,
        policies=query.versions.policies,
        detector=found.version,
        sentences=_sentences(found, client, weights, enforce=enforce, skipped=skipped, members=members),
        contributions=tuple(Contribution(name, nats, _why(weights, name)) for name, nats in found.nats.items()),
        exculpatory=tuple(_why(weights, name) for name, nats in found.nats.items() if nats < 0),
        detail=_detail(found, client, weights, skipped=skipped, members=members),
        shadow=not asks and enforce == SHADOW,
        gathers=not asks,
    )


def _title(found: Finding) -> str:
    if found.kind == "question":
        return f"What is {found.client}'s sweep for? An evaluation or a data set: its traffic alone does not tell"
    tied = f" with the linked accounts of {found.group}" if found.group else ""
    return f"{found.client}{tied} looks like model extraction"


def _sentences(found: Finding, client: Client, weights: Weights, *, enforce: str, skipped: int, members: int) -> tuple[str, ...]:
    came = f"It came with prompt {found.prompt:,}, after {client.requests:,} requests."
    sure = f"The probability is {found.score:.2%}, where {posterior(0, weights.prior):.2%} of clients are assumed to extract."
    said = [sentence(client, weights), *([counted] if (counted := numbers(client, found)) else []), came, sure]
    if found.group:
        tie = "what the host sees of them ties them too" if found.corroborated else "by the text that they share and others do not"
        said.append(f"{members:,} accounts work off one list, {tie}; each alone may be small.")
        if not found.corroborated:
            said.append("Text is everybody's to copy, so this tie alone moves nobody's standing.")
    if found.kind == "question":
        said.append("A declared purpose answers it: in the configuration, or by `principal add --purpose`. Nothing is slowed down.")
    elif enforce == SHADOW:
        said.append("Detection is in shadow: nobody is slowed down. In force, it would move the standing by the same evidence.")
    if skipped:
        said.append(f"The analyst was behind: {skipped:,} records were counted and not looked at, so it may have come late.")
    return tuple(said)


def _why(weights: Weights, name: str) -> str:
    """A term in words, with its base rate where training measured one."""
    term = weights.terms.get(name)
    if term is None:
        return "one work list split among accounts that share text and never a prompt"
    return term.says + (f" ({term.benign:.0%} of benign client-days do)" if term.benign is not None else "")


def _detail(found: Finding, client: Client, weights: Weights, *, skipped: int, members: int) -> dict[str, str | int | float]:
    detail: dict[str, str | int | float] = {
        "prompt": found.prompt,
        "prompts": client.prompts,
        "requests": client.requests,
        "probability": round(found.score, 6),
        "bound_nats": weights.extraction.bound,
        "limit_nats": weights.extraction.limit,
    }
    if found.samples:
        detail["samples"] = " ".join(found.samples)
    if found.group:
        detail |= {"members": members, "tied_by_host": int(found.corroborated)}
    if skipped:
        detail["records_not_looked_at"] = skipped
    return detail
