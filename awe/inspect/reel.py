"""The frames that one window shows one after the other, as the prompt has them.

A window asks for the next one; it is read here, where the database and the files are, and given
to the window, which may be in another process.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any, Protocol

from awe.errors import ArgumentError, UserMistake
from awe.inspect.behind import BEHIND, cut_to, plane_of
from awe.inspect.sight import Sight

__all__ = ["Later", "Reel", "Taker", "place_in"]


class Taker(Protocol):
    """A window, in this process or another."""

    def take(self, sight: Sight, text: str, plane: str = "image", which: int = 0) -> None:
        """Show another image, or a plane behind it, and say a line."""

    def back(self, which: int = 0) -> None:
        """Show the image whose plane is shown."""

    def tell(self, text: str) -> None:
        """Say a line."""


class Later(Sequence[Any]):
    """Frames that are made when they are looked at; the one made last is kept.

    Parameters
    ----------
    number : int
        How many there are.
    make : callable
        Returns one of them, counted from 0.
    first : int
        Which of them is shown first.
    """

    def __init__(self, number: int, make: Callable[[int], Any], first: int = 0) -> None:
        self._number, self._make = number, make
        self._last: tuple[int, Any] | None = None
        #: which of them is shown first
        self.first = first

    def __len__(self) -> int:
        return self._number

    def __getitem__(self, place: Any) -> Any:
        if not 0 <= place < self._number:
            raise IndexError(place)
        if self._last is None or self._last[0] != place:
            self._last = (place, self._make(place))
        return self._last[1]


class Reel:
    """Frames in their order, one of which is shown.

    Parameters
    ----------
    frames : sequence
        The frames; whatever `inspect` takes.
    place : int
        Number of the one that is shown, from 0.
    sight : Sight
        What is shown of it.
    seen : callable
        Returns the `Sight` of a frame.
    other : tuple, optional
        A frame to compare with, and what is shown of it.
    """

    def __init__(
        self, frames: Sequence[Any], place: int, sight: Sight, seen: Callable[[Any], Sight],
        other: tuple[Any, Sight] | None = None,
    ) -> None:
        self._frames = frames
        self._place = place
        self._seen = seen
        self._shown = [(frames[place], sight)]
        if other is not None:
            self._shown.append(other)

    def serve(self, window: Taker, want: str, **about: Any) -> None:
        """Do what a window needs, and let it know of mistakes.

        Parameters
        ----------
        window : Taker
            Who needs it.
        want : str
            Name of a method.
        **about : Any
            Its arguments.
        """
        try:
            getattr(self, want)(window, **about)
        except UserMistake as mistake:
            window.tell(f"{mistake.code}: {mistake}")

    def step(self, window: Taker, *, by: int) -> None:
        """Show a frame after or before this one.

        Parameters
        ----------
        window : Taker
            Where to show it.
        by : int
            1 for the next, -1 for the one before.

        Raises
        ------
        UserMistake
            There is none, or it cannot be read.
        """
        number = len(self._frames)
        if number < 2:
            msg = (
                "no other frames were given; inspect(query), inspect([a, b]) or "
                "raw.inspect(among=query) walks through several"
            )
            raise ArgumentError(msg)
        place = self._place + by
        if not 0 <= place < number:
            window.tell(f"this is the {'last' if by > 0 else 'first'} of {number}")
            return
        # one that cannot be read is passed over by the next key
        self._place = place
        frame = self._frames[place]
        sight = self._seen(frame)
        self._shown[0] = (frame, sight)
        window.take(sight, f"{place + 1} of {number}: {sight.name}")

    def choose(self, name: str) -> None:
        """Open the frame of a chip of the mosaic that is shown.

        Parameters
        ----------
        name : str
            Name of the chip.
        """
        chosen = getattr(self._shown[0][0], "chosen", None)
        if chosen is not None:
            chosen(name)

    def plane(self, window: Taker, *, after: str, which: int) -> None:
        """Show the next plane behind the image: weight, variance, and the image again.

        Parameters
        ----------
        window : Taker
            Where to show it.
        after : str
            Name of the plane that is shown; "image" for the image.
        which : int
            Which of the frames that are compared.

        Raises
        ------
        UserMistake
            There is none, or it cannot be read.
        """
        names = ["image", *BEHIND]
        for name in names[names.index(after) + 1 :]:
            found = plane_of(*self._shown[which], name)
            if found is not None:
                window.take(found, f"{found.name}; W for the next plane", name, which)
                return
        if after == "image":
            msg = f"{self._shown[which][1].name} has no weight and no variance; reduced frames do"
            raise ArgumentError(msg)
        window.back(which)

    def cut(self, window: Taker, *, x: float, y: float, size: int, which: int) -> None:
        """Write the surroundings of a place to a FITS file in the working directory.

        Parameters
        ----------
        window : Taker
            Whom to tell of it.
        x, y : float
            FITS pixel coordinates.
        size : int
            Side of the part [pixel].
        which : int
            Which of the frames that are compared.

        Raises
        ------
        UserMistake
            The file cannot be written.
        """
        left, low = math.floor(x + 0.5) - (size - 1) // 2, math.floor(y + 0.5) - (size - 1) // 2
        zone = (left, low, left + size - 1, low + size - 1)
        window.tell(f"wrote {cut_to(Path.cwd(), *self._shown[which], zone)}")


def place_in(frames: Iterable[Any], frame: Any) -> tuple[list[Any], int]:
    """Return frames as a list, and the place of one of them in it.

    Parameters
    ----------
    frames : iterable
        A query, or a list of frames.
    frame : frame, path, CCDData or ndarray
        The one.

    Raises
    ------
    ArgumentError
        It is not one of them.
    """
    try:
        found = list(frames)
    except TypeError:
        msg = f"among={frames!r}: expected a query or a list of frames"
        raise ArgumentError(msg) from None
    for place, one in enumerate(found):
        if one is frame or _same(one, frame):
            return found, place
    msg = f"the frame is not one of the {len(found)} in among="
    raise ArgumentError(msg)


def _same(one: Any, other: Any) -> bool:
    name = getattr(one, "filename", None)
    if name is not None:
        return bool(name == getattr(other, "filename", None))
    return isinstance(one, str) and one == other
