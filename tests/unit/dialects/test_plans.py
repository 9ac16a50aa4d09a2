"""What a credential was sold as."""

import pytest

from proxy.dialects.plans import plan_of_key, plan_of_place


@pytest.mark.parametrize(
    ("secret", "plan"),
    [
        (b"sk-ant-oat01-abc", "oauth_subscription"),
        (b"sk-ant-api03-abc", "api_key"),
        (b"sk-proj-abc", "api_key"),
        (b"sk-kimi-abc", "coding_plan"),
        (b"AIzaSyAbc", "api_key"),
        (b"sk-abc", ""),
        (b"eyJhbGciOi.e30.sig", ""),
        (b"", ""),
    ],
)
def test_a_keys_shape(secret: bytes, plan: str) -> None:
    """Known beginnings tell; everybody's `sk-` does not."""
    assert plan_of_key(secret) == plan


@pytest.mark.parametrize(
    ("host", "target", "plan"),
    [
        ("chatgpt.com", b"/backend-api/codex/responses", "oauth_subscription"),
        ("api.kimi.com", b"/coding/v1/chat/completions", "coding_plan"),
        ("api.z.ai", b"/api/coding/paas/v4/chat/completions", "coding_plan"),
        ("api.z.ai", b"/api/paas/v4/chat/completions", ""),
        ("api.z.ai", b"/api/codings", ""),
        ("cloudcode-pa.googleapis.com", b"/v1internal:generateContent", "oauth_subscription"),
        ("api.openai.com", b"/v1/responses", ""),
        ("api.openai.com", b"/coding", ""),
    ],
)
def test_a_place(host: str, target: bytes, plan: str) -> None:
    """Hosts and paths that only one plan is used at."""
    assert plan_of_place(host, target) == plan
