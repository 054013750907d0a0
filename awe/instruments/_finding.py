"""Where descriptions of cameras are: with awe, and in `AWE_HOME/instruments`.

A file of awe is Python with an `Instrument` called `instrument`, or TOML; one of the user's own is
TOML, never code. A file is read again when it has changed. One that cannot be read hides no other
camera. A camera without a file may be described elsewhere, in the database: as text, with the same
checks.
"""

from __future__ import annotations

import importlib
import tomllib
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any

from awe.config import home_directory
from awe.errors import ConfigError, NotFound, nearest
from awe.instruments._cards import shown
from awe.instruments._described import LONGEST, described
from awe.instruments._elsewhere import text_of
from awe.instruments._format import FORMAT
from awe.instruments._instrument import Instrument, answers
from awe.instruments._kinds import Place

__all__ = [
    "available", "files", "get", "load", "numbering", "own_directory", "own_text", "recognise",
    "shipped",
]  # fmt: skip

HERE = Path(__file__).parent
RECOGNISE = FORMAT.keys["recognise"].kind
Signature = tuple[int, int, int]
_kept: dict[Path, tuple[Signature, Instrument]] = {}
_told: dict[str, tuple[str, Instrument]] = {}


def own_directory() -> Path:
    """Return the directory of descriptions of the user's own."""
    return home_directory() / "instruments"


def shipped() -> tuple[str, ...]:
    """Return the names of the cameras that come with awe, in alphabetical order."""
    return tuple(sorted(_ours()))


def available() -> tuple[str, ...]:
    """Return the names of all cameras, in alphabetical order."""
    return tuple(sorted(files()))


def files() -> dict[str, Path]:
    """Return the file of each camera by its name; what comes with awe goes first."""
    return _named(own_directory(), "[!_.]*.toml") | _ours()


@cache
def _ours() -> dict[str, Path]:
    """Return the file of each camera that comes with awe; they do not change while it runs."""
    return _named(HERE, "[!_]*.py") | _named(HERE, "[!_]*.toml")


def _named(directory: Path, pattern: str) -> dict[str, Path]:
    return {path.stem.upper(): path for path in directory.glob(pattern)}


def get(name: str) -> Instrument:
    """Return the camera of that name.

    Raises
    ------
    NotFound
        When no file describes it; the message lists the cameras there are.
    ConfigError
        Its description is wrong.
    """
    path = _ours().get(name) or files().get(name)
    camera = _described_elsewhere(name) if path is None else None
    if camera is not None:
        return camera
    if path is None:
        known = available()
        hint = nearest(name, list(known))
        msg = f"no instrument {name!r}{hint}; there are: {', '.join(known)}"
        raise NotFound(msg)
    return load(path)


def own_text(name: str) -> str | None:
    """Return the description of a camera in a file of the user's own, or None."""
    path = files().get(name)
    if path is None or name in _ours():
        return None
    load(path)
    return path.read_text(encoding="utf-8-sig")


def numbering(text: str, where: str) -> dict[tuple[str, str | int], str]:
    """Return which chip is which by a description, to compare it with another of the camera.

    Parameters
    ----------
    text, where : str
        The description, and what messages call it.

    Returns
    -------
    dict
        Names of chips by `("image", spelling)`, as headers name their images, in small letters,
        and by `("extension", number)`.

    Raises
    ------
    ConfigError
        The description is wrong.
    """
    camera = described(text.encode(), where)
    found: dict[tuple[str, str | int], str] = {
        ("extension", chip.extension): chip.name for chip in camera.chips.values()
    }
    for chip in tomllib.loads(text).get("chips", ()):
        said = chip.get("header", chip["name"])
        for spelling in [said] if isinstance(said, str) else said:
            found["image", spelling.casefold()] = chip["name"]
    return found


def _described_elsewhere(name: str) -> Instrument | None:
    text = text_of(name)
    if text is None:
        return None
    known = _told.get(name)
    if known is not None and known[0] == text:
        return known[1]
    where = f"the description of {name} in the database"
    camera = described(text.encode(), where)
    if camera.name != name:
        msg = f"{where}: name is {camera.name!r}, expected {name!r}"
        raise ConfigError(msg)
    _told[name] = (text, camera)
    return camera


def load(path: Path) -> Instrument:
    """Return the camera a file describes, read again when the file has changed.

    Raises
    ------
    ConfigError
        It cannot be read, or its description is wrong; a line for each mistake.
    """
    if path.suffix == ".py":
        module = importlib.import_module(f"awe.instruments.{path.stem}")
        instrument: Instrument = module.instrument
        return instrument
    try:
        status = path.stat()
        signature = (status.st_mtime_ns, status.st_size, status.st_ino)
        kept = _kept.get(path)
        if kept is not None and kept[0] == signature:
            return kept[1]
        with path.open("rb") as file:
            text = file.read(LONGEST + 1)
    except OSError as error:
        msg = f"{path}: {error.strerror or error}; make it readable, or remove it"
        raise ConfigError(msg) from error
    camera = described(text, str(path))
    if camera.name != path.stem.upper():
        msg = (
            f"{path}: name is {camera.name!r}, expected {path.stem.upper()!r}, that of the file "
            "in capitals; rename one of them"
        )
        raise ConfigError(msg)
    _kept[path] = (signature, camera)
    return camera


def recognise(*headers: Mapping[str, Any]) -> Instrument:
    """Return the camera whose frames have such headers.

    One of the user's own goes before those that come with awe.

    Parameters
    ----------
    *headers : mapping of str to value
        Header of the exposure, and that of its first image.

    Raises
    ------
    NotFound
        No camera answers to it, or more than one; the message says what was looked at.
    """
    broken: list[str] = []
    own = list(_readable(broken))
    found = [camera for camera in own if camera.recognises(*headers)]
    found = found or [
        load(_ours()[name]) for name, known in _marks().items() if answers(known, *headers)
    ]
    if len(found) == 1:
        return found[0]
    card = next((header["INSTRUME"] for header in headers if "INSTRUME" in header), None)
    told = "INSTRUME is missing" if card is None else f"INSTRUME = {shown(card)}"
    if found:
        names = " and ".join(sorted(camera.name for camera in found))
        msg = f"{told} is a frame of {names}: tell them apart by another card in [recognise]"
        raise NotFound(msg)
    named = {str(header["INSTRUME"]).strip(): None for header in headers if "INSTRUME" in header}
    if len(named) > 1:
        first, second, *_ = named
        msg = (
            f"INSTRUME is {shown(first)} in one header of the file and {shown(second)} in "
            "another: no camera of awe has such frames; correct the file or leave it out"
        )
        raise NotFound(msg)
    asked = [
        f"{camera.name} by {' and '.join(camera.recognised_by)}"
        for camera in own
        if camera.recognised_by
    ]
    if card is None and asked:
        told = f"its cards are not those that tell a camera ({', '.join(asked)})"
    cameras = sorted([*(camera.name for camera in own), *_ours()])
    hint = nearest(str(card), cameras) if card is not None else ""
    # a description that cannot be read is mostly that of this camera
    advice = [f"it may be that of {one}" for one in broken] or [
        "awe-admin instrument new FILE describes another"
    ]
    msg = f"{told}: no camera of awe has such frames{hint}; there are {', '.join(cameras)}"
    raise NotFound("; ".join([msg, *advice]).replace("\n", "; "))


@cache
def _marks() -> dict[str, Mapping[str, tuple[str, ...]]]:
    """Return what tells each camera that comes with awe: all of one is read when it is found."""
    found: dict[str, Mapping[str, tuple[str, ...]]] = {}
    for name, path in _ours().items():
        if path.suffix == ".py":
            found[name] = load(path).recognised_by or {"INSTRUME": (name,)}
        else:
            raw = tomllib.loads(path.read_text(encoding="utf-8"))
            asked = raw.get("recognise", {"INSTRUME": name})
            found[name] = RECOGNISE.read(Place(str(path)).key("recognise"), asked)
    return found


def _readable(broken: list[str]) -> Iterator[Instrument]:
    """Yield the cameras of the user's own, but for descriptions that are wrong."""
    for name, path in sorted(files().items()):
        if name in _ours():
            continue
        try:
            yield load(path)
        except ConfigError as problem:
            broken.append(str(problem))
