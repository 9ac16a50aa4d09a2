"""Reads deploy/kubernetes as kustomize would, as far as these files go, and puts every container's environment together."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from tests.architecture.tree import ROOT

FOLDER = ROOT / "deploy" / "kubernetes"
FORMS = ("sidecar", "gateway")
KNOWN = {"apiVersion", "kind", "labels", "resources", "configMapGenerator", "generatorOptions", "images"}
HEX = "0123456789abcdef" * 4


def objects(folder: Path) -> list[dict[str, Any]]:
    """Every object that a kustomization makes. Raises: AssertionError for what is not known here, OSError for what is missing."""
    told = yaml.safe_load((folder / "kustomization.yaml").read_text())
    assert set(told) <= KNOWN, set(told) - KNOWN
    found: list[dict[str, Any]] = []
    for name in told.get("resources", ()):
        place = folder / name
        found += objects(place) if place.is_dir() else [each for each in yaml.safe_load_all(place.read_text()) if each]
    for made in told.get("configMapGenerator", ()):
        data = {Path(name).name: (folder / name).read_text() for name in made["files"]}
        found.append({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": made["name"]}, "data": data})
    return found


@dataclass(frozen=True)
class Pod:
    """One pod as a workload makes it: name of the workload, labels, spec, and the claims that come with it."""

    name: str
    labels: dict[str, str]
    spec: dict[str, Any]
    claims: tuple[str, ...] = ()

    @property
    def containers(self) -> list[dict[str, Any]]:
        """All of them, sidecars first."""
        return [*self.spec.get("initContainers", ()), *self.spec["containers"]]

    @property
    def proxy(self) -> dict[str, Any]:
        """The container that is ours."""
        return next(each for each in self.containers if each["name"] == "tos-proxy")


def pods(made: list[dict[str, Any]]) -> Iterator[Pod]:
    """Every workload's pod."""
    for each in made:
        if "template" in each.get("spec", {}):
            template = each["spec"]["template"]
            claims = tuple(claim["metadata"]["name"] for claim in each["spec"].get("volumeClaimTemplates", ()))
            yield Pod(each["metadata"]["name"], template["metadata"]["labels"], template["spec"], claims)


def secrets() -> dict[str, dict[str, str]]:
    """The example's secrets with values of the right form."""
    example = yaml.safe_load_all((FOLDER / "secrets.example.yaml").read_text())
    return {each["metadata"]["name"]: {key: _sample(key, value) for key, value in each["stringData"].items()} for each in example}


def _sample(key: str, value: str) -> str:
    if key in ("TOS_PROXY_IDENTITY_KEY", "TOS_PROXY_MASTER_KEY"):
        return HEX
    return "tp_" + "a" * 48 if key == "KEY" else value


def environment(container: dict[str, Any]) -> dict[str, str]:
    """What a container's process finds. Raises: KeyError when a secret or one of its keys does not exist."""
    known = secrets()
    found: dict[str, str] = {}
    for source in container.get("envFrom", ()):
        found |= known[source["secretRef"]["name"]]
    for each in container.get("env", ()):
        if "value" in each:
            found[each["name"]] = each["value"]
        else:
            wanted = each["valueFrom"]["secretKeyRef"]
            found[each["name"]] = known[wanted["name"]][wanted["key"]]
    return found
