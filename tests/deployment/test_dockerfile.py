"""The Dockerfile as it is written: what its last stage has and has not, and that it is true of the product."""

from __future__ import annotations

import re

import pytest

from proxy.cli import build as command_line
from proxy.settings.loading import load
from tests.architecture.tree import ROOT
from tests.deployment.dockerfile import Stage, ignored, parse
from tests.deployment.options import wrong_options

TEXT = (ROOT / "Dockerfile").read_text()
TOOLS = re.compile(r"\b(gcc|g\+\+|libc6-dev|build-essential|make|apt-get|hatchling|pip)\b")


def faults(text: str) -> list[str]:
    """What is wrong with a Dockerfile's last stage, in words."""
    last = parse(text)[-1]
    bad = [f"{step}: a build tool" for step in last.all("RUN") if TOOLS.search(step)]
    bad += ["runs as root"] if not re.fullmatch(r"[1-9]\d*:[1-9]\d*", last.last("USER")) else []
    bad += ["has no health check"] if not last.last("HEALTHCHECK") else []
    bad += ["ends by another signal"] if last.last("STOPSIGNAL") != "SIGTERM" else []
    bad += _wrong_places(last)
    for command in (last.command, last.health_command) if last.last("HEALTHCHECK") else (last.command,):
        bad += wrong_options(command_line(), command[1:]) if command[0] == "tos-proxy" else [f"{command}: not our command"]
    return bad


def _wrong_places(last: Stage) -> list[str]:
    settings = load(
        {name: value for name, value in last.environment.items() if name.startswith("TOS_PROXY_")}, ROOT / "docs"
    ).settings
    bad = [] if str(settings.data_dir) == last.last("VOLUME") else ["records are not on the volume"]
    bad += [] if (settings.gateway.host, settings.health.host) == ("0.0.0.0", "0.0.0.0") else ["nobody reaches the gateway"]
    bad += [] if settings.admin.host == "127.0.0.1" else ["admin is open to others"]
    ports = f"{settings.gateway.port} {settings.health.port}"
    return bad + ([] if last.last("EXPOSE") == ports else [f"exposes {last.last('EXPOSE')}, not {ports}"])


def test_the_image() -> None:
    """The last stage has no build tool, is nobody's root, listens where it says, and its commands are commands of ours."""
    assert faults(TEXT) == []


@pytest.mark.parametrize(
    ("there", "instead"),
    [
        ("USER 10001:10001", "USER root"),
        ("STOPSIGNAL SIGTERM", "STOPSIGNAL SIGINT"),
        ('CMD ["serve"]', 'CMD ["serve", "--bind", "x"]'),
        ("EXPOSE 8080 8082", "EXPOSE 8080 8081"),
        ("TOS_PROXY_GATEWAY__HOST=0.0.0.0", "TOS_PROXY_ADMIN__HOST=0.0.0.0"),
        ("VOLUME /var/lib/tos-proxy", "VOLUME /data"),
        ("RUN groupadd", "RUN apt-get install gcc && groupadd"),
        ("HEALTHCHECK --interval=30s", "EXPOSE 8080 8082\n#"),
    ],
)
def test_a_wrong_image_is_found(there: str, instead: str) -> None:
    """Each rule can fail."""
    assert there in TEXT
    assert faults(TEXT.replace(there, instead)) != []


def test_the_context() -> None:
    """What is copied is not left out of the context; records, history and environments are."""
    patterns = (ROOT / ".dockerignore").read_text()
    copied = [word for step in parse(TEXT)[0].all("COPY") for word in step.split()[:-1]]
    assert copied
    assert [name for name in copied if ignored(name, patterns)] == []
    assert all(ignored(name, patterns) for name in (".git", ".venv", "tos-proxy-data", "tests"))
    with pytest.raises(ValueError, match="ONBUILD"):
        parse("FROM x\nONBUILD RUN y\n")
