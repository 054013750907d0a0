"""The format of a camera described in a text file: every key, declared once.

`FORMAT` is what `awe.instruments._described` reads, what `instrument.schema.json` tells editors,
and what the reference shows.
"""

from __future__ import annotations

from typing import Any

from awe.instruments._kinds import (
    Either,
    Flag,
    Key,
    Kind,
    Listed,
    Named,
    Number,
    Section,
    Several,
    Table,
    Text,
)

__all__ = ["ATTRIBUTES", "CHIP", "FORMAT", "PURPOSES", "STRIPS", "UNITS", "schema"]

#: What an exposure may be taken for; the ingest has a class for each.
PURPOSES = ("bias", "readnoise", "dark", "dome", "gain", "twilight", "science", "photom")
STRIPS = ("prescan_x", "overscan_x", "prescan_y", "overscan_y")
SECTIONS = ("active", *STRIPS)
#: Numbers of an amplifier that headers may have.
MEASURED = ("gain", "read_noise", "saturation")

#: Unit -> factor to seconds, or what is done instead.
UNITS: dict[str, float] = {"s": 1.0, "ms": 1e-3, "us": 1e-6, "min": 60.0, "h": 3600.0}
#: How a moment may be written, in addition to `2012-06-01T08:51:44.123`.
MOMENTS = ("MJD", "JD", "unix", "dd/mm/yy", "mm/dd/yy")

NAME = Text("capitals, digits and _, beginning with a letter, 32 at most", "[A-Z][A-Z0-9_]{0,31}")
LABEL = Text(
    "a name without blanks: letters, digits and _ # + . -, 40 at most",
    r"[A-Za-z0-9][A-Za-z0-9_#+.-]{0,39}",
)
WORDS = Text("one line of text", r"[^\x00-\x1f\x7f]{0,200}")
KEYWORD = Text("a keyword of a header, in capitals", r"[A-Z0-9_][A-Z0-9_ .-]{0,60}")
PURPOSE = Text(f"one of {', '.join(PURPOSES)}", "|".join(PURPOSES))
COUNT = Number(1, 100_000, whole=True)
POSITIVE = Number(1e-9, 1e9)
ANY = Number(-1e9, 1e9)


class Spelling(Kind):
    """Text, or the number that a card has, which is compared as text."""

    def read(self, place: Any, found: Any) -> Any:
        """Return the text of it."""
        if isinstance(found, bool) or not isinstance(found, int | float):
            return WORDS.read(place, found)
        return str(int(found)) if float(found).is_integer() else str(found)

    def schema(self) -> dict[str, Any]:
        """Return what JSON Schema says of it."""
        return {"anyOf": [WORDS.schema(), {"type": "number"}]}


SPELLINGS = Several(Spelling())


class Scalar(Kind):
    """Text, a number, or true or false."""

    def read(self, place: Any, found: Any) -> Any:
        """Return it."""
        if not isinstance(found, str | int | float | bool):
            place.refuse(found, "text or a number")
        return found

    def schema(self) -> dict[str, Any]:
        """Return what JSON Schema says of it."""
        return {"type": ["string", "number", "boolean"]}


ENTRY = Either(
    Table({
        "keyword": Key(Several(KEYWORD), "keyword, or some: the first that is there counts", ()),
        "together": Key(
            Several(KEYWORD), "keywords whose values are taken together, as one text: GAIN=100 "
            "READOUTM=Fast", (),
        ),
        "constant": Key(Scalar(), "the value of every frame; no header is looked at"),
        "default": Key(Scalar(), "value where no header has the keyword"),
        "unit": Key(Text("a unit", f"{'|'.join([*UNITS, *MOMENTS])}"), "unit in the header"),
        "pattern": Key(WORDS, "regular expression; its first group is the value"),
        "time": Key(KEYWORD, "keyword of the time of day, where a date has none"),
        "zone": Key(WORDS, "time zone whose clocks show the moment; UTC if left out"),
        "decimal": Key(Text("a comma", ","), "what stands for the point of numbers in text"),
        "add": Key(ANY, "number added to the value", 0.0),
        "times": Key(
            Several(KEYWORD), "keyword of a number the value is multiplied by: NDIT of a DIT", ()
        ),
        "header": Key(
            Text("primary or extension", "primary|extension"), "the only header that counts"
        ),
        "repeated": Key(
            Text("first or last", "first|last"), "which counts where a card is repeated"
        ),
    }),
    Several(KEYWORD),
    "card",
)  # fmt: skip

#: Attribute of a raw frame -> what it is.
ATTRIBUTES = {
    "DATE_OBS": "begin of the exposure [UTC]",
    "EXPTIME": "exposure time [s]",
    "OBJECT": "what was observed",
    "OBSERVER": "who observed",
    "AIRMSTRT": "airmass at the begin",
    "AIRMEND": "airmass at the end",
    "UTC": "time of day at the begin [s], or written 08:51:44",
    "LST": "sidereal time at the begin [s], or written 08:51:44",
    "MJD_OBS": "begin of the exposure as modified Julian date [day]",
    "DATE": "when the file was written [UTC]",
    "chip": "which chip it is; needed where there are several",
    "filter": "which filter was in the beam",
    "read_mode": "mode the detector was read in",
}

_PLACES: dict[str, Key] = {
    "active": Key(Section(), "section of the light-sensitive pixels"),
    "prescan_x": Key(Section(), "columns without light, before the light-sensitive ones"),
    "overscan_x": Key(Section(), "columns without light, behind the light-sensitive ones"),
    "prescan_y": Key(Section(), "rows without light that are read first"),
    "overscan_y": Key(Section(), "rows without light that are read last"),
}
_NUMBERS: dict[str, Key] = {
    "gain": Key(POSITIVE, "nominal gain [electron/ADU]"),
    "read_noise": Key(Number(0, 1e6), "nominal read noise [electron]"),
    "bias_level": Key(ANY, "nominal bias level [ADU]", 0.0),
    "saturation": Key(POSITIVE, "raw count from which pixels are saturated [ADU]"),
    "bits": Key(Number(1, 64, whole=True), "bits of the converter", 16),
}
AMPLIFIER = Table({
    "name": Key(LABEL, "name of the amplifier", required=True),
    **_PLACES,
    "flip_x": Key(Flag(), "its columns are mirrored in the file", False),
    "flip_y": Key(Flag(), "its rows are mirrored in the file", False),
    "output": Key(
        Text("lower left, lower right, upper left or upper right", "(lower|upper) (left|right)"),
        "corner of its pixels in the file that is read first", "lower left",
    ),
    **{name: Key(key.kind, key.doc) for name, key in _NUMBERS.items()},
    "cards": Key(
        Table({
            **{name: Key(ENTRY, f"card with {_PLACES[name].doc}") for name in SECTIONS},
            **{name: Key(ENTRY, f"card with the {_NUMBERS[name].doc}") for name in MEASURED},
        }),
        "cards with its sections and numbers, where headers have them",
    ),
})  # fmt: skip
CHIP = Table({
    "name": Key(LABEL, "name as in queries; no other camera may have it"),
    "header": Key(SPELLINGS, "spellings in the header; the name where left out"),
    "extension": Key(Number(0, 10_000, whole=True), "usual number of its extension"),
    "size": Key(Listed(COUNT, 2), "columns and rows of a whole frame, strips included"),
    **_PLACES,
    **_NUMBERS,
    "corner": Key(Listed(ANY, 2), "lower left light-sensitive pixel in the focal plane, from the "
                                  "optical axis [pixel]", (0.0, 0.0)),
    "read_at_top": Key(Flag(), "whether the output is at the upper edge", False),
    "remarks": Key(Listed(WORDS), "what sets it apart", ()),
    "amplifiers": Key(Listed(AMPLIFIER), "amplifiers, where there are several", ()),
    "crosstalk": Key(
        Named(LABEL, Named(LABEL, Number(-1, 1))),
        "name of an amplifier -> names of others and the fraction of their counts it sees", {},
    ),
})  # fmt: skip
FILTER = Either(
    Table({
        "name": Key(LABEL, "name in awe", required=True),
        "band": Key(LABEL, "photometric band: R, Halpha"),
        "wavelength": Key(Number(10, 100_000), "nominal central wavelength [nm]"),
    }),
    LABEL,
)  # fmt: skip
CONDITION = Either(
    Table({
        "at_least": Key(ANY, "smallest number"),
        "at_most": Key(ANY, "largest number"),
        "not": Key(SPELLINGS, "spellings it must not have"),
    }),
    SPELLINGS,
)  # fmt: skip

FORMAT = Table({
    "name": Key(NAME, "name of the camera, that of the file in capitals", required=True),
    "telescope": Key(WORDS, "name of the telescope", ""),
    "pixel_scale": Key(POSITIVE, "size of a pixel on the sky [arcsec]", required=True),
    "pixel_size": Key(POSITIVE, "side of a pixel of the detector [micrometre]"),
    "recognise": Key(
        Named(KEYWORD, SPELLINGS),
        "cards that tell its frames from others, all of them, each with its spellings; "
        "INSTRUME is the name where this is left out",
    ),
    "site": Key(
        Table({
            "time_zone": Key(WORDS, "time zone, Africa/Johannesburg; its standard time counts"),
            "utc_offset": Key(Number(-14, 14), "instead: local time minus UTC [hour]"),
            "longitude": Key(Number(-180, 360), "east [degree]; decides the time where no other"),
            "latitude": Key(Number(-90, 90), "north [degree]"),
            "height": Key(Number(-500, 10_000), "above sea level [m]"),
        }),
        "where it is; a night goes from noon to noon there", required=True,
    ),
    "chip": Key(CHIP, "what all chips have in common; all there is to say of a single one"),
    "chips": Key(Listed(CHIP), "the chips, each with what sets it apart"),
    "filters": Key(
        Either(Named(WORDS, FILTER), Listed(WORDS)),
        "name in the header -> name in awe, which no other camera may have; of a list, "
        "the name in awe is that of the camera, _ and that of the header", {},
    ),
    "cards": Key(
        Table({name: Key(ENTRY, doc) for name, doc in ATTRIBUTES.items()}),
        "attribute of a raw frame -> where it is in the headers",
    ),
    "sections": Key(
        Table({name: Key(ENTRY, f"card with {_PLACES[name].doc}") for name in SECTIONS}),
        "cards with sections, where they change from frame to frame",
    ),
    "widths": Key(
        Table({
            name: Key(ENTRY, f"card with the number of {_PLACES[name].doc}") for name in STRIPS
        }),
        "cards with the widths of the strips, as ESO headers have them, instead of sections",
    ),
    "bayer": Key(
        Table({
            "split": Key(
                Flag(), "split into frames of the chips NAME_R, NAME_G1, NAME_G2 and NAME_B; "
                "false takes the mosaic as one frame", True,
            ),
            "pattern": Key(ENTRY, "card with the colours of two pixels of two rows: RGGB",
                           ("BAYERPAT", "COLORTYP")),
            "x": Key(ENTRY, "card with the column, 0 or 1, the pattern begins at",
                     ("XBAYROFF", "BAYOFFX")),
            "y": Key(ENTRY, "card with the row, 0 or 1, the pattern begins at",
                     ("YBAYROFF", "BAYOFFY")),
            "first_row": Key(Text("first or last", "first|last"),
                             "which row of the file is the first of the pattern"),
        }),
        "the pixels of a chip are behind filters of several colours",
    ),
    "cube": Key(
        Table({
            "split": Key(Flag(), "an image of three axes is split into exposures", True),
            "step": Key(ENTRY, "card with the time from one exposure to the next [s]; the "
                               "exposure time where left out"),
        }),
        "images of three axes hold exposures, one after the other",
    ),
    "binning": Key(
        Table({name: Key(ENTRY, f"card with the binning in {name}") for name in "xy"}),
        "cards with the binning",
    ),
    "window": Key(
        Table({
            "x": Key(ENTRY, "card with the first light-sensitive column of the window"),
            "y": Key(ENTRY, "card with the first light-sensitive row of the window"),
            "section": Key(ENTRY, "instead: card with the section of the chip that was read"),
            "first": Key(Number(0, 1, whole=True), "what the first column is called: 0 or 1", 1),
            "binned": Key(Flag(), "whether it is counted in binned pixels", False),
        }),
        "cards with the place of a window on the chip",
    ),
    "purpose": Key(
        Listed(Table(
            {
                "is": Key(PURPOSE, "what it was taken for", required=True),
                "folder": Key(SPELLINGS, "name of the folder the file is in"),
            },
            Named(KEYWORD, CONDITION),
        )),
        "what an exposure was taken for: the first rule all of whose conditions hold", (),
    ),
    "leave_out": Key(SPELLINGS, "names of extensions to leave out: UNCERT, MASK", ()),
    "parameters": Key(
        Named(Text("a class such as BiasFrame, or *", r"[A-Z]\w*|\*"),
              Named(Text("a parameter", "[A-Z][A-Z0-9_]*"), Scalar())),
        "process parameters that differ: BiasFrame.SIGMA_CLIP = 3.0; * is every class with it", {},
    ),
})  # fmt: skip


def schema() -> dict[str, Any]:
    """Return the JSON Schema of the format."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "A camera of awe",
        **FORMAT.schema(),
        "$defs": {ENTRY.name: ENTRY.definition()},
    }
