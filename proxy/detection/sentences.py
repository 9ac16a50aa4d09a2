"""What was found about a client in one plain sentence: what spoke for it, what cleared, with numbers and base rates."""

from __future__ import annotations

from proxy.core.principal import UNDECLARED
from proxy.detection.detector import Client, Finding, strongest
from proxy.detection.signals import SIGNALS
from proxy.detection.weights import Weights

_WORTH = 0.25
_MOST = 4
_AT = {signal.name: sum(before.width for before in SIGNALS[:place]) for place, signal in enumerate(SIGNALS)}
"""Where the sums of each signal begin."""


def sentence(client: Client, weights: Weights) -> str:
    """The sentence. Names no text of any prompt."""
    level = client.strongest
    if level is None:
        return f"Nothing to judge: {client.prompts:,} prompts, too few of which could teach a model."
    found = client.flagged or client.doubted
    spoke = found.nats if found is not None else strongest(level)
    ranked = sorted(spoke.items(), key=lambda pair: -abs(pair[1]))
    against = [_say(weights, name, nats) for name, nats in ranked if nats >= _WORTH][:_MOST]
    cleared = [weights.terms[name].says for name, nats in ranked if nats <= -_WORTH][:_MOST]
    why = "; ".join(against) or "nothing in particular"
    but = f"; in its favour: {', '.join(cleared)}" if cleared else ""
    if client.flagged is not None:
        tied = f" with its linked group {client.flagged.group}" if client.flagged.group else ""
        drift = f", declared as {client.purpose}" if client.purpose != UNDECLARED else ""
        return f"Looks like extraction{tied} from prompt {client.flagged.prompt:,} on{drift}: {why}{but}."
    if client.doubted is not None:
        return (
            f"A sweep from prompt {client.doubted.prompt:,} on that may be an evaluation or a data set being made; traffic alone "
            f"cannot tell, a declared purpose can: {why}{but}."
        )
    clearing = f"; in its favour: {', '.join(cleared)}" if cleared else ""
    return f"No sign of extraction in {client.prompts:,} prompts{clearing}."


def numbers(client: Client, found: Finding) -> str:
    """What the prompts that gave it away were like, in shares of the latest of them; empty where none is kept."""
    traffic = client.traffic
    if traffic is None:
        return ""
    streams = traffic.streams
    scope = streams.scopes.get(found.scope) or traffic.tests.get(found.scope) or streams.whole
    sums = scope.sums
    if sums.n < 1:
        return ""

    def share(name: str, place: int = 0) -> float:
        return sums.values[_AT[name] + place] / sums.n

    of = "prompts of this kind" if scope is not streams.whole else "prompts"
    said = (
        f"Of about the latest {sums.n:,.0f} of its {sums.total:,} {of} {share('novelty'):.0%} never came before and "
        f"{share('conversation'):.0%} are single turns; {share('template'):.0%} of their pieces of text are the same in others"
    )
    if (known := share("answers")) >= 0.1:
        said += f"; answers have {2 ** (share('answers', 1) / known) - 1:,.0f} tokens (geometric mean)"
    return said + "."


def _say(weights: Weights, name: str, nats: float) -> str:
    """One term; the base rate stands where training measured one."""
    if name == "linkage":
        return f"one work list split among accounts that share text and never a prompt (+{nats:.1f} nats)"
    term = weights.terms[name]
    rate = f", {term.benign:.0%} of benign traffic does" if term.benign is not None else ""
    return f"{term.says} (+{nats:.1f} nats{rate})"
