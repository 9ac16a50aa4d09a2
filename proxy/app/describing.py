"""Control's way to a checked configuration: another process reads it, so that control carries neither pydantic nor the models."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping

import msgspec

from proxy.core.errors import TosProxyError
from proxy.documents.problems import ConfigurationError, Problem
from proxy.settings.described import Description

_SECONDS = 60.0


def described(environ: Mapping[str, str]) -> Description:
    """Have the configuration of `environ` read, checked and compiled; the data folder and the identity key are made if need be.

    Raises: ConfigurationError with every problem, OSError, TosProxyError when that process broke off.
    """
    command = [sys.executable, "-P", "-m", "proxy.app", "describe"]
    try:
        ran = subprocess.run(  # noqa: S603 - our own module
            command, env=dict(environ), stdin=subprocess.DEVNULL, capture_output=True, timeout=_SECONDS, check=False
        )
    except subprocess.TimeoutExpired:
        raise TosProxyError(f"the configuration could not be read within {_SECONDS:.0f} s") from None
    if ran.returncode == 0:
        return msgspec.msgpack.decode(ran.stdout, type=Description)
    try:
        problems, followed = msgspec.msgpack.decode(ran.stdout, type=tuple[list[tuple[str, str, str, str]], list[str]])
    except msgspec.MsgspecError:
        last = ran.stderr.decode("utf-8", "replace").strip().rpartition("\n")[2]
        raise TosProxyError(f"the configuration could not be read: {last or f'exit code {ran.returncode}'}") from None
    wrong = ConfigurationError([Problem(*problem) for problem in problems])
    wrong.followed = tuple(followed)
    raise wrong


def describe() -> int:
    """The other process: the description on stdout and 0, or the problems and 1, with what may mend them."""
    from proxy.settings.compiling import describe as compiled

    try:
        said, code = msgspec.msgpack.encode(compiled(os.environ)), 0
    except ConfigurationError as error:
        told = [(problem.place, problem.path, problem.message, problem.hint) for problem in error.problems]
        said, code = msgspec.msgpack.encode((told, error.followed)), 1
    except (TosProxyError, OSError) as error:
        said, code = msgspec.msgpack.encode(([("", "", str(error), "")], ())), 1
    sys.stdout.buffer.write(said)
    sys.stdout.buffer.flush()
    return code
