"""What `dpu.run` takes besides the arguments of a recipe: limits of a job, and its priority."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from typing import Any

import awe
from awe.errors import ArgumentError, nearest

__all__ = ["OPTIONS", "configured", "size", "size_text", "split"]

OPTIONS = {
    "dpu_time": "time limit of each job [s]",
    "dpu_memory": "memory limit of each job, such as '8GB'",
    "dpu_priority": "-10 to 10: whose turn it is; above 0 only as far as an administrator allows",
    "dpu_aweversion": "version of awe to run: 'current' or 'develop', both the installed one",
}
LONGEST_TIME = 30 * 86_400
UNITS = {"MB": 1 << 20, "GB": 1 << 30, "TB": 1 << 40}
SIZE = re.compile(r"([0-9]{1,9}(?:\.[0-9]{1,3})?)\s*(MB|GB|TB)", re.IGNORECASE)
LEAST, MOST = 64 << 20, 16 << 40
HIGHEST = 10


def split(arguments: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return what each job gets by the options, and the arguments that are left for the recipe.

    Raises
    ------
    ArgumentError
        An option is unknown, or its value is not one of those it takes.
    """
    options: dict[str, Any] = dict.fromkeys(OPTIONS)
    rest: dict[str, Any] = {}
    for name, value in arguments.items():
        if name in options:
            options[name] = value
        elif name.startswith("dpu_"):
            msg = f"no option {name!r}{nearest(name, list(OPTIONS))}; known: {', '.join(OPTIONS)}"
            raise ArgumentError(msg)
        else:
            rest[name] = value
    version = options["dpu_aweversion"]
    known = ["current", "develop", getattr(awe, "__version__", "current")]
    if version not in (None, *known):
        msg = f"dpu_aweversion is {version!r}: this DPU has {', '.join(known)}"
        raise ArgumentError(msg)
    memory = options["dpu_memory"]
    return {
        "seconds": _seconds(options["dpu_time"]),
        "memory": None if memory is None else size(memory, "dpu_memory"),
        "priority": _priority(options["dpu_priority"]),
    }, rest


def size(value: Any, name: str) -> int:
    """Return a size such as `'8GB'`, or a number of bytes, as bytes.

    Raises
    ------
    ArgumentError
        It is not a size, or not one that a job may have.
    """
    found = SIZE.fullmatch(value.strip()) if isinstance(value, str) else None
    if found:
        number = float(found[1]) * UNITS[found[2].upper()]
    elif isinstance(value, int | float) and not isinstance(value, bool):
        number = float(value)
    else:
        number = math.nan
    if not LEAST <= number <= MOST:
        msg = f"{name} is {value!r}: expected a size from '64MB' to '16TB', such as '8GB'"
        raise ArgumentError(msg)
    return math.ceil(number)


def configured(text: str, default: int) -> int:
    """Return a size of the configuration in bytes, `default` where it is empty."""
    found = SIZE.fullmatch(text.strip())
    return max(LEAST, int(float(found[1]) * UNITS[found[2].upper()])) if found else default


def size_text(number: float) -> str:
    """Return bytes as `4.0 GB`, or as `512 MB` below one."""
    return f"{number / 2**30:.1f} GB" if number >= 1 << 30 else f"{number / 2**20:.0f} MB"


def _seconds(seconds: Any) -> int | None:
    if seconds is None:
        return None
    number = isinstance(seconds, int | float) and not isinstance(seconds, bool)
    if not number or not 1 <= seconds <= LONGEST_TIME:
        msg = f"dpu_time is {seconds!r}: expected seconds, 1 to {LONGEST_TIME}, as in 8*60*60"
        raise ArgumentError(msg)
    whole: int = math.ceil(seconds)
    return whole


def _priority(priority: Any) -> int:
    if priority is None:
        return 0
    number = isinstance(priority, int) and not isinstance(priority, bool)
    if not number or not -HIGHEST <= priority <= HIGHEST:
        msg = f"dpu_priority is {priority!r}: expected a whole number, -{HIGHEST} to {HIGHEST}"
        raise ArgumentError(msg)
    return int(priority)
