"""Control's way to a checked configuration: another process reads it, so that control carries neither pydantic nor the models.

The first time that process is `serve`, which hands over what it has read in a file without a name: in memory, since the admin token
is in it.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping

import msgspec

from proxy.core.errors import TosProxyError
from proxy.documents.problems import ConfigurationError, Problem
from proxy.settings.described import Description, digest

_SECONDS = 60.0


def handed_over(description: Description) -> int | None:
    """A file descriptor, kept by processes that this one becomes, under which `described` finds this description again; None where
    the system has no files in memory.
    """
    if not hasattr(os, "memfd_create"):
        return None
    fd = os.memfd_create("description", 0)
    with open(fd, "wb", closefd=False) as file:
        file.write(msgspec.msgpack.encode(description))
    return fd


def described(environ: Mapping[str, str], handed: int | None = None) -> Description:
    """What was handed over, if nothing has changed since; else have the configuration of `environ` read, checked and compiled. The
    data folder and the identity key are made if need be.

    Raises: ConfigurationError with every problem, OSError, TosProxyError when that process broke off.
    """
    if handed is not None:
        found = msgspec.msgpack.decode(os.pread(handed, os.fstat(handed).st_size, 0), type=Description)
        if digest(environ, followed=found.followed) == found.digest:
            return found
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
    from proxy.settings.compiling import compile_configuration

    try:
        said, code = msgspec.msgpack.encode(compile_configuration(os.environ, make=True).description), 0
    except ConfigurationError as error:
        told = [(problem.place, problem.path, problem.message, problem.hint) for problem in error.problems]
        said, code = msgspec.msgpack.encode((told, error.followed)), 1
    except (TosProxyError, OSError) as error:
        said, code = msgspec.msgpack.encode(([("", "", str(error), "")], ())), 1
    sys.stdout.buffer.write(said)
    sys.stdout.buffer.flush()
    return code
