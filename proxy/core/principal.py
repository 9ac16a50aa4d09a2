"""Who asks: principals, and the credentials by which they are known."""

from __future__ import annotations

import msgspec

UNDECLARED = "undeclared"

PURPOSES = (
    "use.product",
    "use.internal",
    "use.data_ops",
    "eval.private",
    "eval.published",
    "train.classifier_internal",
    "train.narrow_distributed",
    "train.general",
    "train.provider_native",
    "train.self_distill",
    "data.publish",
    "research.academic",
    "security.own_app",
    "security.provider",
    "resale.passthrough",
    "extract.systematic",
    UNDECLARED,
)


STANDINGS = ("normal", "watched", "limited", "suspended")
"""From the best to the worst."""


class Standing(msgspec.Struct, frozen=True, omit_defaults=True, gc=False):
    """How a principal stands, by evidence or a person's decision, and the linked group that findings put it in."""

    standing: str = "normal"
    group: str = ""


class Credential(msgspec.Struct, frozen=True, gc=False):
    """A credential as it came, already reduced to what may be kept.

    `kind`: `bearer | x-api-key | api-key | x-goog-api-key | query | virtual | jwt | none`. `fingerprint`: 64 hex digits,
    HMAC-SHA256 under the deployment's identity key (SHA-256 for virtual keys, which are random); shown to people as `key:` + the
    first 12. Empty for `none`. `plan`: `api_key | oauth_subscription | coding_plan`, as far as the key's shape and the host tell;
    empty when they do not.
    """

    kind: str
    fingerprint: str
    plan: str = ""

    @property
    def shown(self) -> str:
        """The form fit for people and records."""
        return f"key:{self.fingerprint[:12]}" if self.fingerprint else ""


class Principal(msgspec.Struct, frozen=True):
    """Whoever a credential belongs to. `automatic` ones were named by us (`key:…`, `jwt:…`, `anonymous`), since nobody had.

    `purposes` are those a call may declare, `purpose` the one it has when it declares none.
    `content` is `full` or `digests`; `standing` is `normal | watched | limited | suspended`.
    `virtual` principals send a `tp_` key; only for them (and for unix-socket peers) is a provider's key injected. `group` is the
    linked group that findings put it in, empty for none.
    """

    name: str
    purposes: tuple[str, ...] = (UNDECLARED,)
    purpose: str = UNDECLARED
    attributes: dict[str, str] = {}
    project: str | None = None
    content: str = "full"
    standing: str = "normal"
    automatic: bool = False
    virtual: bool = False
    group: str = ""
