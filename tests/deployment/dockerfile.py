"""Reads a Dockerfile as far as ours goes, and carries its steps out in folders that stand for images: chroot in place of an engine.

Not a builder: no layers, no cache, one level of ARG. What it does not know it refuses, so that a new instruction is noticed.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from dataclasses import dataclass, field
from pathlib import Path

KNOWN = (
    "ARG",
    "FROM",
    "RUN",
    "COPY",
    "ENV",
    "WORKDIR",
    "USER",
    "VOLUME",
    "EXPOSE",
    "STOPSIGNAL",
    "HEALTHCHECK",
    "ENTRYPOINT",
    "CMD",
)
RUN_SECONDS = 900


class StepError(RuntimeError):
    """A step that went wrong; the text is the step and what it said."""


@dataclass
class Stage:
    """One FROM and what follows: (instruction, the rest of its line)."""

    base: str
    name: str
    steps: list[tuple[str, str]] = field(default_factory=list)

    def all(self, word: str) -> list[str]:
        """What stands behind every such instruction."""
        return [rest for found, rest in self.steps if found == word]

    def last(self, word: str) -> str:
        """What the last of them says, empty when there is none."""
        return (self.all(word) or [""])[-1]

    @property
    def environment(self) -> dict[str, str]:
        """All of ENV."""
        pairs = [pair.partition("=") for rest in self.all("ENV") for pair in rest.split()]
        return {name: value for name, _, value in pairs}

    @property
    def command(self) -> list[str]:
        """What is run when nobody says otherwise."""
        return [*json.loads(self.last("ENTRYPOINT")), *json.loads(self.last("CMD"))]

    @property
    def health_command(self) -> list[str]:
        """What HEALTHCHECK runs."""
        command: list[str] = json.loads(self.last("HEALTHCHECK").partition("CMD ")[2])
        return command


def parse(text: str) -> list[Stage]:
    """The stages of a Dockerfile. Raises: ValueError for what is not known here."""
    plain = "".join(line for line in text.splitlines(keepends=True) if not line.lstrip().startswith("#"))
    arguments: dict[str, str] = {}
    stages: list[Stage] = []
    for line in plain.replace("\\\n", " ").splitlines():
        if not line.strip():
            continue
        word, _, rest = line.strip().partition(" ")
        rest = " ".join(rest.split()) if word != "RUN" else rest.strip()
        if word not in KNOWN:
            raise ValueError(f"an instruction that is not known here: {word}")
        if word == "ARG":
            name, _, value = rest.partition("=")
            arguments[name] = value
        elif word == "FROM":
            base, _, name = re.sub(r"\$\{(\w+)\}", lambda found: arguments[found[1]], rest).partition(" AS ")
            stages.append(Stage(base, name))
        else:
            stages[-1].steps.append((word, rest))
    return stages


def ignored(name: str, patterns: str) -> bool:
    """Whether a top-level name of the context is left out: our .dockerignore leaves out all but what it names."""
    lines = [line for line in patterns.splitlines() if line and not line.startswith("#")]
    return "*" in lines and f"!{name}" not in lines


class Image:
    """A folder that stands for an image; `folder` begins as a copy of the base."""

    def __init__(self, stage: Stage, folder: Path, base: Path) -> None:
        self.stage = stage
        self.folder = folder
        subprocess.run(["cp", "-a", "--reflink=auto", f"{base}/.", str(folder)], check=True)
        self._place = "/"
        self._environment: dict[str, str] = {}

    def build(self, context: Path, others: dict[str, Image]) -> None:
        """Carry out every step. Raises: StepError with what a command said."""
        for word, rest in self.stage.steps:
            match word:
                case "RUN":
                    self._run(rest)
                case "COPY":
                    self._copy(rest, context, others)
                case "ENV":
                    self._environment |= {name: value for name, _, value in (pair.partition("=") for pair in rest.split())}
                case "WORKDIR":
                    self._place = rest
                    self.inside(rest).mkdir(parents=True, exist_ok=True)

    def inside(self, path: str) -> Path:
        """Where a path of the image is outside."""
        return self.folder / Path(self._place, path).relative_to("/")

    def _copy(self, rest: str, context: Path, others: dict[str, Image]) -> None:
        *sources, target = [word for word in rest.split() if not word.startswith("--")]
        named = re.search(r"--from=(\w+)", rest)
        where = self.inside(target)
        for source in sources:
            found = others[named[1]].folder / source.lstrip("/") if named else context / source
            if not named and ignored(source, (context / ".dockerignore").read_text()):
                raise ValueError(f"{source} is copied, and .dockerignore leaves it out")
            if found.is_dir():
                shutil.copytree(
                    found, where, symlinks=True, dirs_exist_ok=True, ignore=shutil.ignore_patterns("__pycache__", "*.pyc")
                )
                if named:  # an image is copied with all that is in it
                    subprocess.run(["cp", "-a", f"{found}/.", str(where)], check=True)
            else:
                where.mkdir(parents=True, exist_ok=True)
                shutil.copy2(found, where)

    def _run(self, command: str) -> None:
        environment = {"PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "HOME": "/root"}
        environment |= {"DEBIAN_FRONTEND": "noninteractive", **_way_out(), **self._environment}
        done = self._begin(["/bin/sh", "-e", "-c", command], environment)
        said, _ = done.communicate(timeout=RUN_SECONDS)
        if done.returncode:
            raise StepError(f"{command}\n{said.decode(errors='replace')[-4000:]}")

    def start(self, command: list[str], environment: dict[str, str], volume: Path) -> subprocess.Popen[bytes]:
        """Run a command as the image's user on a read-only root, with `volume` at the one place that it declares."""
        return self._begin(command, {**self._environment, **environment}, user=self.stage.last("USER"), volume=volume)

    def _begin(
        self, command: list[str], environment: dict[str, str], *, user: str = "0:0", volume: Path | None = None
    ) -> subprocess.Popen[bytes]:
        """In a name space of mounts of its own, which goes with the process; the process keeps the number of what is returned."""
        root = str(self.folder)
        mounts = f'mount --bind "{root}" "{root}"; mount -t proc proc "{root}/proc"; mount --rbind /dev "{root}/dev"; '
        if volume is not None:
            inside = self.stage.last("VOLUME").lstrip("/")
            mounts += f'mount --bind "{volume}" "{root}/{inside}"; mount -o remount,ro,bind "{root}"; '
        entering = f'cd "{root}"; exec chroot --userspec={user} "{root}" /bin/sh -c \'cd "{self._place}" && exec "$@"\' sh "$@"'
        return subprocess.Popen(
            ["unshare", "--mount", "--propagation", "private", "/bin/sh", "-e", "-c", mounts + entering, "sh", *command],
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )


def _way_out() -> dict[str, str]:
    """How this machine reaches a package index, for the steps that do."""
    wanted = re.compile(r"PIP_(?!FIND_LINKS|CERT|CONSTRAINT|USER|TARGET|PREFIX)|(?:https?|no)_proxy$", re.IGNORECASE)
    return {name: value for name, value in os.environ.items() if wanted.match(name)}
