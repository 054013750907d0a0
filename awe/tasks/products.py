"""Products on their way out of a task: names, headers, files, and one line about each.

A product's header says what it is, where it is on the sky, what it was made from, with which
parameters and by which software: enough to make it again.
"""

from __future__ import annotations

import datetime
import hashlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from awe import __version__, fits, instruments, rules
from awe.db.server import clock
from awe.db.server.scope import current
from awe.fits import preview
from awe.localfiles import data_name, plain_name
from awe.model.data import DataObject
from awe.model.mixins import QualityFlag, has, value_of
from awe.rules import leftout
from awe.rules.roles import VALIDITY
from awe.tasks.code import IN_HEADER

if TYPE_CHECKING:
    from astropy.io.fits import Header
    from numpy.typing import NDArray

    from awe.fits import Image

__all__ = [
    "new_objects", "picture_of", "place_in", "prepare", "prepare_table", "product_name", "summary",
]  # fmt: skip

#: what the world coordinates of a header are in
SYSTEMS = ("RADESYS", "RADECSYS", "EQUINOX")

KINDS = {
    "BiasFrame": "Bias",
    "DarkFrame": "Dark",
    "HotPixelMap": "Hot",
    "ColdPixelMap": "Cold",
    "DomeFlatFrame": "Dome",
    "TwilightFlatFrame": "Twilight",
    "NightSkyFlatFrame": "NightSky",
    "MasterFlatFrame": "Mflat",
    "FringeFrame": "Fringe",
    "IlluminationCorrectionFrame": "Illum",
    "BackgroundFrame": "Back",
    "QuickCheckFrame": "Quick",
    "ReducedScienceFrame": "Red",
    "WeightFrame": "Weight",
    "SaturatedPixelMap": "Satur",
    "CosmicMap": "Cosmic",
    "SatelliteMap": "Satel",
    "RegriddedFrame": "Regrid",
    "GridWeightFrame": "GridWeight",
    "CoaddedRegriddedFrame": "Coadd",
    "SourceList": "Sources",
    "AstrometricParameters": "Astrom",
    "AssociateList": "Assoc",
    "GAstrometric": "GAstrom",
    "PhotSrcCatalog": "Photcat",
}

#: numbers that the line about a product tells, with their unit
_SUMMARISED = (
    ("read_noise", "ADU"), ("gain", "e-/ADU"), ("count", "bad pixels"),
    ("lamp_ratio", "times the level of the master"), ("source_count", "sources"),
    ("associate_count", "groups"), ("NREF", "reference stars"), ("RMS", "arcsec rms"),
    ("N_OVERLAP", "stars in overlaps"), ("RMS_OVERLAP", "arcsec rms there"),
    ("value", "mag/airmass"), ("raw_zeropnt", "mag raw"),
)  # fmt: skip

EPOCH = datetime.datetime(1858, 11, 17)


def product_name(product: Any, moment: datetime.datetime | None = None) -> str:
    """Return the file name of a product, unique in the whole system.

    Fields that a product lacks stay empty; `AW` is left off the user's name; blanks in the names
    of cameras, chips and filters are underscores.
    """
    now = moment or clock.now().replace(tzinfo=None)
    mjd = (now - EPOCH) / datetime.timedelta(days=1)
    kind = type(product).__name__
    category = "Cal" if has(product, "timestamp_start") else "Sci"
    user = current().user_name.upper().removeprefix("AW")
    filter_ = value_of(product, "filter")
    chip = product.chip.name if product.chip is not None else ""
    digits = hashlib.sha256(f"{product.object_id}{mjd}".encode()).hexdigest()[:40]
    return plain_name(
        f"{category}-{user}-{product.instrument.name}-------{filter_.name if filter_ else ''}"
        f"-{chip}-{KINDS.get(kind, kind)}---{category}-{mjd:.7f}-{digits}.fits"
    )


def prepare(
    product: Any,
    pixels: NDArray[Any],
    extensions: Sequence[Image],
    *,
    directory: Path,
    header: Header | None = None,
    unit: str = "adu",
    astrom: Any = None,
    within: float | None = None,
    consulted: Mapping[str, str | None] | None = None,
    left_out: Sequence[str] = (),
) -> tuple[Path, Callable[[], object]]:
    """Set `filename` and `pathname` of a product; return its path and what writes the file.

    Parameters
    ----------
    product : object
        New object with its links and parameters set.
    pixels : ndarray
        Image of the first HDU.
    extensions : sequence of Image
        Images of the HDUs behind it, each with an EXTNAME card. Those that have a place on the
        sky get that of the first one, with its distortions.
    directory : Path
        Directory of the file.
    header : Header, optional
        Header of the raw frame whose cards are kept.
    unit : str
        Unit of the pixels.
    astrom : Astrom, optional
        World coordinates, if the product has none of its own.
    within : float, optional
        Largest relative error the pixels may have in the file, which packs them; 0 for none.
    consulted : mapping, optional
        Calibrations the recipe looked for: class to object_id.
    left_out : sequence of str
        Steps of the recipe that the user left out.
    """
    from astropy.io.fits import Header

    # names of chips and filters are somebody's text too
    product.filename = data_name(product_name(product))
    path: Path = directory / product.filename
    cards = fits.copied(header) if header is not None else {}
    for keyword in ("NAXIS1", "NAXIS2", "WCSAXES"):
        cards.pop(keyword, None)
    added = {
        card[0].removeprefix("HIERARCH ").upper(): card
        for card in (
            *_told(product, unit, astrom), *_consulted_cards(product, consulted or {}),
            *leftout.cards(left_out),
        )
    }  # fmt: skip
    _leave_place(cards, added)
    cards |= added
    image = fits.Image(pixels, Header(), within, tuple(cards.values()))
    product.pathname = path
    if extensions:
        place = tuple(cards[keyword] for keyword in _of_place(cards))
        behind = [
            replace(one, cards=(*one.cards, *place)) if "CTYPE1" in one.header else one
            for one in extensions
        ]
        return path, partial(fits.write, path, behind, primary=image)
    return path, partial(fits.write, path, image)


def place_in(header: Header) -> Header:
    """Return the cards of a header that tell places on the sky, distortions among them.

    Parameters
    ----------
    header : Header
        Header of a raw frame.
    """
    from astropy.io.fits import Header

    cards = fits.copied(header)
    return Header([cards[keyword] for keyword in _of_place(cards)])


def _of_place(keywords: Iterable[str]) -> list[str]:
    return [one for one in keywords if fits.is_place(one) or one in SYSTEMS]


def _leave_place(
    cards: dict[str, tuple[str, Any, str]], added: dict[str, tuple[Any, ...]]
) -> None:
    """Take out what says the same of the place twice, and leave the projection as it was."""
    if "CD1_1" not in added:
        return
    for keyword in instruments.SAME_MATRIX:
        cards.pop(keyword, None)
    kinds = [str(cards.get(name, ("", "", ""))[1]) for name in ("CTYPE1", "CTYPE2")]
    if kinds[0].startswith("RA--") and kinds[1].startswith("DEC-"):
        # distortions of the raw frame are those of this projection: TPV, SIP, ZPN
        for keyword in ("CTYPE1", "CTYPE2"):
            added.pop(keyword)


def prepare_table(
    product: Any,
    columns: Mapping[str, NDArray[Any]],
    texts: Mapping[str, fits.Column],
    *,
    directory: Path,
    consulted: Mapping[str, str | None] | None = None,
    name: str = "SOURCES",
) -> tuple[Path, Callable[[], object]]:
    """Set `filename` and `pathname` of a list; return its path and what writes the file.

    Parameters
    ----------
    product : object
        New object with its links and parameters set.
    columns : mapping of str to ndarray
        Columns of the table.
    texts : mapping of str to Column
        Their units and meanings.
    directory : Path
        Directory of the file.
    consulted : mapping, optional
        Calibrations the recipe looked for: class to object_id.
    name : str
        EXTNAME of the table.
    """
    from astropy.io.fits import Header

    product.filename = data_name(product_name(product))
    path: Path = directory / product.filename
    cards = Header()
    for keyword, value, *more in (
        *_told(product, "", None), *_consulted_cards(product, consulted or {})
    ):
        # there are no pixels to have a place or a unit
        if keyword != "BUNIT" and not fits.is_place(keyword):
            cards[keyword] = (value, *more)
    product.pathname = path
    return path, partial(fits.write_table, path, columns, texts, header=cards, name=name)


def picture_of(product: Any, pixels: NDArray[Any]) -> None:
    """Make the preview of a product that is to be stored, while its pixels are in memory."""
    if pixels.ndim == 2:
        product.__dict__["_picture"] = preview.made_of(pixels).png


def new_objects(product: Any, cls: Any = None) -> list[Any]:
    """Return the uncommitted objects of a class that hang on a product, itself the last.

    Parameters
    ----------
    product : object
        A new product.
    cls : type, optional
        The class; by default that of objects with a file.
    """
    wanted = cls or DataObject
    found: dict[Any, Any] = {}
    seen: set[Any] = set()

    def visit(item: Any) -> None:
        seen.add(item.object_id)
        for _, parent in _links(item):
            if not parent._committed and parent.object_id not in seen:
                visit(parent)
        if isinstance(item, wanted):
            found[item.object_id] = item

    visit(product)
    return list(found.values())


def summary(product: Any) -> str:
    """Return one line about a product, and the verdicts of new calibrations made with it."""
    chip = value_of(product, "chip") or value_of(product, "filter")
    words = [type(product).__name__, value_of(product, "filename", "") or chip.name]
    imstat = value_of(product, "imstat")
    if imstat is not None:
        words.append(f"median {imstat.median:.4g}, stdev {imstat.stdev:.3g}")
    for name, unit in _SUMMARISED:
        value = value_of(product, name)
        if isinstance(value, int | float):
            words.append(f"{value:.4g} {unit}" if isinstance(value, float) else f"{value} {unit}")
    zeropnt = value_of(product, "zeropnt")
    if has(zeropnt, "error"):
        words.append(f"zero point {zeropnt.value:.4f} +- {zeropnt.error:.4f} mag")
    if product.quality_flags:
        words.append(f"quality: {QualityFlag.explain(product.quality_flags)}")
    words += [
        f"its {type(part).__name__} has quality: {QualityFlag.explain(part.quality_flags)}"
        # a calibration with bits is never chosen
        for part in new_objects(product)
        if part is not product and has(part, "timestamp_start") and part.quality_flags
    ]
    return " ".join(words[:2]) + "".join(f", {word}" for word in words[2:])


def _links(item: Any) -> Iterator[tuple[str, Any]]:
    """Yield (role, object) for everything an object refers to."""
    for name in item.get_persistent_properties():
        if not item._attribute(name).is_link:
            continue
        value = getattr(item, name)
        for linked in value if isinstance(value, list) else [value]:
            if linked is not None:
                yield name, linked


def _told(product: Any, unit: str, astrom: Any) -> Iterator[tuple[str, Any, str]]:
    """Yield the cards that say what a product is and what it was made from."""
    yield from _cards(product, unit, astrom)
    parents = [
        {
            "role": role,
            "class": type(parent).__name__,
            "id": str(parent.object_id),
            "file": value_of(parent, "filename", ""),
        }
        for role, parent in _links(product)
        if has(parent, "is_valid") and role != "prev"
    ]
    rejected = product.__dict__.get("_rejected", {})
    for number, (name, reason) in enumerate(rejected.items(), start=1):
        yield f"HIERARCH AWE REJ{number} FILE", name, ""
        yield f"HIERARCH AWE REJ{number} WHY", fits.escape(reason)[:50], ""
    parameters = product.process_params
    units = {name: one.unit for name, one in parameters.declarations.items()}
    units = {name: "" if unit == "None" else unit for name, unit in units.items()}
    yield from fits.lineage_cards(parents)
    yield from fits.parameter_cards(parameters.values(), units)
    yield from _choice_cards(product)


def _consulted_cards(
    product: Any, consulted: Mapping[str, str | None]
) -> Iterator[tuple[str, str, str]]:
    """Yield the calibrations the recipe looked for that the product does not link to."""
    linked = {str(parent.object_id) for _, parent in _links(product)}
    asked = [(name, number) for name, number in consulted.items() if number is not None]
    rest = [(name, number) for name, number in asked if number not in linked]
    for place, (name, number) in enumerate(rest, start=1):
        yield f"HIERARCH AWE ASK{place} CLASS", name, ""
        yield f"HIERARCH AWE ASK{place} ID", number, ""


def _choice_cards(product: Any) -> Iterator[tuple[str, Any, str]]:
    """Yield what else a remake needs: parameters of the parts, calibrations that were named."""
    for part in rules.freshness.parts(product):
        if part is not product:
            kind = type(part).__name__.upper()
            for name, value in part.process_params.values().items():
                yield f"HIERARCH AWE PAROF {kind} {name}", value, ""
    if has(product, "combine"):
        yield "HIERARCH AWE ARG COMBINE", product.combine, "argument of the recipe"
    for role, how in (value_of(product, "choices") or {}).items():
        if how != VALIDITY:
            yield f"HIERARCH AWE CHOICE {role.upper()}", how, ""


def _cards(product: Any, unit: str, astrom: Any) -> Iterator[tuple[str, Any, str]]:
    yield "BUNIT", unit, "unit of the pixels"
    yield "INSTRUME", product.instrument.name, "camera"
    if product.chip is not None:
        yield "CHIP", product.chip.name, "detector"
    if value_of(product, "filter") is not None:
        yield "FILTER", product.filter.name, "filter"
    # what is stored goes before the header of the raw frame: a plan may have corrected it
    name = value_of(product, "OBJECT")
    if name:
        yield "OBJECT", fits.escape(str(name))[:68], "what was observed"
    astrom = value_of(product, "astrom") or astrom
    if astrom is not None:
        for keyword, value in astrom.cards().items():
            yield keyword, value, ""
    for name in ("timestamp_start", "timestamp_end"):
        if has(product, name):
            keyword = f"HIERARCH AWE {name.upper().replace('_', ' ')}"
            yield keyword, getattr(product, name).isoformat(), "UTC"
    yield "DATE", f"{clock.now():%Y-%m-%dT%H:%M:%S}", "UTC, when this file was written"
    yield "HIERARCH AWE CLASS", type(product).__name__, "class of this object"
    yield "HIERARCH AWE ID", str(product.object_id), "object_id"
    yield "HIERARCH AWE FILENAME", product.filename, "name at the dataserver"
    yield "HIERARCH AWE USER", current().user_name, "who made it"
    yield "HIERARCH AWE PROJECT", current().project_name, "where it belongs"
    yield "HIERARCH AWE VERSION", __version__, "software that made it"
    recipe = value_of(product, "recipe")
    if recipe is not None:
        by = current().user_name if recipe.own else "awe"
        yield "HIERARCH AWE RECIPE", recipe.name, "recipe that made it"
        yield "HIERARCH AWE RECIPE BY", by, "whose recipe it is"
        yield "HIERARCH AWE RECIPE CODE", recipe.digest[:IN_HEADER], "SHA-256"
