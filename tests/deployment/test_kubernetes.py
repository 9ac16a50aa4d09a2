"""The Kubernetes examples: every name resolves, and ports, probes, flags, keys and times are those of the product."""

from __future__ import annotations

import copy
import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from proxy.cli import build as command_line
from proxy.control.plan import CUTTING_SECONDS
from proxy.documents.problems import ConfigurationError
from proxy.settings.compiling import Compiled, compile_configuration
from tests.architecture.tree import ROOT
from tests.deployment.dockerfile import parse
from tests.deployment.manifests import FOLDER, FORMS, Pod, environment, objects, pods
from tests.deployment.options import wrong_options

IMAGE = parse((ROOT / "Dockerfile").read_text())[-1]
OLDEST = "1.29"
"""The first version in which sidecars are on by default."""
PAGES = ("/healthz", "/readyz", "/metrics")
Objects = list[dict[str, Any]]


def compiled(pod: Pod, made: Objects, folder: Path) -> Compiled:
    """What the proxy in a pod would run under. Raises: ConfigurationError."""
    data = next(each["data"] for each in made if each["kind"] == "ConfigMap")
    for name, text in data.items():
        (folder / name).write_text(text)
    return compile_configuration({**IMAGE.environment, **environment(pod.proxy)}, folder, make=False)


def faults(made: Objects, folder: Path) -> list[str]:
    """Everything that is wrong with the objects of one form."""
    bad = [f"{each['kind']}: no name" for each in made if not each.get("metadata", {}).get("name")]
    try:
        for pod in pods(made):
            bad += [
                f"{pod.name}: {fault}" for fault in (*_names(pod, made), *_product(pod, made, folder), *_rights(pod), *_keys(pod))
            ]
    except ConfigurationError as error:
        bad.append(str(error))
    return bad + _network(made)


def _names(pod: Pod, made: Objects) -> list[str]:
    named = {(each["kind"], each["metadata"]["name"]) for each in made}
    bad = [] if ("ServiceAccount", pod.spec["serviceAccountName"]) in named else ["no such account"]
    volumes = {volume["name"] for volume in pod.spec.get("volumes", ())} | set(pod.claims)
    for container in pod.containers:
        bad += [f"no volume {mount['name']}" for mount in container.get("volumeMounts", ()) if mount["name"] not in volumes]
    for volume in pod.spec.get("volumes", ()):
        if "configMap" in volume and ("ConfigMap", volume["configMap"]["name"]) not in named:
            bad.append(f"no ConfigMap {volume['configMap']['name']}")
    return bad


def _product(pod: Pod, made: Objects, folder: Path) -> list[str]:
    """Ports, probes, flags and times against what the product does under this very environment."""
    proxy, found = pod.proxy, compiled(pod, made, folder)
    settings = found.settings
    bad = [f"warning: {each}" for each in found.warnings] + wrong_options(command_line(), proxy["args"])
    true_ports = {"gateway": settings.gateway.port, "health": settings.health.port}
    ports = {each["name"]: each["containerPort"] for each in proxy["ports"]}
    bad += [f"port {name} is {port}" for name, port in ports.items() if true_ports.get(name) != port]
    for kind, path in (("startupProbe", "/readyz"), ("readinessProbe", "/readyz"), ("livenessProbe", "/healthz")):
        asked = proxy.get(kind, {}).get("httpGet", {})
        bad += [f"{kind} asks {asked}"] if asked.get("path") != path or path not in PAGES or asked.get("port") != "health" else []
    mounts = {mount["mountPath"] for mount in proxy["volumeMounts"]}
    bad += [] if mounts == {IMAGE.last("WORKDIR"), str(settings.data_dir)} else [f"mounts {mounts}"]
    deadlines = settings.gateway.deadlines
    gateway = 0.0 if "control" in proxy["args"] else deadlines.drain_delay + deadlines.drain + CUTTING_SECONDS
    needed = gateway + settings.ledger.durability.ship + 5
    bad += [f"is killed before its end of {needed} s"] if pod.spec["terminationGracePeriodSeconds"] < needed else []
    mortal = any("emptyDir" in volume for volume in pod.spec.get("volumes", ()))
    return bad + (["records die with the pod"] if mortal and not settings.ledger.durability.copied else [])


def _rights(pod: Pod) -> list[str]:
    common = pod.spec.get("securityContext", {})
    bad = [] if common.get("runAsNonRoot") and common.get("seccompProfile") == {"type": "RuntimeDefault"} else ["may run as root"]
    bad += [] if pod.spec.get("automountServiceAccountToken") is False else ["has a token of the cluster"]
    for container in pod.containers:
        own = {**common, **container.get("securityContext", {})}
        tight = (
            own.get("readOnlyRootFilesystem")
            and own.get("allowPrivilegeEscalation") is False
            and own.get("capabilities") == {"drop": ["ALL"]}
        )
        bad += [] if tight and own.get("runAsUser") else [f"{container['name']} has more rights than it needs"]
        bad += [] if "memory" in container["resources"]["requests"] else [f"{container['name']} asks for no memory"]
    user = IMAGE.last("USER").partition(":")[0]
    own = {**common, **pod.proxy["securityContext"]}
    return bad + ([] if str(own["runAsUser"]) == user else ["another user than the image's"])


def _keys(pod: Pod) -> list[str]:
    """A provider's key is in the gateway's container alone; the application has a virtual key and our address."""
    bad: list[str] = []
    for container in pod.containers:
        if container["name"] == "tos-proxy":
            continue
        if container.get("envFrom"):
            bad.append(f"{container['name']} takes whole secrets")
        found = environment(container)
        bad += [
            f"{name} is no virtual key"
            for name, value in found.items()
            if name.endswith("_API_KEY") and not value.startswith("tp_")
        ]
        bad += [
            f"{name} leads elsewhere"
            for name, value in found.items()
            if name.endswith("_BASE_URL") and "127.0.0.1:8080/" not in value
        ]
    return bad


def _network(made: Objects) -> list[str]:
    """Every policy and service selects a pod of ours, and opens ports that are there."""
    labels = [pod.labels for pod in pods(made)]
    ports = {port["containerPort"] for pod in pods(made) for port in pod.proxy["ports"]}
    bad = []
    for each in made:
        spec = each.get("spec", {})
        if each["kind"] == "Service":
            bad += (
                [f"service {each['metadata']['name']} finds no pod"]
                if not any(_fits(spec["selector"], pod) for pod in labels)
                else []
            )
        if each["kind"] == "NetworkPolicy":
            wanted = spec["podSelector"].get("matchLabels", {})
            known = not wanted or wanted == {"calls-models": "yes"} or any(_fits(wanted, pod) for pod in labels)
            bad += [] if known else [f"policy {each['metadata']['name']} is about no pod"]
            opened = {port["port"] for rule in spec.get("ingress", ()) for port in rule["ports"]}
            bad += [f"policy opens {opened - ports}"] if opened - ports else []
    return bad


def ways_out(made: Objects, labels: dict[str, str]) -> set[tuple[str, int]] | None:
    """Where a pod with these labels may connect to, and the port; None when no policy says anything of it."""
    specs = [each["spec"] for each in made if each["kind"] == "NetworkPolicy"]
    ours = [spec for spec in specs if "Egress" in spec["policyTypes"] and _fits(spec["podSelector"].get("matchLabels", {}), labels)]
    found: set[tuple[str, int]] = set()
    for rule in (rule for spec in ours for rule in spec.get("egress", ())):
        places = [_place(peer) for peer in rule.get("to", ())] or ["anywhere"]
        found |= {(place, port["port"]) for place in places for port in rule.get("ports", ({"port": 0},))}
    return found if ours else None


def _place(peer: dict[str, Any]) -> str:
    """The labels of a namespace and of pods, or a block of addresses."""
    labels = [peer[name].get("matchLabels", {}) for name in ("namespaceSelector", "podSelector") if name in peer]
    return "/".join(value for each in labels for value in each.values()) or peer.get("ipBlock", {}).get("cidr", "anywhere")


def _fits(selector: dict[str, str], labels: dict[str, str]) -> bool:
    return selector.items() <= labels.items()


@pytest.mark.parametrize("form", FORMS)
def test_true(form: str, tmp_path: Path) -> None:
    """Nothing is wrong with either form."""
    assert faults(objects(FOLDER / form), tmp_path) == []


_NAMES = {("kube-system/kube-dns", 53)}
_STORES = {("databases", 5432), ("databases", 6379)}


def test_the_only_way_out() -> None:
    """Whoever is no gateway gets to the gateway at most; a pod with a sidecar to the egress proxy, which asks for the sidecar's
    name and password. Without the policy about everybody an application would get anywhere.
    """
    made = objects(FOLDER / "gateway")
    caller = {"app": "support-bot", "calls-models": "yes"}
    assert ways_out(made, {"app": "another"}) == _NAMES
    assert ways_out(made, caller) == _NAMES | {("model-gateway", 8080)}
    assert ways_out(made, {"app": "model-gateway"}) == _NAMES | _STORES | {("0.0.0.0/0", 443)}
    assert ways_out([each for each in made if each["metadata"]["name"] != "nobody-gets-out"], {"app": "another"}) is None
    (pod,) = pods(beside := objects(FOLDER / "sidecar"))
    assert ways_out(beside, pod.labels) == _NAMES | _STORES | {("egress", 3128)}
    proxy = environment(pod.proxy)
    assert "@egress.egress.svc:3128" in proxy["HTTPS_PROXY"]
    assert all("HTTPS_PROXY" not in environment(each) for each in pod.containers if each is not pod.proxy)


def test_policies_of_the_config_map_are_in_force(tmp_path: Path) -> None:
    """The rule that the ConfigMap holds is one of those that the proxy runs under."""
    made = objects(FOLDER / "gateway")
    for pod in pods(made):
        assert "few-answers" in [rule.name for rule in compiled(pod, made, tmp_path).policies.rules]


def test_a_sidecar_is_one(tmp_path: Path) -> None:
    """The sidecar starts before the application and ends after it, is for its pod alone, and carries no admin."""
    made = objects(FOLDER / "sidecar")
    (pod,) = pods(made)
    assert pod.spec["initContainers"][-1] is pod.proxy
    assert pod.proxy["restartPolicy"] == "Always"
    assert compiled(pod, made, tmp_path).settings.gateway.host == "127.0.0.1"
    assert "--no-admin" in pod.proxy["args"]


def _set(*path: str | int, to: Any) -> Callable[[dict[str, Any]], None]:
    def change(found: dict[str, Any]) -> None:
        place: Any = found
        for step in path[:-1]:
            place = place[step]
        if to is None:
            del place[path[-1]]
        else:
            place[path[-1]] = to

    return change


_POD = ("spec", "template", "spec")
_OURS = (*_POD, "initContainers", 0)


@pytest.mark.parametrize(
    ("kind", "change"),
    [
        ("Deployment", _set(*_OURS, "ports", 0, "containerPort", to=8081)),
        ("Deployment", _set(*_OURS, "readinessProbe", "httpGet", "path", to="/ready")),
        ("Deployment", _set(*_OURS, "args", to=["serve", "--admin"])),
        ("Deployment", _set(*_OURS, "env", 1, "value", to="150s")),
        ("Deployment", _set(*_OURS, "env", 2, "value", to="local")),
        ("Deployment", _set(*_OURS, "securityContext", "readOnlyRootFilesystem", to=False)),
        ("Deployment", _set(*_OURS, "volumeMounts", 0, "name", to="nothing")),
        ("Deployment", _set(*_POD, "terminationGracePeriodSeconds", to=30)),
        ("Deployment", _set(*_POD, "containers", 0, "envFrom", to=[{"secretRef": {"name": "tos-proxy-provider"}}])),
        ("Deployment", _set(*_POD, "securityContext", "runAsNonRoot", to=None)),
        ("ServiceAccount", _set("metadata", "name", to="other")),
        ("ConfigMap", _set("metadata", "name", to="other")),
        ("ConfigMap", _set("data", "few-answers.yaml", to="kind: Nothing")),
        ("NetworkPolicy", _set("spec", "podSelector", "matchLabels", "app", to="other")),
    ],
)
def test_what_is_wrong_is_found(kind: str, change: Callable[[dict[str, Any]], None], tmp_path: Path) -> None:
    """Each kind of mistake is found."""
    made = copy.deepcopy(objects(FOLDER / "sidecar"))
    change(next(each for each in made if each["kind"] == kind))
    assert faults(made, tmp_path) != []


@pytest.mark.skipif(shutil.which("kubectl") is None, reason="kubectl is not installed")
@pytest.mark.parametrize("form", FORMS)
def test_kustomize_makes_the_same(form: str) -> None:
    """What these tests judge is what `kubectl kustomize` makes, but for labels and the image's name."""
    ran = subprocess.run(["kubectl", "kustomize", str(FOLDER / form)], capture_output=True, text=True, check=True, timeout=60)
    made = {(each["kind"], each["metadata"]["name"]): each for each in yaml.safe_load_all(ran.stdout)}
    ours = {(each["kind"], each["metadata"]["name"]): each for each in objects(FOLDER / form)}
    assert made.keys() == ours.keys()
    for key, each in ours.items():
        each["metadata"].pop("labels", None)
        made[key]["metadata"].pop("labels", None)
        theirs = json.dumps(made[key], sort_keys=True).replace("registry.example/tos-proxy:0.1.0", "tos-proxy")
        assert theirs == json.dumps(each, sort_keys=True)


@pytest.mark.long
@pytest.mark.timeout(600)
def test_schemas(tmp_path: Path) -> None:
    """Every object is what the schemas of Kubernetes say, strictly. They come as a package of 100 MB, locked in `schemas.txt`."""
    lock = Path(__file__).with_name("schemas.txt")
    subprocess.run([sys.executable, "-m", "venv", str(tmp_path / "venv")], check=True)
    python = str(tmp_path / "venv" / "bin" / "python")
    subprocess.run([python, "-m", "pip", "install", "--quiet", "--require-hashes", "-r", str(lock)], check=True, timeout=500)
    script = (
        "import json, sys, kubernetes_validate\n"
        "for each in json.load(sys.stdin): kubernetes_validate.validate(each, sys.argv[1], strict=True)\n"
    )
    made = [each for form in FORMS for each in objects(FOLDER / form)]
    for told, good in ((made, True), ([{**made[0], "kinds": 1}], False)):
        ran = subprocess.run([python, "-c", script, OLDEST], input=json.dumps(told), capture_output=True, text=True, check=False)
        assert (ran.returncode == 0) == good, ran.stderr
