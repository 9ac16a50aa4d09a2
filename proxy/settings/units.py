"""What sections are made of: strictness, durations (`90d`, `30s`, `100ms`) and sizes (`10GiB`, `64KiB`) as people write them."""

from __future__ import annotations

import math
import re
from pathlib import Path
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict

VARIABLE = r"^[A-Za-z_][A-Za-z0-9_]*$"
"""The name of an environment variable, as a pattern."""


_NUMBER = re.compile(r"\s*([0-9]+(?:\.[0-9]+)?)\s*([A-Za-z]*)\s*")
_SECONDS = {"ms": 0.001, "": 1, "s": 1, "m": 60, "min": 60, "h": 3600, "d": 86400, "w": 7 * 86400}
_BYTES = {"": 1, "B": 1} | {
    unit: base**power
    for power, letter in enumerate("KMGT", 1)
    for unit, base in ((f"{letter}iB", 1024), (f"{letter}B", 1000), (f"{letter}i", 1024))
}


class Strict(BaseModel):
    """What all sections share: they forbid what they do not know."""

    model_config = ConfigDict(extra="forbid", frozen=True, str_max_length=65536)


def seconds(written: Any) -> float:
    """Seconds of `90d`, `1.5h`, `30s`, `100ms` or a bare number of seconds.

    Raises: ValueError with a message for people.
    """
    amount, unit = _split(written, "a duration such as 30s, 15m, 90d")
    if unit not in _SECONDS:
        raise ValueError(f"unknown unit {unit!r} in a duration: use ms, s, m, h, d or w")
    return amount * _SECONDS[unit]


def size(written: Any) -> int:
    """Bytes of `10GiB`, `500MB`, `64KiB` or a bare number of bytes.

    Raises: ValueError with a message for people.
    """
    amount, unit = _split(written, "a size such as 64KiB, 500MB, 10GiB")
    if unit not in _BYTES:
        raise ValueError(f"unknown unit {unit!r} in a size: use B, KiB, MiB, GiB, TiB (or KB, MB, GB, TB)")
    return int(amount * _BYTES[unit])


def _split(written: Any, wanted: str) -> tuple[float, str]:
    if isinstance(written, int | float) and not isinstance(written, bool) and math.isfinite(written) and written >= 0:
        return float(written), ""
    found = _NUMBER.fullmatch(written) if isinstance(written, str) else None
    if found is None or not math.isfinite(float(found[1])):
        raise ValueError(f"should be {wanted}")
    return float(found[1]), found[2]


def span(written: Any) -> float:
    """Seconds of a time after which something is erased, which has to say its unit: `90` that was meant as days is 90 seconds.

    Raises: ValueError with a message for people.
    """
    found = seconds(written)
    if _split(written, "")[1] == "":
        raise ValueError("should say its unit: 90d is ninety days")
    return found


def _address(written: str) -> str:
    """An empty one would be all addresses of the machine, which somebody has to want."""
    if not written.strip():
        raise ValueError("should be an address or a name such as 127.0.0.1; all addresses are 0.0.0.0 or ::")
    return written


def _somewhere(written: Any) -> Any:
    """An empty path would be the current folder, one in a home that nobody knows a folder called `~`."""
    if isinstance(written, str) and not written.strip():
        raise ValueError("should be a path, and is empty")
    if isinstance(written, str) and written.startswith("~"):
        raise ValueError(f"{written.partition('/')[0]} is the home of nobody here")
    return written


def at_home(written: str) -> Path:
    """A path as written, `~` and `~USER` being homes; where there is no such home, as written."""
    try:
        return Path(written).expanduser()
    except RuntimeError:  # a user without a name or a home, as in a container
        return Path(written)


def commas(written: Any) -> Any:
    """A list written as one text (`a, b`), which is how environment variables carry lists; anything else as it is."""
    if isinstance(written, str):
        return [part.strip() for part in written.split(",") if part.strip()]
    return written


def number(written: Any) -> Any:
    """Refuses `true` where a number is wanted, which would otherwise count as 1.

    Raises: ValueError.
    """
    if isinstance(written, bool):
        raise ValueError("should be a number")  # noqa: TRY004 - pydantic reports ValueError, a TypeError would escape it
    return written


Seconds = Annotated[float, BeforeValidator(seconds)]
Bytes = Annotated[int, BeforeValidator(size)]
Span = Annotated[float, BeforeValidator(span)]
Address = Annotated[str, AfterValidator(_address)]
GivenPath = Annotated[Path, BeforeValidator(_somewhere)]
Count = Annotated[int, BeforeValidator(number)]
Texts = Annotated[list[str], BeforeValidator(commas)]
