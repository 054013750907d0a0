"""XPA, by which DS9 is told what to do: which DS9 there is, and what it answers.

The programs xpaset and xpaget speak it. Every call has a time limit.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import time
from typing import IO

from awe.errors import ArgumentError, ServiceDown
from awe.terminal import harmless

__all__ = ["ask", "available", "named", "point_of", "regions_of", "titled"]

#: Seconds in which DS9 starts, and in which it answers.
START, ANSWER = 30.0, 60.0
_NAME = re.compile(r"(?:ds9|saods9)(?::(?P<title>[\w.-]*))?")


def named(viewer: str) -> bool:
    """Return whether a viewer is DS9, by its name: 'ds9', or 'ds9:TITLE' for one of several.

    Parameters
    ----------
    viewer : str
        Name of a viewer.
    """
    return _NAME.fullmatch(viewer) is not None


def available() -> bool:
    """Return whether the programs are there by which DS9 is spoken to."""
    return bool(shutil.which("xpaset") and shutil.which("xpaget"))


def regions_of(viewer: str) -> str:
    """Return the regions that are drawn in DS9, on the sky if its frame has coordinates.

    Parameters
    ----------
    viewer : str
        'ds9' or 'ds9:TITLE'.

    Raises
    ------
    ArgumentError
        There is no DS9 of this title.
    ServiceDown
        DS9 does not answer.
    """
    point = point_of(viewer, start=False)
    every = ("regions", "-format", "ds9", "-system")
    on_sky = ask("xpaget", point, *every, "fk5", "-skyformat", "degrees")
    return on_sky if "(" in on_sky else ask("xpaget", point, *every, "physical")


def point_of(viewer: str, *, start: bool) -> str:
    """Return the access point of a DS9 that is open.

    Parameters
    ----------
    viewer : str
        'ds9' or 'ds9:TITLE'.
    start : bool
        Start one if there is none.

    Raises
    ------
    ArgumentError
        There is no DS9 of this title, or the program is not installed.
    ServiceDown
        It does not start.
    """
    wanted = _NAME.fullmatch(viewer)
    title = (wanted["title"] if wanted is not None else "") or ""
    found = _points()
    if title and title in found:
        return found[title]
    if found and not title:
        return list(found.values())[-1]
    if not start:
        others = f"; there is {', '.join(map(titled, found.values()))}" if found else ""
        msg = f"no {viewer} answers by XPA{others}; raw.inspect(viewer='ds9') starts one"
        raise ArgumentError(msg)
    return _started(title or f"awe-{os.getpid()}")


def _points() -> dict[str, str]:
    """Return the access points of every DS9 of this person, by their titles, the newest last."""
    try:
        listed = subprocess.run(
            ["xpaget", "xpans"], stdin=subprocess.DEVNULL, capture_output=True, text=True,
            timeout=ANSWER, check=False, errors="replace",
        )  # fmt: skip
    except subprocess.TimeoutExpired:
        return {}
    rows = [line.split() for line in listed.stdout.splitlines()]
    return {row[1]: row[3] for row in rows if len(row) >= 4 and row[0] == "DS9"}


def _started(title: str) -> str:
    program = shutil.which("ds9") or shutil.which("saods9")
    if program is None:
        msg = "DS9 is not installed (apt install saods9); leave viewer out to use awe's window"
        raise ArgumentError(msg)
    child = subprocess.Popen(
        [program, "-title", title], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL, start_new_session=True,
    )  # fmt: skip
    _children[:] = [*(one for one in _children if one.poll() is None), child]
    end = time.monotonic() + START
    while (point := _points().get(title)) is None:
        if child.poll() is not None or time.monotonic() > end:
            msg = f"DS9 was started ({program}) and does not answer by XPA; is there a display?"
            raise ServiceDown(msg)
        time.sleep(0.1)
    return point


def ask(program: str, point: str, *words: str, given: IO[bytes] | None = None) -> str:
    """Let DS9 do or tell something, and return what it prints.

    Parameters
    ----------
    program : str
        The command xpaset or xpaget.
    point : str
        Access point.
    *words : str
        What it is told.
    given : file, optional
        Open file that it reads.

    Raises
    ------
    ServiceDown
        DS9 refuses it, or does not answer.
    """
    try:
        done = subprocess.run(
            [program, point, *words], stdin=given or subprocess.DEVNULL, capture_output=True,
            timeout=ANSWER, check=False,
        )  # fmt: skip
    except subprocess.TimeoutExpired as error:
        msg = f"{titled(point)} has not answered for {ANSWER:.0f} s; look at its window"
        raise ServiceDown(msg) from error
    complaint = done.stderr.decode(errors="replace").strip()
    if done.returncode or complaint:
        said = harmless(complaint.partition("(")[0].removeprefix("XPA$ERROR"), lines=False).strip()
        msg = f"{titled(point)} refused {words[0]}: {said[:120] or done.returncode}"
        raise ServiceDown(msg)
    return done.stdout.decode(errors="replace")


def titled(point: str) -> str:
    """Return what people call a DS9.

    Parameters
    ----------
    point : str
        Access point.
    """
    title = next((title for title, one in _points().items() if one == point), point)
    return f"ds9:{harmless(title, lines=False)}"


_children: list[subprocess.Popen[bytes]] = []
"""Every DS9 that was started and may still be there; they outlive the prompt."""
