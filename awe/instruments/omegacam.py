"""OmegaCAM at the VLT Survey Telescope: 32 chips, one square degree, on Paranal.

Everything awe knows of this camera is in this file: the places of its chips, how they are read,
what they are called, the cards of its headers and the values of process parameters that suit it.
Chips are identified by name; the order of the extensions is only the usual one.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from typing import Any

from awe.calib.detector.geometry import ChipGeometry
from awe.errors import BadHeader, Defect, WrongShape
from awe.instruments._cards import Card, CardReader
from awe.instruments._instrument import Chip, Instrument
from awe.instruments._spelling import spelled

__all__ = ["EXTENSION_ORDER", "PIXEL", "instrument"]

PIXEL = 0.21343
"""Size of a pixel on the sky [arcsec]."""

NX, NY = 2048, 4100
PRESCAN_X = OVERSCAN_X = 48
OVERSCAN_Y = 100

# Skipped at the edge of the chip and next to the data, where charge trails into the strips.
SKIPPED = {"PRSCX": (1, 3), "OVSCX": (1, 3), "PRSCY": (0, 0), "OVSCY": (0, 2)}

COLUMNS, ROWS = 8, 4
PITCH_X = 2140.7
GAPS_Y = (359.6, 49.8, 362.7)

EXTENSION_ORDER = tuple(
    first + step for half in (65, 69) for first in range(half, half + 32, 8) for step in range(4)
)
"""Numbers of the chips in the usual order of the extensions: western half, then eastern."""

# Nominal gain [electron/ADU], read noise [electron] and bias level [ADU] of chips #65 ... #96.
GAIN = (
    2.51, 2.46, 2.58, 2.39, 2.62, 2.47, 2.55, 2.43,
    2.49, 2.66, 2.36, 2.52, 2.44, 2.57, 2.61, 2.48,
    2.42, 2.71, 2.33, 2.53, 2.59, 2.45, 2.64, 2.37,
    2.50, 2.41, 2.56, 2.68, 2.29, 2.54, 2.63, 2.40,
)  # fmt: skip
READ_NOISE = (
    5.0, 5.3, 5.6, 5.9, 5.2, 5.4, 5.1, 5.7,
    4.9, 5.5, 6.6, 5.8, 5.3, 5.0, 5.6, 4.8,
    6.4, 6.9, 6.2, 5.4, 5.5, 5.2, 5.9, 6.0,
    4.7, 5.8, 5.1, 5.3, 5.7, 5.0, 5.6, 5.4,
)  # fmt: skip
BIAS_LEVEL = (
    252.0, 238.0, 261.0, 284.0, 219.0, 247.0, 233.0, 270.0,
    205.0, 256.0, 312.0, 243.0, 228.0, 264.0, 275.0, 210.0,
    331.0, 345.0, 298.0, 240.0, 236.0, 259.0, 318.0, 307.0,
    198.0, 279.0, 245.0, 231.0, 267.0, 250.0, 222.0, 241.0,
)  # fmt: skip

RIDGE = "central ridge in the bias"
UNSTABLE_LEVEL = "unstable level"
UNSTABLE_GAIN = "unstable gain"
CROSS_TALK = "cross-talk"

REMARKS: dict[int, tuple[str, ...]] = {
    68: (RIDGE,),
    82: (UNSTABLE_LEVEL, UNSTABLE_GAIN),
    87: (UNSTABLE_LEVEL,),
    88: (UNSTABLE_LEVEL,),
    90: (RIDGE,),
    **dict.fromkeys((93, 94, 95, 96), (CROSS_TALK,)),
}

FILTERS = {
    **{f"{band}_SDSS": f"OCAM_{band}_SDSS" for band in "ugriz"},
    "v_STRM": "OCAM_v_STRM",
    "NB_659": "OCAM_NB_659",
    "B_JOHN": "OCAM_B_JOHN",
    "V_JOHN": "OCAM_V_JOHN",
}

#: nominal bands: Fukugita et al. 1996, AJ 111, 1748, table 2; Bessell 1990, PASP 102, 1181;
#: Stromgren 1966, ARA&A 4, 433; the narrow one is named by its wavelength
BANDS = {
    "OCAM_u_SDSS": ("u", 355.7),
    "OCAM_g_SDSS": ("g", 482.5),
    "OCAM_r_SDSS": ("r", 626.1),
    "OCAM_i_SDSS": ("i", 767.2),
    "OCAM_z_SDSS": ("z", 909.7),
    "OCAM_v_STRM": ("v", 411.0),
    "OCAM_NB_659": ("Halpha", 659.0),
    "OCAM_B_JOHN": ("B", 440.0),
    "OCAM_V_JOHN": ("V", 550.0),
}

#: Purpose -> how `DPR TYPE` spells it; the first that fits counts.
PURPOSES = {
    "readnoise": ("BIAS,READNOISE*",),
    "bias": ("BIAS", "BIAS,*"),
    "dark": ("DARK", "DARK,*"),
    "gain": ("FLAT,DOME,GAIN*", "FLAT,DOME,LINEARITY*"),
    "dome": ("FLAT,DOME", "FLAT,DOME,*"),
    "twilight": ("FLAT,SKY*", "FLAT,TWILIGHT*"),
    "science": ("OBJECT", "OBJECT,*"),
    "photom": ("STD*",),
}

PRIMARY_CARDS = (
    Card("DATE_OBS", "DATE-OBS", datetime),
    Card("MJD_OBS", "MJD-OBS", float, low=15_020, high=100_000),
    Card("DATE", "DATE", datetime, default=None),
    # nothing is computed from these two
    Card("UTC", "UTC", float, default=None, low=0, high=86_400),
    Card("LST", "LST", float, default=None, low=0, high=86_400),
    Card("EXPTIME", "EXPTIME", float, low=0),
    Card("AIRMSTRT", "ESO TEL AIRM START", float, default=1.0, low=1, high=50),
    Card("AIRMEND", "ESO TEL AIRM END", float, default=1.0, low=1, high=50),
    Card("OBJECT", "OBJECT", str),
    Card("OBSERVER", "OBSERVER", str, default=""),
)
CHIP_CARDS = (
    Card("NAXIS1", "NAXIS1", int, low=1, high=100_000),
    Card("NAXIS2", "NAXIS2", int, low=1, high=100_000),
    Card("PRSCX", "ESO DET OUT1 PRSCX", int, low=0, high=10_000),
    Card("PRSCY", "ESO DET OUT1 PRSCY", int, low=0, high=10_000),
    Card("OVSCX", "ESO DET OUT1 OVSCX", int, low=0, high=10_000),
    Card("OVSCY", "ESO DET OUT1 OVSCY", int, low=0, high=10_000),
)
WINDOW_CARDS = (
    Card("start_x", "ESO DET WIN1 STRX", int, default=1, low=1, high=NX),
    Card("start_y", "ESO DET WIN1 STRY", int, default=1, low=1, high=NY),
    Card("binning_x", "ESO DET WIN1 BINX", int, default=1, low=1, high=64),
    Card("binning_y", "ESO DET WIN1 BINY", int, default=1, low=1, high=64),
)
ASTROM_CARDS = (
    Card("CTYPE1", "CTYPE1", str),
    Card("CTYPE2", "CTYPE2", str),
    *(Card(name, name, float) for name in ("CRVAL1", "CRVAL2", "CRPIX1", "CRPIX2")),
    *(Card(name, name, float) for name in ("CD1_1", "CD1_2", "CD2_1", "CD2_2")),
)
TEMPLATE_CARDS = (
    Card("start", "ESO TPL START", datetime),
    Card("id", "ESO TPL ID", str),
    Card("name", "ESO TPL NAME", str, default=""),
    Card("nexp", "ESO TPL NEXP", int, low=1),
    Card("expno", "ESO TPL EXPNO", int, low=1),
)
BLOCK_CARDS = (
    Card("id", "ESO OBS ID", int, default=None),
    Card("name", "ESO OBS NAME", str, default=""),
    Card("start", "ESO OBS START", datetime, default=None),
    Card("program_id", "ESO OBS PROG ID", str, default=""),
    Card("group", "ESO OBS GRP", str, default=""),
    Card("PI_COI_id", "ESO OBS PI-COI ID", int, default=0),
    Card("PI_COI_name", "ESO OBS PI-COI NAME", str, default=""),
    Card("dictionary_id", "ESO OBS DID", str, default=""),
)
MODE_CARD = Card("read_mode", "ESO DET READ MODE", str, default="")
FILTER_CARD = Card("filter", "ESO INS FILT1 NAME", str, default=None)
CHIP_CARD = Card("chip", "EXTNAME", str)
TYPE_CARD = Card("type", "ESO DPR TYPE", str)


def purpose(primary: Mapping[str, Any], folder: str = "") -> str:
    """Return what an exposure was taken for, from its `DPR TYPE`; the folder does not count.

    Raises
    ------
    BadHeader
        When the card is missing or its value unknown.
    """
    cards = CardReader(primary)
    kind = cards.value(TYPE_CARD)
    if kind is not None:
        for name, spellings in PURPOSES.items():
            if spelled(kind, spellings):
                return name
        known = ", ".join(spelling for some in PURPOSES.values() for spelling in some)
        cards.problems.append(f"{TYPE_CARD.keyword} = {kind!r} is not one of {known}")
    cards.finish("exposure", "OMEGACAM")
    msg = "an exposure without a type passed as one with it"
    raise Defect(msg)


def translate(
    camera: Instrument, primary: Mapping[str, Any], extension: Mapping[str, Any]
) -> dict[str, Any]:
    """Return the attributes of one raw frame; see `Instrument.translate`."""
    cards = CardReader(primary, rivals=[extension])
    parts = CardReader(extension)
    attributes = cards.read(PRIMARY_CARDS) | parts.read(CHIP_CARDS)
    attributes |= {
        "chip": _chip(camera, parts),
        "filter": _filter(cards, primary),
        "template": cards.read(TEMPLATE_CARDS),
        "observing_block": cards.read(BLOCK_CARDS),
        "astrom": parts.read(ASTROM_CARDS),
        "read_mode": cards.value(MODE_CARD),
    }
    frames = CardReader(primary, extension)
    window = frames.read(WINDOW_CARDS)
    if None in (attributes["observing_block"]["id"], attributes["observing_block"]["start"]):
        attributes["observing_block"] = {}
    _check_moments(attributes, cards)
    cards.problems += parts.problems + frames.problems
    attributes["geometry"] = _geometry(camera, attributes, window, cards)
    name = f"{attributes['chip'] or 'unnamed extension'} of {attributes['DATE_OBS']}"
    cards.finish(name, camera.name)
    for name in ("UTC", "LST"):
        if attributes[name] is None:
            del attributes[name]
    for strip, (edge, data) in SKIPPED.items():
        present = attributes[strip] > 0
        attributes[f"{strip}PRE"] = edge if present else 0
        attributes[f"{strip}PST"] = data if present else 0
    return attributes


def _chip(camera: Instrument, cards: CardReader) -> str | None:
    name = cards.value(CHIP_CARD)
    if name is not None and name not in camera.chips:
        cards.problems.append(f"EXTNAME = {name!r} is not one of ESO_CCD_#65 ... ESO_CCD_#96")
        return None
    return str(name) if name else None


def _filter(cards: CardReader, primary: Mapping[str, Any]) -> str | None:
    try:
        lightless = purpose(primary) in {"bias", "readnoise", "dark"}
    except BadHeader:
        cards.value(TYPE_CARD)
        return None
    if lightless:
        return None
    name = cards.value(FILTER_CARD)
    if name not in FILTERS:
        if name is None:
            cards.lacks(FILTER_CARD.keyword)
        else:
            known = ", ".join(FILTERS)
            cards.problems.append(f"{FILTER_CARD.keyword} = {name!r} is not one of {known}")
        return None
    return FILTERS[name]


def _check_moments(attributes: dict[str, Any], cards: CardReader) -> None:
    began, mjd = attributes["DATE_OBS"], attributes["MJD_OBS"]
    if began is None or mjd is None:
        return
    # Midnight of 17 November 1858 is day 0 of MJD.
    difference = abs(datetime(1858, 11, 17) + timedelta(days=mjd) - began)
    if difference > timedelta(seconds=2):
        cards.problems.append(f"DATE-OBS and MJD-OBS differ by {difference.total_seconds():.0f} s")


def _geometry(
    camera: Instrument, attributes: dict[str, Any], window: dict[str, Any], cards: CardReader
) -> ChipGeometry | None:
    strips = ("PRSCX", "OVSCX", "PRSCY", "OVSCY")
    wanted = [attributes[name] for name in ("chip", "NAXIS1", "NAXIS2", *strips)]
    if any(value is None for value in [*wanted, *window.values()]):
        return None
    try:
        return ChipGeometry.from_counts(
            nx=attributes["NAXIS1"],
            ny=attributes["NAXIS2"],
            prescan_x=attributes["PRSCX"],
            overscan_x=attributes["OVSCX"],
            prescan_y=attributes["PRSCY"],
            overscan_y=attributes["OVSCY"],
            read_at_top=camera.chips[attributes["chip"]].read_at_top,
            start_x=window["start_x"],
            start_y=window["start_y"],
            binning=(window["binning_x"], window["binning_y"]),
        )
    except WrongShape as problem:
        cards.problems.append(str(problem))
        return None


def _corner(row: int, column: int) -> tuple[float, float]:
    """Lower left corner of a chip in the focal plane; the axis is in the middle of the array."""
    gap_x = PITCH_X - NX
    x = (column - COLUMNS / 2) * PITCH_X + gap_x / 2
    bottoms = {1: -GAPS_Y[1] / 2 - NY, 2: GAPS_Y[1] / 2}
    bottoms[0] = bottoms[1] - GAPS_Y[0] - NY
    bottoms[3] = bottoms[2] + NY + GAPS_Y[2]
    return x, bottoms[row]


def _chips() -> Iterator[Chip]:
    for extension, number in enumerate(EXTENSION_ORDER, start=1):
        index = number - 65
        row, column = divmod(index, COLUMNS)
        northern = row >= ROWS // 2
        yield Chip(
            name=f"ESO_CCD_#{number}",
            extension=extension,
            geometry=ChipGeometry.from_counts(
                nx=PRESCAN_X + NX + OVERSCAN_X,
                ny=NY + OVERSCAN_Y,
                prescan_x=PRESCAN_X,
                overscan_x=OVERSCAN_X,
                overscan_y=OVERSCAN_Y,
                read_at_top=northern,
            ),
            gain=GAIN[index],
            read_noise=READ_NOISE[index],
            bias_level=BIAS_LEVEL[index],
            corner=_corner(row, column),
            read_at_top=northern,
            remarks=REMARKS.get(number, ()),
        )


instrument = Instrument(
    name="OMEGACAM",
    telescope="VST",
    # standard time of America/Santiago, all the year
    utc_offset=-4.0,
    pixel_scale=PIXEL,
    chips={chip.name: chip for chip in _chips()},
    filters=FILTERS,
    bands=BANDS,
    reader=translate,
    purposes=purpose,
    parameters={},
    pixel_size=15.0,
)
