"""Ctrl-C in the middle of the driver's reading of an answer."""

from __future__ import annotations

import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from types import FrameType

#: what the driver decodes in Python in a commit: the tags of answers, the names of their columns
PLACES = [
    *("SELECT 1", "pg_current_xact_id", "now"),
    *("INSERT 0 1", "object_id", "creation_date"),
    "COMMIT",
]


@contextmanager
def _pressed(place: int) -> Iterator[list[str]]:
    """Press Ctrl-C twice when the driver, reading an answer, decodes something the nth time."""
    decoded: list[str] = []

    def watch(frame: FrameType, event: str, argument: object) -> None:
        caller = frame.f_back
        names = (frame.f_code.co_name, caller and caller.f_code.co_name)
        if event == "call" and names == ("decode", "turn"):
            decoded.append(str(bytes(frame.f_locals["input"]), "ascii"))
            if len(decoded) == place + 1:
                signal.raise_signal(signal.SIGINT)
                signal.raise_signal(signal.SIGINT)

    sys.setprofile(watch)
    try:
        yield decoded
    finally:
        sys.setprofile(None)


@pytest.mark.parametrize("place", range(len(PLACES)), ids=PLACES)
def test_an_answer_that_ctrl_c_left_half_read_is_not_read_on(
    model: Any, login: Any, db: Any, place: int
) -> None:
    """The driver would use types of columns that it had not looked up, and crash."""
    login()
    model.Plate(name="first").commit()  # what a commit needs is imported
    plate = model.Plate(name="p")
    with pytest.raises(KeyboardInterrupt), _pressed(place) as decoded:
        plate.commit()
    assert decoded[place] == PLACES[place]
    there = db.rows("superuser", "SELECT count(*) FROM awe.plate WHERE name = 'p'")
    assert there == [(int(plate._committed),)]
    assert plate._committed == (PLACES[place] == "COMMIT")
    plate.commit()
    assert len(model.Plate.name == "p") == 1
