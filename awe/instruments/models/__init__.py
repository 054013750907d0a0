"""Models of cameras that many people have: a description without a place and a telescope.

A file here is the description of a camera as its maker and the programs that drive it make it.
One of a person's own is made of it by its name, its time zone and its pixel scale.
"""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

from awe.errors import ArgumentError, nearest
from awe.instruments._told import checked_scale, checked_zone

__all__ = ["available", "described", "file"]

HERE = Path(__file__).parent


def available() -> tuple[str, ...]:
    """Return the names of the models, in alphabetical order."""
    return tuple(sorted(path.stem.upper() for path in HERE.glob("[!_]*.toml")))


def file(model: str) -> Path:
    """Return the file of a model, one of `available()`."""
    return HERE / f"{model.lower()}.toml"


def described(model: str, name: str, time_zone: str | None, pixel_scale: float | None) -> str:
    """Return the description of a camera of a model.

    Parameters
    ----------
    model : str
        One of `available()`.
    name : str
        What the camera is called, in capitals; names of its chip and filters begin with it.
    time_zone : str or None
        Where it is: `"Europe/Amsterdam"`.
    pixel_scale : float or None, arcsec
        Size of a pixel on the sky, not binned.

    Raises
    ------
    ArgumentError
        There is no such model or time zone, or one of them was not told.
    """
    if model.upper() not in available():
        msg = (
            f"--like {model}: no such model{nearest(model.upper(), list(available()))}; there are "
            f"{', '.join(available())}"
        )
        raise ArgumentError(msg)
    lacks = [
        flag
        for flag, value in (("--time-zone", time_zone), ("--pixel-scale", pixel_scale))
        if value is None
    ]
    if lacks:
        msg = (
            f"--like {model} needs {' and '.join(lacks)}, which no model knows: for example "
            "--time-zone Europe/Amsterdam --pixel-scale 1.2"
        )
        raise ArgumentError(msg)
    assert pixel_scale is not None
    assert time_zone is not None
    scale, zone = checked_scale(pixel_scale), checked_zone(time_zone)
    text = file(model).read_text(encoding="utf-8")
    ours = tomllib.loads(text)["name"]
    text = re.sub(rf'"{ours}(?=["_])', f'"{name}', text)
    text = re.sub(r"(?m)^# A model: .*$", f"# made of the model {ours}", text)
    text = re.sub(r"(?m)^pixel_scale = .*$", f"pixel_scale = {scale:g}", text)
    return re.sub(r"(?m)^site.utc_offset = .*$", f'site.time_zone = "{zone}"', text)
