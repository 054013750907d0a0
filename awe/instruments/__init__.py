"""The cameras awe knows: one file each, found by looking, never listed.

A camera is a text file, `AWE_HOME/instruments/NAME.toml`, or one that comes with awe: TOML, or
Python with an `Instrument` called `instrument`. Its name is the file's in capitals. Files
beginning with an underscore are not looked at.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from awe.lazy import face

if TYPE_CHECKING:
    from awe.instruments._bayer import MOSAIC_CARDS, halved_place
    from awe.instruments._elsewhere import look_in
    from awe.instruments._finding import (
        available,
        files,
        get,
        load,
        numbering,
        own_directory,
        own_text,
        recognise,
        shipped,
    )
    from awe.instruments._format import PURPOSES, schema
    from awe.instruments._instrument import LIGHTLESS, Amplifier, Chip, Instrument, Plane
    from awe.instruments._linear import SAME_MATRIX
    from awe.instruments._spelling import spelled

__all__ = [
    "LIGHTLESS", "MOSAIC_CARDS", "PURPOSES", "SAME_MATRIX", "Amplifier", "Chip", "Instrument",
    "Plane", "available", "files", "get", "halved_place", "load", "look_in", "numbering",
    "own_directory", "own_text", "recognise", "schema", "shipped", "spelled",
]  # fmt: skip

face(__name__)
