"""Released versions of the catalogue: one canonical JSON file each, `releases/<version>.json`, so that a version that a
configuration pins stays in force when a newer one is installed.

A release holds what the files said, not what was made of it: a later version of this program compiles and shows it as its own.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec

import proxy
from proxy.core.errors import TosProxyError
from proxy.documents.problems import ConfigurationError, Problem
from proxy.documents.reading import Document as File
from proxy.terms import schema
from proxy.terms.catalog import Catalogue, assembled
from proxy.terms.crosschecks import cross_checked
from proxy.terms.files import RELEASES, Found

FORMAT = 1


class NoTermsError(TosProxyError):
    """The terms are missing from this installation, or there is no release of a version."""


def terms_folder() -> Path:
    """Where the shipped terms are: inside the installed package, or the checkout around it.

    Raises: NoTermsError when neither exists (a broken installation).
    """
    package = Path(proxy.__file__).resolve().parent
    for folder in (package / "_policies" / "terms", package.parent / "policies" / "terms"):
        if folder.is_dir():
            return folder
    raise NoTermsError("the terms are missing from this installation; install tos-proxy again")


def released(folder: Path) -> list[str]:
    """The versions of which a release is kept."""
    return sorted(path.stem for path in (folder / RELEASES).glob("*.json"))


def load(folder: Path, version: str) -> Catalogue:
    """A released version. Raises: NoTermsError, ConfigurationError when it does not fit together."""
    versions = released(folder)
    if version not in versions:
        raise NoTermsError(f"no release of the terms has the version {version}; there are {', '.join(versions) or 'none'}")
    return parsed((folder / RELEASES / f"{version}.json").read_bytes(), f"{RELEASES}/{version}.json")


def canonical(catalogue: Catalogue) -> bytes:
    """The catalogue as a release: keys sorted, what is at its default left out, one final line feed."""
    files: list[schema.Document | schema.Contract | schema.Licence] = [
        *(text for texts in catalogue.texts.values() for text in texts),
        *(row for name, row in catalogue.rows.items() if name not in catalogue.own),
    ]
    content = {
        "format": FORMAT,
        "version": catalogue.version,
        "files": [_dumped(file) for file in files],
        "models": [_dumped(line) for line in catalogue.models],
    }
    return msgspec.json.format(msgspec.json.encode(content, order="sorted"), indent=1) + b"\n"


def _dumped(content: schema.Strict) -> dict[str, Any]:
    return content.model_dump(mode="json", by_alias=True, exclude_defaults=True)


def parsed(text: bytes, name: str) -> Catalogue:
    """What a release holds. Raises: ConfigurationError."""
    try:
        content = msgspec.json.decode(text, type=dict[str, Any])
        if content.get("format") != FORMAT:
            raise ConfigurationError([Problem(name, "format", f"is {content.get('format')}, this version reads {FORMAT}")])
        head = {"apiVersion": schema.API_VERSION, "metadata": {"name": "terms"}}
        trees = [
            *content["files"],
            {**head, "kind": "Catalogue", "spec": {"version": content["version"]}},
            {**head, "kind": "Models", "spec": {"models": content["models"]}},
        ]
        found = [Found(File(name), schema.KINDS[tree["kind"]].model_validate(tree)) for tree in trees]
    except (msgspec.MsgspecError, KeyError, TypeError, ValueError) as error:
        raise ConfigurationError([Problem(name, "", f"is no release of the terms: {str(error).splitlines()[0]}")]) from None
    if problems := cross_checked(found):
        raise ConfigurationError(problems)
    return assembled(found)
