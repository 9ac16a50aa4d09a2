"""`tos-proxy terms drift`: do the texts of today still say what was read?"""

from __future__ import annotations

import json
import subprocess
from collections import Counter
from collections.abc import Iterator
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from proxy.cli.catalogues import known
from proxy.cli.options import ConfigOption, DataDirOption, JsonOption, settle
from proxy.cli.tables import print_table

if TYPE_CHECKING:
    from proxy.terms.drift import Read

_TEXTS = (".md", ".txt", ".html", ".rst")
_LARGEST = 8 * 1024 * 1024
_SECONDS = 60


def register(group: typer.Typer) -> None:
    """Add the command."""
    group.command()(drift)


def drift(
    path: Annotated[Path, typer.Argument(help="A checked-out Open Terms Archive repository, or a folder of texts.", exists=True)],
    every: Annotated[bool, typer.Option("--all", help="List clauses that are unchanged or were not looked for, too.")] = False,
    config: ConfigOption = None,
    data_dir: DataDirOption = None,
    json_: JsonOption = False,
) -> None:
    """Look for every clause's line in the texts of today: unchanged, changed, vanished, or unread where its document is missing.
    Exit 1 when anything changed or vanished.

    \b
    In a git repository the line of then is taken from the commit in which the clause was seen; in a folder a document's text is
    found by its other clauses, or by its file's name (openai.services_agreement.md).

    \b
    Examples:
      tos-proxy terms drift ~/genai-contrib-versions
      tos-proxy terms drift ./texts --all --json
    """  # noqa: D301 - a backspace keeps the lines below it as they are
    from proxy.terms.drift import clauses_read, compared

    settle(config, data_dir)
    texts = dict(_texts(path))
    if not texts:
        raise typer.BadParameter(f"{path} holds no text ({', '.join(_TEXTS)})")
    wanted = clauses_read(known().terms.catalogue)
    if (path / ".git").exists():
        wanted = [_as_it_was(path, each) for each in wanted]
    found = list(compared(wanted, texts))
    counts = Counter(each.state for each in found)
    shown = [each for each in found if every or each.state in ("changed", "vanished")]
    if json_:
        print(json.dumps({"counts": counts, "items": [asdict(each) for each in shown]}, indent=2, ensure_ascii=False))
    else:
        print_table(
            ("clause", "document", "state", "where"), [(each.clause, each.document, each.state, each.where) for each in shown]
        )
        print("\n" + ", ".join(f"{counts[state]} {state}" for state in ("unchanged", "changed", "vanished", "unread")))
    raise typer.Exit(1 if counts["changed"] or counts["vanished"] else 0)


def _texts(path: Path) -> Iterator[tuple[str, list[str]]]:
    files = [path] if path.is_file() else sorted(path.rglob("*"))
    for file in files:
        name = file.name if file == path else str(file.relative_to(path))
        if file.suffix not in _TEXTS or name.startswith(".git/") or not file.is_file() or file.stat().st_size > _LARGEST:
            continue
        yield name, file.read_text("utf-8", "replace").splitlines()


def _as_it_was(repository: Path, each: Read) -> Read:
    """With its line of then and its file, if the commit is in this repository."""
    from proxy.terms.drift import fingerprint

    if not each.commit:
        return each
    # --end-of-options: what stands in a file of terms is no option of git's.
    listing = _git(repository, "diff-tree", "--root", "--no-commit-id", "--name-only", "-r", "-z", "--end-of-options", each.commit)
    for file in filter(None, listing.split("\0")):
        text = _git(repository, "show", "--no-textconv", "--end-of-options", f"{each.commit}:{file}")
        for line in text.splitlines():
            if fingerprint(line) == each.fingerprint:
                return replace(each, was=line, file=file)
    return each


def _git(repository: Path, *arguments: str) -> str:
    """What git answers, empty when it has nothing to say. Nothing that the repository configures is run."""
    command = ["git", "-c", "core.fsmonitor=false", "-c", "core.hooksPath=/dev/null", "-C", str(repository), *arguments]
    try:
        ran = subprocess.run(command, capture_output=True, timeout=_SECONDS, check=False)  # noqa: S603 - arguments, no shell
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return ran.stdout.decode("utf-8", "replace") if ran.returncode == 0 else ""
