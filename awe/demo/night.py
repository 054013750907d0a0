"""The tutorial night: simulated, ingested and calibrated as a real one would be.

`make` writes the exposures, ingests them and runs the calibration recipes, all as the
calibration scientist and into the project everybody can read. Nothing here knows the answers:
what it leaves behind came through the same ingest and the same recipes as any night. A making
that was interrupted goes on where it stopped; a finished one is recognised and left alone.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import shutil
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from awe.demo.calibrating import NIGHT, SCIENTIST, calibrate, environment, take_in, wait_for
from awe.errors import ArgumentError, DiskFull
from awe.instruments import get
from awe.tasks.compiling import Compiling

if TYPE_CHECKING:
    from awe.demo.exposures import Night

__all__ = ["NIGHT", "SCIENTIST", "chip_name", "ensure", "locked", "made", "make"]

PIXELS_ALL = 3.0
"""Disk space the whole installation needs, in sizes of the raw night."""

Say = Callable[[str], None]


def made(home: Path) -> bool:
    """Return True when this installation has its tutorial night."""
    return (_folder(home) / "done.json").exists()


def chip_name(named: str) -> str:
    """Return the name of a chip that is named in full or by its number."""
    return named if named.startswith("ESO") else f"ESO_CCD_#{named}"


def ensure(home: Path, say: Say | None = None) -> None:
    """Make the tutorial night unless it is there.

    Parameters
    ----------
    home : Path
        The installation, with its services running.
    say : callable, optional
        Told one line before it begins.
    """
    if made(home):
        return
    if say is not None:
        say("making the tutorial night, once; one to four minutes, most of them for compiling")
    make(home)


def make(
    home: Path, *, full: bool = False, chips: Sequence[str] | None = None, keep: bool = False
) -> Path:
    """Make the tutorial night and return the directory of its truth, and of exposures kept.

    Parameters
    ----------
    home : Path
        The installation; its services are started.
    full : bool
        Read the whole chips, 2144 x 4200 pixels each, instead of a window.
    chips : sequence of str, optional
        Names or numbers of the chips; all 32 when left out.
    keep : bool
        Keep the multi-extension files; every frame of them is in the store, bit for bit.

    Raises
    ------
    ArgumentError
        A chip is unknown, or a night with other chips or another window is there.
    DiskFull
        There is not enough space for it.
    JobError
        The ingest or a recipe failed; the message says how to go on.
    """
    from awe.demo.exposures import write_night

    night = _night(full, chips)
    folder = _folder(home)
    folder.mkdir(parents=True, exist_ok=True)
    with locked(folder):
        # Everything is looked at under the lock, since another process may have been at work while
        # this one waited. `begun` says what is being made, `written` and `done` that it is
        # complete, and exposures go last: a making broken off anywhere can go on.
        _check_signature(folder, night)
        if made(home):
            return folder / "raw"
        _check_space(folder, night)
        compiling = Compiling()
        if not (folder / "written.json").exists():
            _mark(folder, "begun.json", night)
            paths = write_night(folder / "raw", night)
            _mark(folder, "written.json", night)
        else:
            paths = sorted((folder / "raw").glob("OMEGACAM.*.fits"))
        settings = environment(home)
        take_in(settings, paths)
        wait_for(compiling)
        calibrate(settings, folder, night)
        _mark(folder, "done.json", night)
        if not keep:
            for path in paths:
                path.unlink()
    return folder / "raw"


def _folder(home: Path) -> Path:
    return home / "tutorial"


def _night(full: bool, chips: Sequence[str] | None) -> Night:
    from awe.demo.exposures import Night
    from awe.demo.plan import Window
    camera = get("OMEGACAM")
    window = Window.full() if full else Window()
    if not chips:
        return Night(window=window)
    wanted = set(map(chip_name, chips))
    for name in wanted:
        camera.chip(name)
    return Night(window=window, chips=tuple(name for name in camera.chips if name in wanted))


@contextlib.contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Let one process at a time make a night; others wait and find it made.

    Parameters
    ----------
    folder : Path
        The directory it is made in.
    """
    with (folder / "lock").open("w") as stream:
        fcntl.flock(stream, fcntl.LOCK_EX)
        yield


def _signature(night: Night) -> dict[str, Any]:
    return {"seed": night.seed, "window": asdict(night.window), "chips": list(night.chips)}


def _check_signature(folder: Path, night: Night) -> None:
    path = folder / "begun.json"
    if not path.exists():
        return
    found = json.loads(path.read_text(encoding="utf-8"))
    if found != _signature(night):
        window = found["window"]
        msg = (
            f"{folder} has a night of {len(found['chips'])} chips, {window['nx']} x "
            f"{window['ny']} pixels each; for another one choose another AWE_HOME"
        )
        raise ArgumentError(msg)


def _mark(folder: Path, name: str, night: Night) -> None:
    part = folder / f".{name}.part"
    part.write_text(json.dumps(_signature(night)) + "\n", encoding="utf-8")
    part.replace(folder / name)


def _check_space(folder: Path, night: Night) -> None:
    from awe.demo.plan import plan

    pixels = (night.window.nx + 96) * (night.window.ny + night.window.overscan_y)
    needed = PIXELS_ALL * len(plan()) * len(night.chips) * 2 * pixels
    free = shutil.disk_usage(folder).free
    if free < needed:
        msg = (
            f"the tutorial night needs {needed / 1e9:.1f} GB below {folder}, there are "
            f"{free / 1e9:.1f}; free some or choose fewer chips: awe-admin tutorial --chips 65"
        )
        raise DiskFull(msg)
