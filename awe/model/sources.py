"""Source lists: what was detected in a frame, or what a catalogue says is on the sky.

The FITS table is the truth and has every column; the columns of `COLUMNS` are rows of the
database too, where `Sources` asks all lists that one may see.
"""

from __future__ import annotations

import datetime
import uuid
from typing import TYPE_CHECKING, Any, ClassVar

from awe.db.objects.base import behaviour, persistent
from awe.model.data import DataObject
from awe.model.mixins import FromReduced
from awe.model.observing import Astrom, Chip, Filter, Instrument
from awe.model.science import SkyFrame
from awe.model.skyparameters import SourceListParameters
from awe.model.sourcerows import Sources, enter

if TYPE_CHECKING:
    from awe.model.sourcerows import Sources as Asked

__all__ = ["BITS", "SourceList"]

#: bits of the number of a list: a double holds it exactly
BITS = 53


class SourceList(FromReduced, DataObject):
    """A list of sources with positions, light and shapes.

    `frame` is what they were measured in; of a reference catalogue it is None, and `epoch` says
    when its positions hold.
    """

    SLID = persistent("Number of the list, unique in the whole system [None]", int, 0)
    name = persistent("Name of the list [None]", str, "")
    OBJECT = persistent("Name of the target [None]", str, "")
    DATE_OBS = persistent("Start of the observation [UTC]", datetime.datetime, None)
    frame = persistent(
        "Frame the sources were measured in, none for a catalogue [None]",
        SkyFrame,
        None,
    )
    detection_frame = persistent(
        "Frame the sources were found in, none: that they were measured in [None]", SkyFrame, None
    )
    astrom_params = persistent(
        "Solution the places are from, none: the coordinates of the frame [None]",
        "AstrometricParameters",
        None,
    )
    instrument = persistent("Camera that took the frame [None]", Instrument, None)
    chip = persistent("Detector of the frame [None]", Chip, None)
    filter = persistent("Filter of the exposure [None]", Filter, None)
    astrom = persistent("World coordinates of the frame, without distortion [None]", Astrom, None)
    NAXIS1 = persistent("Columns of the frame [pixel]", int, 0)
    NAXIS2 = persistent("Rows of the frame [pixel]", int, 0)
    epoch = persistent(
        "Moment the positions of a catalogue hold for, none of detections [yr]", float, None
    )
    source_count = persistent("Number of sources [None]", int, 0)
    sexparam = persistent("Names of the columns of the file [None]", str, [])
    background = persistent("Sky of the frame [ADU]", float, 0.0)
    noise = persistent("Noise of a pixel of the sky [ADU]", float, 0.0)
    threshold = persistent("Threshold that was used [sigma]", float, 0.0)
    correlation = persistent(
        "Noise of sums of pixels over that of independent ones [None]", float, 1.0
    )
    star_radius = persistent(
        "Half-light radius of stars, none where too few tell it [pixel]", float, None
    )
    llRA = persistent("Right ascension of the first pixel of the first row [deg]", float, None)
    llDEC = persistent("Declination of the first pixel of the first row [deg]", float, None)
    lrRA = persistent("Right ascension of the last pixel of the first row [deg]", float, None)
    lrDEC = persistent("Declination of the last pixel of the first row [deg]", float, None)
    ulRA = persistent("Right ascension of the first pixel of the last row [deg]", float, None)
    ulDEC = persistent("Declination of the first pixel of the last row [deg]", float, None)
    urRA = persistent("Right ascension of the last pixel of the last row [deg]", float, None)
    urDEC = persistent("Declination of the last pixel of the last row [deg]", float, None)
    process_params = persistent("Process parameters [None]", SourceListParameters, None)

    __order__: ClassVar[tuple[str, ...]] = ("creation_date", "SLID")
    __unique__: ClassVar[tuple[Any, ...]] = ("SLID",)
    __indexes__: ClassVar[tuple[Any, ...]] = ("DATE_OBS", "name")

    @property
    def sexconf(self) -> Any:
        """The settings of the detection, under SExtractor's names: the process parameters."""
        return self.process_params

    @property
    def sources(self) -> Asked:
        """The sources of the list: `len()`, `to_table()`, `near()`, `box()`, `between()`."""
        return Sources([self])

    def commit(self) -> None:
        """Store the file, if that was not done yet, and commit the list with its rows."""
        if not self._committed and not self.file and self.pathname:
            self.store()
        super().commit()

    def enter(self) -> None:
        """Enter the rows of a list of yours again, whose deletion was taken back.

        Nothing happens where all are there.
        """
        if len(self.sources) < self.source_count:
            enter(self)

    make = behaviour("awe.tasks.begun:make")
    inspect = behaviour("awe.inspect.quality:plot")
    write_ldac = behaviour("awe.tasks.ldac:write_ldac")

    def _ready(self) -> None:
        """Give the list its number: one that nobody can take before."""
        super()._ready()
        if not self.SLID:
            number: uuid.UUID = self.object_id
            self.SLID = number.int >> (128 - BITS)

    def _entered(self) -> None:
        """Enter the rows, in the transaction that commits the list."""
        if self.source_count:
            enter(self)
