"""What is judged."""

from proxy.core.call import Call
from proxy.core.decision import NO_OBJECTION
from proxy.core.exchange import NO_CREDENTIAL, NO_FACTS, NOBODY


def test_nobody_has_objected_before_the_terms_are_asked() -> None:
    """A call begins without a verdict."""
    call = Call(0, "openai", "api.openai.com", "openai", "chat", "POST", NO_FACTS, NOBODY, NO_CREDENTIAL, "undeclared")
    assert call.verdict is NO_OBJECTION
