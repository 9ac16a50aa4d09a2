"""The lock files are in step with pyproject.toml, hashed, without addresses, under permissive licences; the wheel is whole."""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib
import zipfile
from importlib import metadata
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tests.architecture.tree import ROOT, expect_none, files, imports, parsed, python_files, text

PIN = re.compile(r"^(?P<name>[a-z0-9][a-z0-9-]*)==(?P<version>\S+)(?: ; (?P<marker>.*?))? \\$", re.MULTILINE)
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
RUNTIME = [*PROJECT["project"]["dependencies"], *PROJECT["dependency-groups"]["build"]]
DEVELOPMENT = [*RUNTIME, *PROJECT["dependency-groups"]["dev"]]

PERMISSIVE = re.compile(r"\b(?:MIT|MIT-0|BSD|BSD-[23]-Clause|0BSD|Apache|ISC|PSF|Python-2\.0|Unlicense|Zlib)\b")
COPYLEFT = re.compile(r"\bMPL|Mozilla|GPL|GNU|EUPL|EPL|CDDL", re.IGNORECASE)
WEAK_COPYLEFT = {
    "pathspec": "MPL-2.0, build time only: hatchling reads ignore files with it; never imported by the product",
    "hypothesis": "MPL-2.0, tests only",
    "certifi": "MPL-2.0, tests only: the provider of single sign-on asks with it",
}
"""Licences that ask for something back, and why they do not reach those who receive the product."""


def pins(lock: str) -> dict[str, str]:
    """Name and version of everything a lock file pins."""
    return {found["name"]: found["version"] for found in PIN.finditer(lock)}


def out_of_step(requirements: list[str], lock: str) -> list[str]:
    """Requirements that the lock file does not meet, and pins without a hash."""
    pinned = pins(lock)
    bad = []
    for line in requirements:
        wanted = Requirement(line)
        version = pinned.get(canonicalize_name(wanted.name))
        if version is None or not wanted.specifier.contains(version, prereleases=True):
            bad.append(f"{line}: the lock file has {version}")
    blocks = re.split(r"\n(?=[a-z0-9])", lock)
    bad += [f"{block.splitlines()[0]}: no hash" for block in blocks if "==" in block and "--hash=sha256:" not in block]
    return bad


def nobody_asks_for(requirements: list[str], lock: str) -> list[str]:
    """Pins that neither pyproject.toml nor another pin asks for: what was struck from pyproject.toml but not from the lock."""
    direct = {canonicalize_name(Requirement(line).name) for line in requirements}
    blocks = re.split(r"\n(?=[a-z0-9])", lock)
    bad = []
    for block in blocks:
        if not (found := PIN.search(f"{block}\n")):
            continue
        by_the_project = "tos-proxy" in block
        if by_the_project and found["name"] not in direct:
            bad.append(f"{found['name']}: pyproject.toml does not ask for it any more")
    return bad


@pytest.mark.parametrize(("name", "requirements"), [("requirements.txt", RUNTIME), ("requirements-dev.txt", DEVELOPMENT)])
def test_the_lock_is_in_step(name: str, requirements: list[str]) -> None:
    """Every requirement is pinned in range with hashes, and nothing is pinned that nobody asks for (`make lock` mends it)."""
    expect_none([*out_of_step(requirements, text(name)), *nobody_asks_for(requirements, text(name))])
    assert "://" not in text(name)


def test_the_locks_agree() -> None:
    """Development uses the very versions that run in production."""
    runtime, development = pins(text("requirements.txt")), pins(text("requirements-dev.txt"))
    assert runtime.items() <= development.items()


def test_a_lock_out_of_step_is_caught() -> None:
    """A missing pin, a version out of range, a missing hash and a pin too many are each complained about."""
    good = "a==1.0 \\\n    --hash=sha256:00\n    # via tos-proxy (pyproject.toml)\n"
    assert not out_of_step(["a>=1"], good)
    assert out_of_step(["b"], good)
    assert out_of_step(["a>=2"], good)
    assert out_of_step(["a"], "a==1.0 \\\n    # via\n")
    assert nobody_asks_for([], good)


def licence_of(distribution: metadata.Distribution) -> str:
    """What a distribution says of its licence: the SPDX expression, else the free field and the classifiers."""
    said = distribution.metadata
    classifiers = [line.rsplit(" :: ", 1)[-1] for line in said.get_all("Classifier", []) if line.startswith("License")]
    free = " ".join(line[:60] for line in said.get_all("License", []))
    return " ".join(said.get_all("License-Expression", [])) or " ".join([*classifiers, free])


def bad_licence(name: str, licence: str) -> bool:
    """Whether a licence is unknown to us, or asks for something back without a reason on our list."""
    return (name not in WEAK_COPYLEFT) if COPYLEFT.search(licence) else not PERMISSIVE.search(licence)


def test_licences_are_permissive() -> None:
    """What the lock installs is under permissive licences, or named with the reason why its licence reaches nobody."""
    installed = {canonicalize_name(found.metadata["Name"]): found for found in metadata.distributions()}
    locked = [installed[canonicalize_name(name)] for name in pins(text("requirements-dev.txt")) if name in installed]
    assert len(locked) > len(DEVELOPMENT)
    expect_none(f"{found.name}: {licence_of(found)}" for found in locked if bad_licence(found.name, licence_of(found)))
    assert bad_licence("a", "GPL-3.0-only")
    assert bad_licence("a", "")
    assert bad_licence("a", "MIT AND MPL-2.0")


IMPORTED_AS = {
    "opentelemetry-proto": "opentelemetry",
    "pyyaml": "yaml",
    "prometheus-client": "prometheus_client",
    "import-linter": "importlinter",
    "argon2-cffi": "argon2",
    "pytest-xdist": "xdist",
}
BY_NAME = {"aiosqlite": "sqlalchemy", "asyncpg": "sqlalchemy"}
"""Distributions that another one loads by name (an URL's scheme), so that no import of ours shows them."""


def unused(requirements: list[str], imported: set[str]) -> list[str]:
    """Requirements that nothing imports, directly or by name."""
    names = [canonicalize_name(Requirement(line).name) for line in requirements]
    return [name for name in names if BY_NAME.get(name, IMPORTED_AS.get(name, name.replace("-", "_"))) not in imported]


def test_every_dependency_is_used() -> None:
    """What is installed at run time is imported by the product; what is not leaves pyproject.toml."""
    imported = {module.split(".")[0] for name in python_files("proxy", "migrations") for module in imports(parsed(name))}
    expect_none(unused(PROJECT["project"]["dependencies"], imported))
    assert unused(["a", "pyyaml", "aiosqlite"], {"yaml"}) == ["a", "aiosqlite"]


PLUGINS = ("proxy/cli/pytest_policies.py",)
"""Modules that only another program loads, which brings itself."""

EXTRAS = {"proxy/telemetry/otlp.py": "otel"}
"""Modules that are loaded only by who installed an extra."""


def undeclared(imported: set[str], requirements: list[str]) -> set[str]:
    """Top-level modules that are neither of the standard library, nor ours, nor of a declared requirement."""
    names = [canonicalize_name(Requirement(line).name) for line in requirements]
    declared = {IMPORTED_AS.get(name, name.replace("-", "_")) for name in names}
    return (
        {module.split(".")[0] for module in imported}
        - declared
        - sys.stdlib_module_names
        - {"proxy", "tests", "benchmarks", "docs"}
    )


def test_every_import_is_declared() -> None:
    """What product, tests and benchmarks import is asked for in pyproject.toml, not there by luck."""
    own = [name for name in python_files("proxy", "migrations") if name not in PLUGINS and name not in EXTRAS]
    product = {module for name in own for module in imports(parsed(name))}
    # the journeys' clients run in environments of their own, with one SDK each
    others = [name for name in python_files("tests", "benchmarks", "docs") if not name.startswith("tests/journey/clients/")]
    expect_none(sorted(undeclared(product, PROJECT["project"]["dependencies"])))
    for name, extra in EXTRAS.items():
        brought = [*PROJECT["project"]["dependencies"], *PROJECT["project"]["optional-dependencies"][extra]]
        expect_none(sorted(undeclared(set(imports(parsed(name))), brought)))
    expect_none(sorted(undeclared({module for name in others for module in imports(parsed(name))}, DEVELOPMENT)))
    assert undeclared({"os", "yaml", "attic.x"}, ["pyyaml"]) == {"attic"}


def test_the_installed_command_is_this_checkout() -> None:
    """The environment's `tos-proxy` runs the code of this folder, not a copy of it."""
    entry = next(iter(metadata.distribution("tos-proxy").entry_points))
    assert (entry.name, entry.value) == ("tos-proxy", "proxy.cli:main")


def test_the_wheel_is_whole(tmp_path: Path) -> None:
    """A wheel built from the checkout holds the package, its migrations and its licence, and nothing of the tests."""
    program = f"from hatchling.build import build_wheel; build_wheel({str(tmp_path)!r})"
    subprocess.run([sys.executable, "-c", program], cwd=ROOT, check=True, capture_output=True)
    (wheel,) = tmp_path.glob("*.whl")
    inside = set(zipfile.ZipFile(wheel).namelist())
    migrations = {name.replace("migrations/", "proxy/_migrations/", 1) for name in files() if name.startswith("migrations/")}
    assert migrations | set(python_files("proxy")) <= inside
    assert any(name.endswith("licenses/LICENSE") for name in inside)
    assert {name.split("/")[0] for name in inside} == {"proxy", f"tos_proxy-{metadata.version('tos-proxy')}.dist-info"}
