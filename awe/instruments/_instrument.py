"""What a camera is to awe: chips, filters, and how its headers are read.

A camera is data: places and nominal numbers of its chips, names of its filters, and where each
attribute of a raw frame is in the headers, from a text file or as `Card` declarations. Reading
headers is written once, in `awe.instruments._cards`. Nothing here opens a file.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from pathlib import Path
from typing import Any, Protocol

from awe.calib.detector.geometry import Amplifier, ChipGeometry
from awe.errors import BadHeader, Defect, NotFound, nearest
from awe.instruments._cards import CardReader
from awe.instruments._spelling import spelled

__all__ = [
    "LIGHTLESS", "UNKNOWN_FILTER", "Amplifier", "Chip", "Instrument", "Plane", "Splitting",
    "answers",
]  # fmt: skip

Header = Mapping[str, Any]

#: What a reader may leave out: a camera need not know templates, blocks or coordinates.
OPTIONAL: dict[str, Any] = {
    "filter": None, "OBJECT": "", "template": {}, "observing_block": {}, "astrom": {},
}  # fmt: skip
DAY_0 = datetime(1858, 11, 17)
"""Day 0 of MJD."""
#: What is taken without light in a filter.
LIGHTLESS = frozenset(["bias", "readnoise", "dark"])
#: Where a reader tells that it does not know the filter of a header, which has no other fault.
UNKNOWN_FILTER = "unknown filter"


@dataclass(frozen=True, kw_only=True)
class Chip:
    """One CCD of a camera, with its nominal numbers.

    Parameters
    ----------
    name : str
        Name as in queries, `"ESO_CCD_#65"`.
    extension : int
        Usual number of its extension in an exposure; frames are identified by name.
    geometry : ChipGeometry
        Regions of an image of the whole chip.
    gain : float
        Nominal gain [electron/ADU].
    read_noise : float
        Nominal read noise [electron].
    bias_level : float
        Nominal bias level [ADU].
    corner : tuple of float
        Place of the lower left corner of the light-sensitive area in the focal plane,
        x and y from the optical axis [pixel].
    read_at_top : bool
        Whether the output is at the upper edge of the image.
    remarks : tuple of str
        What sets this chip apart, in words.
    saturation : float or None
        Raw count from which pixels are saturated [ADU]; None where only the converter ends it.
    bits : int
        Bits of the analogue-to-digital converter.
    """

    name: str
    extension: int
    geometry: ChipGeometry
    gain: float
    read_noise: float
    bias_level: float
    corner: tuple[float, float]
    read_at_top: bool = False
    remarks: tuple[str, ...] = ()
    saturation: float | None = None
    bits: int = 16

    def __post_init__(self) -> None:
        """Refuse numbers with which no noise of a pixel can be told."""
        for name, least in (("gain", 1e-6), ("read_noise", 0.0)):
            if not least <= (value := getattr(self, name)) < math.inf:
                wanted = "above 0" if least else "at least 0"
                msg = f"chip {self.name} has the {name} {value}, expected a number {wanted}"
                raise Defect(msg)

    @property
    def amplifiers(self) -> tuple[Amplifier, ...]:
        """The amplifiers, where there are several."""
        return self.geometry.amplifiers

    def saturated(self, threshold: float) -> float:
        """Return the raw count from which pixels are saturated [ADU].

        The lowest of a threshold, of what the chip holds and of the end of its converter.
        """
        held = threshold if self.saturation is None else self.saturation
        return min(threshold, held, 2.0**self.bits - 1)


@dataclass(frozen=True, kw_only=True)
class Plane:
    """The pixels of one colour of an image: every other one from a row and column, 0 or 1."""

    name: str
    colour: str
    row: int
    column: int


class Splitting(Protocol):
    """What makes several frames of an image."""

    def planes(self, *headers: Header) -> tuple[Plane, ...]:
        """Return the planes of an image with such headers."""

    def of(self, camera: str, attributes: Header, plane: Plane) -> dict[str, Any]:
        """Return the attributes of the frame of one plane."""


@dataclass(frozen=True, kw_only=True)
class Instrument:
    """A camera: its chips and filters, and the meaning of its headers.

    Parameters
    ----------
    name : str
        Name as in queries.
    telescope : str
        Name of the telescope.
    utc_offset : float
        Local time minus UTC at the telescope [hour]; decides where a night begins.
    pixel_scale : float
        Size of a pixel on the sky [arcsec].
    chips : mapping of str to Chip
        All chips, in the order of the extensions.
    filters : mapping of str to str
        Name in the header -> name in awe.
    reader : callable
        `reader(instrument, primary, extension)` returns the attributes of a raw frame.
    purposes : callable
        `purposes(primary, folder)` returns what an exposure was taken for; `folder` is the name
        of the one its file is in.
    parameters : mapping of str to object
        Values of process parameters that differ from the declared defaults here:
        `{"BiasFrame.SIGMA_CLIP": 3.0}`; `*` stands for every class that has the parameter.
    limits : mapping of str to object
        Values that follow from its own numbers; `parameters` go before them.
    bands : mapping of str to (str, float)
        Name of a filter in awe -> its photometric band, and the nominal central wavelength of
        that [nm].
    pixel_size : float or None
        Side of a pixel of the detectors [micrometre]; without it no rate of particle hits is
        measured.
    recognised_by : mapping of str to tuple of str
        Cards that tell its frames from others, each with its spellings; the `INSTRUME` card is
        the name where nothing is given.
    leave_out : tuple of str
        Names of extensions that are left out.
    mosaic : Splitting or None
        How an image is split into frames of one colour each.
    cubes : bool
        Whether an image of three axes is split into exposures.
    step : callable or None
        `step(primary, extension)` returns the time from one exposure of a cube to the next [s],
        or None where headers do not tell.
    """

    name: str
    telescope: str
    utc_offset: float
    pixel_scale: float
    chips: Mapping[str, Chip]
    filters: Mapping[str, str]
    reader: Callable[[Instrument, Header, Header], dict[str, Any]] = field(repr=False)
    purposes: Callable[[Header, str], str] = field(repr=False)
    parameters: Mapping[str, Any] = field(default_factory=dict)
    limits: Mapping[str, Any] = field(default_factory=dict)
    bands: Mapping[str, tuple[str, float]] = field(default_factory=dict)
    pixel_size: float | None = None
    recognised_by: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    leave_out: tuple[str, ...] = ()
    mosaic: Splitting | None = None
    cubes: bool = False
    step: Callable[[Header, Header], float | None] | None = field(default=None, repr=False)

    def recognises(self, *headers: Header) -> bool:
        """Return True if headers of a file say that it is of this camera.

        Parameters
        ----------
        *headers : mapping of str to value
            Header of the exposure, and that of its first image.
        """
        return answers(self.recognised_by or {"INSTRUME": (self.name,)}, *headers)

    def chip(self, name: str) -> Chip:
        """Return the chip of that name.

        Raises
        ------
        NotFound
            When the camera has no such chip.
        """
        if name not in self.chips:
            hint = nearest(name, list(self.chips))
            first, *_, last = self.chips
            msg = f"{self.name} has no chip {name!r}{hint}; its chips are {first} ... {last}"
            raise NotFound(msg)
        return self.chips[name]

    def planes(self, primary: Header, extension: Header) -> tuple[Plane | None, ...]:
        """Return the planes an image is split into, or None for the whole of it.

        Parameters
        ----------
        primary, extension : mapping of str to value
            Header of the exposure and of the image.

        Raises
        ------
        BadHeader
            The headers of a mosaic do not tell which pixel has which colour.
        """
        return (None,) if self.mosaic is None else self.mosaic.planes(primary, extension)

    def translate(
        self, primary: Header, extension: Header, purpose: str = "bias",
        plane: Plane | None = None, *, filtered: bool = True,
    ) -> dict[str, Any]:
        """Return the attributes of the raw frame these two headers describe.

        Parameters
        ----------
        primary, extension : mapping of str to value
            Header of the exposure and of the chip; for a file of one chip, twice the same.
        purpose : str
            What it was taken for: with light, it must have a filter.
        plane : Plane, optional
            One of the `planes` of the image; the first where it has some.
        filtered : bool
            Whether the headers must tell the filter of a frame with light.

        Returns
        -------
        dict
            Attributes in capitals as in `RawFrame`; `chip`, `filter` (names), `geometry`
            (ChipGeometry), and the dictionaries `template`, `observing_block`, `astrom`, which
            are empty where the camera has none.

        Raises
        ------
        BadHeader
            One error that lists every card that is missing, repeated or impossible.
        Defect
            The reader of the camera does not return what a raw frame must have.
        """
        attributes = {**OPTIONAL, **self.reader(self, primary, extension)}
        unknown = attributes.pop(UNKNOWN_FILTER, None)
        lacks = [name for name in ("DATE_OBS", "chip", "geometry") if not attributes.get(name)]
        for name in ("template", "observing_block"):
            given = attributes[name]
            lacks += [f"{name}[{key!r}]" for key in ("start", "id") if given and key not in given]
        if lacks:
            msg = (
                f"the reader of {self.name} returns no {', '.join(lacks)}: a raw frame needs "
                f"DATE_OBS, chip and geometry, and start and id of a template and a block"
            )
            raise Defect(msg)
        if self.mosaic is not None:
            one = plane or self.mosaic.planes(primary, extension)[0]
            attributes = self.mosaic.of(self.name, attributes, one)
            if purpose in LIGHTLESS:
                attributes["filter"] = None
        self.chip(attributes["chip"])
        if unknown and purpose not in LIGHTLESS:
            cards = CardReader(primary)
            cards.problems.append(unknown)
            cards.finish(f"{attributes['chip']} of {attributes['DATE_OBS']}", self.name)
        if filtered and purpose not in LIGHTLESS and attributes["filter"] is None:
            msg = (
                f"{attributes['chip']} of {attributes['DATE_OBS']}: no filter, which a {purpose} "
                f"frame of {self.name} must have; a camera without any has a constant one"
            )
            raise BadHeader(msg)
        attributes.setdefault("MJD_OBS", (attributes["DATE_OBS"] - DAY_0) / timedelta(days=1))
        attributes.setdefault("NAXIS1", attributes["geometry"].nx)
        attributes.setdefault("NAXIS2", attributes["geometry"].ny)
        return attributes

    def purpose(self, primary: Header, path: Path | None = None) -> str:
        """Return what an exposure was taken for: `"bias"`, `"dome"`, `"science"`, ...

        Parameters
        ----------
        primary : mapping of str to value
            Header of the exposure.
        path : Path, optional
            Its file; some cameras tell by the folder.

        Raises
        ------
        BadHeader
            When the header does not say, or says something unknown.
        """
        return self.purposes(primary, path.absolute().parent.name if path else "")

    def night(self, moment: datetime) -> date:
        """Return the night, local noon to noon, that a moment in UTC belongs to."""
        # Twelve hours back from local time: noon is where the date changes.
        return (moment + timedelta(hours=self.utc_offset - 12)).date()

    def night_range(self, night: date) -> tuple[datetime, datetime]:
        """Return begin and end, in UTC, of the night named by the date it began on."""
        begin = datetime.combine(night, time(12)) - timedelta(hours=self.utc_offset)
        return begin, begin + timedelta(days=1)


def answers(known: Mapping[str, tuple[str, ...]], *headers: Header) -> bool:
    """Return True if headers of a file have all the cards that tell a camera.

    Parameters
    ----------
    known : mapping of str to tuple of str
        Those cards, each with its spellings.
    *headers : mapping of str to value
        Header of the exposure, and that of its first image.
    """
    cards = CardReader(*headers)
    try:
        return all(
            spelled(cards.find(word, repeated="first"), spellings)
            for word, spellings in known.items()
        )
    except ValueError:
        return False
