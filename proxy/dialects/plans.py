"""What a credential was sold as, as far as its shape and the place it is used at tell: a key of an API, or a subscription.

Terms differ by it: what a subscription's own tools may do, a script may not. Each row is a shape that its provider documents or
that its own tools use; what fits none is not guessed.
"""

from __future__ import annotations

API_KEY, OAUTH_SUBSCRIPTION, CODING_PLAN = "api_key", "oauth_subscription", "coding_plan"

_KEYS: tuple[tuple[bytes, str], ...] = (
    (b"sk-ant-oat", OAUTH_SUBSCRIPTION),  # Claude Pro, Max: what `claude setup-token` and a browser's sign-in give
    (b"sk-ant-api", API_KEY),
    (b"sk-ant-admin", API_KEY),
    (b"sk-proj-", API_KEY),
    (b"sk-svcacct-", API_KEY),
    (b"sk-admin-", API_KEY),
    (b"sk-or-", API_KEY),
    (b"sk-kimi-", CODING_PLAN),
    (b"sk-cp-", CODING_PLAN),  # MiniMax
    (b"sk-sp-", CODING_PLAN),  # Alibaba Model Studio
    (b"AIza", API_KEY),
    (b"xai-", API_KEY),
    (b"gsk_", API_KEY),
)
"""By what a key begins with; the first row that fits."""

_PLACES: tuple[tuple[str, bytes, str], ...] = (
    ("chatgpt.com", b"/backend-api", OAUTH_SUBSCRIPTION),  # Codex by a ChatGPT plan; its tokens are JWTs
    ("cloudcode-pa.googleapis.com", b"", OAUTH_SUBSCRIPTION),  # Gemini CLI by a Google account
    ("api.githubcopilot.com", b"", OAUTH_SUBSCRIPTION),
    ("api.kimi.com", b"/coding", CODING_PLAN),
    ("api.z.ai", b"/api/coding", CODING_PLAN),
    ("open.bigmodel.cn", b"/api/coding", CODING_PLAN),
    ("coding.dashscope.aliyuncs.com", b"", CODING_PLAN),
    ("coding-intl.dashscope.aliyuncs.com", b"", CODING_PLAN),
    ("ark.cn-beijing.volces.com", b"/api/coding", CODING_PLAN),
)
"""By host and what the path begins with."""

_BY_HOST: dict[str, list[tuple[bytes, str]]] = {}
for _host, _path, _plan in _PLACES:
    _BY_HOST.setdefault(_host, []).append((_path, _plan))


def plan_of_place(host: str, target: bytes) -> str:
    """The plan of whatever credential is used there; empty where several are."""
    rows = _BY_HOST.get(host)
    if rows is None:
        return ""
    for path, plan in rows:
        if not path or (target.startswith(path) and target[len(path) : len(path) + 1] in (b"", b"/", b"?")):
            return plan
    return ""


def plan_of_key(secret: bytes) -> str:
    """The plan that a key's shape tells; empty where it tells none."""
    return next((plan for prefix, plan in _KEYS if secret.startswith(prefix)), "")
