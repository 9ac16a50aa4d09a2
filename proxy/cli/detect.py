"""`tos-proxy detect`: the detector over traffic that was recorded elsewhere."""

from __future__ import annotations

import json
import math
import os
import stat
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TextIO

import typer

from proxy.cli.options import JsonOption
from proxy.cli.tables import print_table
from proxy.core.principal import PURPOSES

if TYPE_CHECKING:
    from proxy.control.observing import Asked
    from proxy.control.recorded import RecordedError

PRESETS = ("own", "litellm", "envoy", "vllm")
_MOST_COMPLAINTS = 20

FilesArgument = Annotated[list[Path], typer.Argument(help="Recorded traffic, .jsonl or .jsonl.gz.", show_default=False)]
MergeOption = Annotated[bool, typer.Option("--merge", help="One population of all files, in order of time.")]
ScaleOption = Annotated[float | None, typer.Option("--time-scale", help="Seconds of a unit of time; default: index.json, or 1.")]
PurposeOption = Annotated[list[str] | None, typer.Option("--purpose", help="CLIENT=PURPOSE that it declared; *=… for all.")]
PresetOption = Annotated[str, typer.Option("--preset", help=f"Whose records: {', '.join(PRESETS)}.")]
MapOption = Annotated[Path | None, typer.Option("--map", help="YAML: where the fields of a record stand, by name.")]
FollowOption = Annotated[bool, typer.Option("--follow", help="Wait for more lines and print findings as they come.")]


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(detect)


def detect(
    files: FilesArgument,
    merge: MergeOption = False,
    json_: JsonOption = False,
    time_scale: ScaleOption = None,
    purpose: PurposeOption = None,
    preset: PresetOption = "own",
    map_: MapOption = None,
    follow: FollowOption = False,
) -> None:
    """Look for model extraction in recorded traffic. Exit 1 when some was found.

    \b
    Examples:
      tos-proxy detect traffic.jsonl
      tos-proxy detect --json --merge monday.jsonl.gz tuesday.jsonl.gz
      tos-proxy detect --preset litellm --purpose eval-team=eval.private calls.jsonl
      tos-proxy detect --follow --map fields.yaml /var/log/gateway.jsonl

    Each file is one population unless merged. docs/detection.md documents the records, and what the detector cannot tell.
    """  # noqa: D301 - a backspace keeps the lines below it as they are
    from proxy.control.recorded import reader
    from proxy.control.watching import shipped_weights, watch

    _check(preset, map_, time_scale)
    files = readable(files, follow)
    purposes = declared(purpose or [])
    fields = mapped(map_) if map_ is not None else None
    complain = Complaints()

    def read(scale: float) -> Callable[[str], Asked | None]:
        return reader(preset, fields, scale)

    if follow:
        found = _follow(files[0], read, time_scale, purposes, complain)
        complain.close()
        raise typer.Exit(1 if found else 0)
    populations = [files] if merge else [[file] for file in files]
    reports: list[dict[str, Any]] = []
    for each in watch(populations, shipped_weights(), purposes, read, time_scale, complain):
        reports.extend(each.reports())
    complain.close()
    if not reports and preset == "vllm":
        why = "no line is a request as vLLM logs it with its prompt (Received request ID: prompt: '…', params: …)"
        raise typer.BadParameter(why, param_hint="--preset")
    if not reports and complain.count:
        raise typer.Exit(2)
    _show(reports, json_)
    _doubt(reports, purposes)
    raise typer.Exit(1 if any(report["flagged_at"] is not None for report in reports) else 0)


def _check(preset: str, map_: Path | None, time_scale: float | None) -> None:
    """Refuse options that nothing can be made of.

    Raises:
        typer.BadParameter: an unknown preset, a map beside a preset, a time scale that is no span.

    """
    if preset not in PRESETS:
        raise typer.BadParameter(f"one of {', '.join(PRESETS)}", param_hint="--preset")
    if map_ is not None and preset != PRESETS[0]:
        raise typer.BadParameter(f"says where fields stand, and so does --preset {preset}: give one", param_hint="--map")
    if time_scale is not None and not 0 < time_scale < math.inf:  # nor NaN
        raise typer.BadParameter("should be seconds, more than 0", param_hint="--time-scale")


def readable(files: list[Path], follow: bool) -> list[Path]:
    """The files, `-` being standard input.

    Raises:
        typer.BadParameter: one is missing or a folder; or it cannot be followed.

    """
    files = [Path("/dev/stdin") if str(file) == "-" else file for file in files]
    for file in files:
        if not file.exists() or file.is_dir():
            raise typer.BadParameter(f"{file} is {'a folder' if file.is_dir() else 'not there'}", param_hint="FILE")
    if follow and len(files) != 1:
        raise typer.BadParameter("follow one file at a time", param_hint="FILE")
    if follow and files[0].suffix == ".gz":
        raise typer.BadParameter(f"{files[0]} is packed: what grows is followed as plain lines", param_hint="--follow")
    return files


def _doubt(reports: list[dict[str, Any]], purposes: dict[str, str]) -> None:
    """Say what looks like a slip, on standard error: purposes of clients who never asked, records without a prompt."""
    for client in purposes.keys() - {"*"} - {report["client"] for report in reports}:
        print(f"tos-proxy: --purpose {client}=…: no record is of a client of this name", file=sys.stderr)
    if reports and not any(report["prompts"] for report in reports):
        print("tos-proxy: in none of these records stands a prompt that could be read: is it --preset or --map?", file=sys.stderr)


class Complaints:
    """Prints the first lines that are no records, and counts the others."""

    def __init__(self) -> None:
        self.count = 0

    def __call__(self, error: RecordedError) -> None:
        """One line, on standard error."""
        self.count += 1
        if self.count <= _MOST_COMPLAINTS:
            print(f"tos-proxy: {error}", file=sys.stderr)

    def close(self) -> None:
        """Say how many more there were."""
        if self.count > _MOST_COMPLAINTS:
            print(f"tos-proxy: and {self.count - _MOST_COMPLAINTS} more lines that are no records", file=sys.stderr)


def declared(given: list[str]) -> dict[str, str]:
    """Purposes by client.

    Raises:
        typer.BadParameter: one that is not CLIENT=PURPOSE, or no purpose.

    """
    found: dict[str, str] = {}
    for each in given:
        client, equals, purpose = each.rpartition("=")
        if not equals or not client or purpose not in PURPOSES:
            raise typer.BadParameter(f"{each}: should be CLIENT=PURPOSE with one of {', '.join(PURPOSES)}", param_hint="--purpose")
        found[client] = purpose
    return found


def mapped(file: Path) -> dict[str, str]:
    """A map of fields: the own schema's, with those of the file over it.

    Raises:
        typer.BadParameter: it is no table of paths by known names; with file, line and column.

    """
    from proxy.control.recorded import FIELDS
    from proxy.documents.reading import read_document

    try:
        document = read_document(file.read_bytes(), str(file))
    except OSError as error:
        raise _unusable(f"{file}: {error.strerror}") from None
    for problem in document.problems:
        raise _unusable(str(problem))
    tree = document.tree
    if not isinstance(tree, dict) or not tree:
        raise _unusable(f"{document.place(())}: should be a table of names and paths: {', '.join(FIELDS)}")
    for name, path in tree.items():
        if name not in FIELDS:
            raise _unusable(f"{document.place((name,), of_key=True)}: {name}: unknown field; known: {', '.join(FIELDS)}")
        if not isinstance(path, str):
            raise _unusable(f"{document.place((name,))}: {name}: should be a path such as request.body")
    return {"client": "client", "time": "t", **tree}


def _unusable(why: str) -> typer.BadParameter:
    return typer.BadParameter(why, param_hint="--map")


def _show(reports: list[dict[str, Any]], json_: bool) -> None:
    if json_:
        for report in reports:
            print(json.dumps(report, ensure_ascii=False))
        return
    ranked = sorted(reports, key=lambda report: (report["flagged_at"] is None, report["questioned_at"] is None, -report["score"]))
    heads = ("client", "prompts", "found", "at", "score", "standing", "group")
    rows = []
    for report in ranked:
        kind = "extraction" if report["flagged_at"] is not None else "question" if report["questioned_at"] is not None else "-"
        at = report["flagged_at"] or report["questioned_at"] or "-"
        rows.append(
            [report["client"], report["prompts"], kind, at, f"{report['score']:.4f}", report["standing"], report["group"] or "-"]
        )
    print_table(heads, rows)
    for report in ranked:
        if report["flagged_at"] is not None or report["questioned_at"] is not None:
            print(f"\n{report['client']}: {report['sentence']}")


def _follow(
    file: Path,
    read: Callable[[float], Callable[[str], Asked | None]],
    time_scale: float | None,
    purposes: dict[str, str],
    complain: Callable[[RecordedError], None],
) -> bool:
    """Print a line of JSON for each finding, until interrupted or, of a pipe, until its writer has gone. Returns whether one was of
    extraction.
    """
    from proxy.control.recorded import RecordedError, requests_of, scale_of
    from proxy.control.watching import Watch, report, shipped_weights

    weights = shipped_weights()
    each, lasting, extracted = Watch(weights, purposes), file.is_file(), False
    scale = scale_of(file) if time_scale is None else time_scale
    for _, asked in requests_of(growing(file, idle=lambda: lasting), str(file), read(scale)):
        if isinstance(asked, RecordedError):
            complain(asked)
            continue
        for finding in each.take(asked):
            client = each.detector.clients[finding.client]
            told = {"kind": finding.kind, **report(finding.client, client, weights, finding.group or None)}
            print(json.dumps(told, ensure_ascii=False), flush=True)
            extracted = extracted or finding.kind == "extraction"
    return extracted


def growing(file: Path, *, pause: float = 0.2, idle: Callable[[], bool] = lambda: True) -> Iterator[str]:
    """Whole lines of a file that others write to, for ever or until `idle` says no where nothing is left to read, the last of
    which may be without its end. A log that is begun anew, under its name or in its place, is read from its beginning.
    """
    lines = file.open(encoding="utf-8", errors="replace")
    try:
        begun, moved = "", False
        while True:
            piece = lines.readline()
            begun += piece
            before, moved = moved, not piece and _begun_anew(file, lines)
            anew = before and moved  # seen twice: its writer goes on with the old one for a moment
            if begun and (begun.endswith("\n") or anew or not (piece or idle())):
                yield begun
                begun = ""
            if anew:
                lines.close()
                lines, moved = file.open(encoding="utf-8", errors="replace"), False
            elif not piece:
                if not idle():
                    return
                time.sleep(pause)
    finally:
        lines.close()


def _begun_anew(file: Path, lines: TextIO) -> bool:
    """Whether another file has this name by now, or less is in it than was read."""
    held = os.fstat(lines.fileno())
    if not stat.S_ISREG(held.st_mode):
        return False
    try:
        there = file.stat()
    except FileNotFoundError:  # between being moved away and being made again
        return False
    return not os.path.samestat(there, held) or there.st_size < lines.buffer.tell()
