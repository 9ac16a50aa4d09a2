"""The documents are in step with the code: links, commands, configuration keys, coverage, record fields, versions."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import Annotated, Any, get_args, get_origin

import msgspec
import pydantic
import yaml
from fastapi.routing import APIRoute

from docs import generate_metrics, generate_policy
from docs.generate_coverage import renewed
from docs.hosts import HOSTS, Base, Host
from proxy import __version__
from proxy.admin.app import RESOURCES
from proxy.cli import build
from proxy.dialects import DIALECTS, by_name, find
from proxy.documents.problems import ConfigurationError
from proxy.ledger import record
from proxy.policy.schema import PolicySpec
from proxy.settings.builtin import builtin_upstreams
from proxy.settings.compiling import compile_configuration
from proxy.settings.schema import Settings
from tests.architecture.tree import ROOT, expect_none, files, text

PAGES = [name for name in files() if name.endswith(".md") and not name.startswith("tests/")]
LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
EXAMPLE = re.compile(r"^```yaml\n(.*?)^```", re.DOTALL | re.MULTILINE)
CODE = re.compile(r"```.*?```", re.DOTALL)
FIRST_CELL = re.compile(r"^\| `([a-z_.<>]+)` \| (?:`([^`|]*)`)? *\|", re.MULTILINE)


def anchor(heading: str) -> str:
    """How a heading is addressed."""
    return re.sub(r"[^\w\- ]", "", heading.strip().lower()).replace(" ", "-")


def dead_links(name: str, page: str, exists: set[str]) -> list[str]:
    """Links of a page to files or headings that are not there. Addresses on the network are not followed."""
    bad = []
    for link in LINK.findall(CODE.sub("", page)):
        if "://" in link or link.startswith("mailto:"):
            continue
        path, _, heading = link.partition("#")
        target = _normal(PurePosixPath(name).parent / path) if path else name
        if target not in exists and not any(each.startswith(f"{target}/") for each in exists):
            bad.append(f"{name}: no {target}")
        elif heading and heading not in {anchor(line.lstrip("#")) for line in text(target).splitlines() if line.startswith("#")}:
            bad.append(f"{name}: no heading {link}")
    return bad


def _normal(path: PurePosixPath) -> str:
    parts: list[str] = []
    for part in path.parts:
        if part == "..":
            parts.pop()
        elif part != ".":
            parts.append(part)
    return "/".join(parts)


def test_links_lead_somewhere() -> None:
    """Every relative link of a page leads to a file, and to a heading if it names one."""
    expect_none(line for name in PAGES for line in dead_links(name, text(name), set(files())))
    assert dead_links("docs/a.md", "[b](../b.md)", {"docs/a.md"}) == ["docs/a.md: no b.md"]


def test_decisions_are_listed() -> None:
    """The index names every decision."""
    index = text("docs/adr/README.md")
    expect_none(name for name in files() if re.fullmatch(r"docs/adr/\d{4}-.*\.md", name) and PurePosixPath(name).name not in index)


def commands() -> list[str]:
    """Every command of the command line, `ledger status` and the like."""
    application = build()
    found = [_name(command) for command in application.registered_commands]
    for group in application.registered_groups:
        inner = group.typer_instance
        assert inner is not None
        found += [f"{group.name} {_name(command)}" for command in inner.registered_commands]
    return found


def _name(command: Any) -> str:
    return str(command.name or command.callback.__name__.rstrip("_").replace("_", "-"))


def unnamed(names: list[str], page: str) -> list[str]:
    """Names that a page does not contain as `tos-proxy NAME`."""
    return [name for name in names if not re.search(rf"tos-proxy {re.escape(name)}(?![\w-])", page)]


def unknown(names: list[str], page: str) -> list[str]:
    """Commands that a page names and that do not exist."""
    words = re.findall(r"(?:`|^ {4}|bin/)tos-proxy ([a-z]+(?: [a-z]+)?)", page, re.MULTILINE)
    groups = {name.split()[0] for name in names if " " in name}
    return [
        word for word in words if word not in names and word.split()[0] not in set(names) | (groups if " " not in word else set())
    ]


def test_commands_are_documented() -> None:
    """Every command is in docs/commands.md, and no page names a command that does not exist."""
    names = commands()
    expect_none(f"docs/commands.md lacks {name}" for name in unnamed(names, text("docs/commands.md")))
    expect_none(f"{page}: no command {name}" for page in PAGES for name in unknown(names, text(page)))
    assert unnamed(["serve"], "tos-proxy servers") == ["serve"]
    assert unknown(["ledger status", "serve"], "`tos-proxy ledger verify` `tos-proxy serve --port` `tos-proxy scan`") == [
        "ledger verify",
        "scan",
    ]


def test_admin_resources_are_documented() -> None:
    """docs/admin-api.md names every method and path of the admin API, and no other."""
    routes = [route for router in RESOURCES for route in router.routes if isinstance(route, APIRoute)]
    served = {f"{method} /api/v1{route.path}" for route in routes for method in route.methods or ()}
    shown = set(re.findall(r"`((?:GET|POST|PUT|PATCH|DELETE) /api/v1/[^`?]+)", text("docs/admin-api.md")))
    expect_none(sorted(served ^ shown))


def make_targets() -> set[str]:
    """The verbs of the Makefile."""
    return set(re.findall(r"^([a-z-]+):", text("Makefile"), re.MULTILINE))


def test_make_verbs_exist() -> None:
    """Every `make VERB` that a page shows is in the Makefile, and the verbs people use have a word of help."""
    shown = {(page, verb) for page in PAGES for verb in re.findall(r"(?:`|^ {4})make ([a-z-]+)", text(page), re.MULTILINE)}
    expect_none(f"{page}: no verb {verb}" for page, verb in shown if verb not in make_targets())
    verbs = ("help", "setup", "serve", "demo", "test", "check", "bench", "prove")
    expect_none(verb for verb in verbs if not re.search(rf"^{verb}:.*## \w", text("Makefile"), re.MULTILINE))


def keys(model: type[pydantic.BaseModel], above: str = "") -> Iterator[tuple[str, Any, pydantic.fields.FieldInfo]]:
    """Every key of the configuration with its annotation; mappings by name have `<name>` in between."""
    for name, field in model.model_fields.items():
        inner = _models(field.annotation)
        path = f"{above}{name}"
        if inner is None:
            yield path, Annotated[field.annotation, *field.metadata] if field.metadata else field.annotation, field
        else:
            yield from keys(inner, f"{path}.<name>." if get_origin(field.annotation) is dict else f"{path}.")


def _models(annotation: Any) -> type[pydantic.BaseModel] | None:
    """The section a key opens, if it opens one."""
    for each in (annotation, *get_args(annotation)):
        if isinstance(each, type) and issubclass(each, pydantic.BaseModel):
            return each
    return None


def wrong_keys(page: str, model: type[pydantic.BaseModel]) -> list[str]:
    """Keys that a page lacks, invents, or gives another default."""
    rows = dict(FIRST_CELL.findall(page))
    known = {path: (annotation, field) for path, annotation, field in keys(model)}
    bad = [f"{path}: not documented" for path in known if path not in rows]
    bad += [f"{path}: no such key" for path in rows if path not in known]
    for path, (annotation, field) in known.items():
        default = None if field.is_required() else field.get_default()
        shown = rows.get(path)
        if shown:
            meant = pydantic.TypeAdapter(annotation).validate_python(yaml.safe_load(shown))
            bad += [f"{path}: default is {default}, not {shown}"] if meant != default else []
        elif shown == "" and default not in (None, "", [], {}):
            bad.append(f"{path}: default {default} is not shown")
    return bad


def unusable(page: str, folder: Path) -> list[str]:
    """Examples of a configuration in a page that the program would not start with, or would warn of."""
    bad = []
    (folder / "policies").mkdir(exist_ok=True)
    for example in EXAMPLE.findall(page):
        told = next(yaml.safe_load_all(example))
        if not isinstance(told, dict) or not set(told) <= set(Settings.model_fields):
            continue  # a policy, terms, a mapping of columns
        (folder / "tos-proxy.yaml").write_text(example)
        environ = {name: f"tp_{name}_{'x' * 40}" for name in re.findall(r"(?:env:|secret_env: )(\w+)", example)}
        try:
            bad += [str(warning) for warning in compile_configuration(environ, folder, make=False).warnings]
        except ConfigurationError as error:
            bad.append(str(error))
    return bad


def test_examples_of_a_configuration_are_usable(tmp_path: Path) -> None:
    """Whoever copies one gets what the page promises."""
    pages = [name for name in PAGES if EXAMPLE.search(text(name))]
    assert "docs/ingress.md" in pages
    expect_none([f"{name}: {fault}" for name in pages for fault in unusable(text(name), tmp_path)])
    assert unusable("```yaml\nupstreams: {ours: {base_url: 'http://x', model_licence: our-own}}\n```", tmp_path)


def test_configuration_is_documented() -> None:
    """docs/configuration.md has every key with its true default, and no other."""
    expect_none(wrong_keys(text("docs/configuration.md"), Settings))


def test_a_wrong_page_of_keys_is_caught() -> None:
    """A missing key, an invented one and a wrong default are each complained about."""

    class Small(pydantic.BaseModel):
        port: int = 1

    assert not wrong_keys("| `port` | `1` | x |\n", Small)
    assert wrong_keys("", Small)
    assert wrong_keys("| `port` | `1` | x |\n| `host` | | x |\n", Small)
    assert wrong_keys("| `port` | `2` | x |\n", Small)
    assert wrong_keys("| `port` | | x |\n", Small)


def test_coverage_is_in_step() -> None:
    """docs/coverage.md shows the dialects' tables as they are (`python -m docs.generate_coverage` mends it)."""
    assert renewed(text("docs/coverage.md")) == text("docs/coverage.md")
    for wrong in (("`chat`", "`chats`"), ("`https://api.x.ai`", "`https://api.x.com`")):
        assert renewed(text("docs/coverage.md").replace(*wrong)) == text("docs/coverage.md")


def test_names_of_policies_are_in_step() -> None:
    """docs/reference/policy.md shows the names as they are (`python -m docs.generate_policy` mends it), with every key."""
    page = text("docs/reference/policy.md")
    assert generate_policy.renewed(page) == page
    assert generate_policy.renewed(page.replace("`top_p`", "`top_q`")) == page
    expect_none(f"docs/reference/policy.md lacks {key}" for key in PolicySpec.model_fields if f"| `{key}` |" not in page)


def test_metrics_are_in_step() -> None:
    """docs/metrics.md shows the names as they are (`python -m docs.generate_metrics` mends it)."""
    page = text("docs/metrics.md")
    assert generate_metrics.renewed(page) == page
    assert generate_metrics.renewed(page.replace("`effect`", "`effects`")) == page


def misread(host: Host) -> list[str]:
    """Base URLs of an upstream that do not lead where the page says: to the upstream, in that dialect, with a row of its own."""
    bad = []
    for base, adds, dialect in host.bases:
        name, _, rest = base.removeprefix("/").partition("/")
        spoken, endpoint, _ = find(by_name("openai"), "POST", f"/{rest}{adds}" if rest else adds)
        if (name, spoken.name) != (host.name, dialect) or endpoint.name == "other":
            bad.append(f"{host.name}: {base}{adds} is {spoken.name} {endpoint.name}")
    return bad


def test_upstreams_are_read_as_documented() -> None:
    """Every built-in upstream is on the page, and each base URL is read in the dialect that the page names."""
    assert set(builtin_upstreams()) <= {host.name for host in HOSTS}
    expect_none(line for host in HOSTS for line in misread(host))
    assert misread(Host("x", (Base("/x/v1", "/messages", "openai"),)))
    assert misread(Host("x", (Base("/y/v1", "/chat/completions", "openai"),)))
    assert misread(Host("x", (Base("/x/v1", "/nothing", "openai"),)))


GUIDED = re.compile(r"^\| [^|]+ \| [^|]*?http://127\.0\.0\.1:8080/([a-z]+)([^\s`\"|]*)[^|]* \| `([^`]+)` \|$", re.MULTILINE)


def misled(page: str) -> list[str]:
    """Base URLs of docs/clients.md that do not lead, with what the client adds, to an endpoint that some dialect reads."""
    bad = []
    for name, rest, adds in GUIDED.findall(page):
        configured = builtin_upstreams().get(name, {"dialect": "openai"})
        spoken, endpoint, _ = find(by_name(str(configured["dialect"])), "POST", f"{rest}{adds}")
        bad += [f"{name}{rest} with {adds} is {spoken.name} {endpoint.name}"] if endpoint.name == "other" else []
    return bad


def test_clients_are_guided_to_what_is_read() -> None:
    """Every base URL that the guide gives leads to an endpoint with a row of its own, and every row of its tables is looked at."""
    page = text("docs/clients.md")
    expect_none(misled(page))
    heads = ("| client |", "|---")
    assert len(GUIDED.findall(page)) == len([line for line in page.splitlines() if line[:1] == "|" and not line.startswith(heads)])
    assert misled("| x | `http://127.0.0.1:8080/gemini` | `/models/m:generateContent` |")  # without the version


def undocumented_fields(page: str, types: tuple[type[msgspec.Struct], ...]) -> list[str]:
    """Fields of record types that a page does not show in code marks."""
    return [f"{kind.__name__}.{name}" for kind in types for name in kind.__struct_fields__ if f"`{name}`" not in page]


def test_record_is_documented() -> None:
    """docs/reference/record.md describes every field of every entry."""
    kinds = (record.Intent, record.Refusal, record.Outcome, record.Line, record.Turn, record.Mark, record.Content, record.Versions)
    expect_none(undocumented_fields(text("docs/reference/record.md"), kinds))
    assert undocumented_fields("`mode` `key`", (record.Content,)) == ["Content.pieces"]


def test_kinds_of_references_are_documented() -> None:
    """docs/reference/record.md names every kind of thing that a path can refer to."""
    page = text("docs/reference/record.md")
    patterns = [row.pattern for dialect in DIALECTS for row in dialect.endpoints]
    kinds = {name.removesuffix("_id") for pattern in patterns for name in re.findall(r"\{(\w+)\}", pattern)}
    expect_none(sorted(kind for kind in kinds if f"`{kind}`" not in page))


def test_changelog_names_the_version() -> None:
    """The changelog has a section for the current version, and one for what comes next."""
    assert f"## [{__version__}]" in text("CHANGELOG.md")
    assert "## [Unreleased]" in text("CHANGELOG.md")


def test_packages_are_named() -> None:
    """Every Debian package of the list says what shows that it is there and what it is for."""
    lines = [line.split("\t") for line in text("scripts/debian-packages.txt").splitlines() if line and not line.startswith("#")]
    assert all(len(line) == 3 and all(line) for line in lines)
    assert (ROOT / "scripts" / "missing-packages").stat().st_mode & 0o111
