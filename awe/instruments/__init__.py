"""The cameras awe knows: one file each, found by looking, never listed.

A file `awe/instruments/<name>.py` that holds an `Instrument` called `instrument` is a camera;
its name is the file's in capitals. Files beginning with an underscore are not looked at.
"""

from __future__ import annotations

import importlib
from functools import cache
from pathlib import Path

from awe.errors import NotFound, nearest
from awe.instruments._instrument import Chip, Instrument

__all__ = ["Chip", "Instrument", "available", "get", "recognise"]


@cache
def available() -> tuple[str, ...]:
    """Return the names of all cameras, in alphabetical order."""
    files = Path(__file__).parent.glob("[!_]*.py")
    return tuple(sorted(file.stem.upper() for file in files))


@cache
def get(name: str) -> Instrument:
    """Return the camera of that name.

    Raises
    ------
    NotFound
        When no file describes it; the message lists the cameras there are.
    """
    if name not in available():
        hint = nearest(name, list(available()))
        msg = f"no instrument {name!r}{hint}; there are: {', '.join(available())}"
        raise NotFound(msg)
    module = importlib.import_module(f"{__name__}.{name.lower()}")
    instrument: Instrument = module.instrument
    return instrument


def recognise(header_name: str) -> Instrument:
    """Return the camera whose frames carry this `INSTRUME` card.

    Raises
    ------
    NotFound
        When no camera answers to it.
    """
    return get(header_name.strip().upper())
