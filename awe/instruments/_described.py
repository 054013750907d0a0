"""A camera made from its description: a text file becomes an `Instrument`.

What the format cannot say of single keys is checked here: that sections lie inside the image,
that names occur once, that there is a way to tell chips apart. No name of a file becomes a path
or code.
"""

from __future__ import annotations

import functools
import re
import tomllib
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from awe.calib.detector import sections
from awe.calib.detector.geometry import Amplifier, ChipGeometry
from awe.errors import WrongShape
from awe.instruments import _bayer, _reading, _regions
from awe.instruments._cards import CardReader
from awe.instruments._entries import Entry, Wanted
from awe.instruments._format import CHIP, FORMAT, LABEL, STRIPS
from awe.instruments._instrument import Chip, Instrument
from awe.instruments._kinds import Mistakes, Place
from awe.instruments._layout import require_true
from awe.instruments._limits import limits
from awe.instruments._spelling import Condition, Rule, decide
from awe.instruments._windows import Window

__all__ = ["described"]

#: Overscan method where only this strip is there; see `awe.calib.detector.overscan`.
METHODS = {"overscan_x": 6, "prescan_x": 5, "overscan_y": 8, "prescan_y": 7}
LONGEST = 1 << 20
#: Most dots of a key.
DEEPEST = 32


def described(text: bytes, file: str) -> Instrument:
    """Return the camera a text describes.

    Parameters
    ----------
    text : bytes
        TOML, in UTF-8.
    file : str
        Name of the file, for messages.

    Raises
    ------
    ConfigError
        A line for each mistake: file, key, what was found, what was expected.
    """
    place = Place(file)
    raw = _parsed(text, place)
    given = FORMAT.read(place, raw)
    tables = _tables(given, raw, place)
    _refuse_all(given, tables, place)
    chips = _chips(tables, place)
    rules = _rules(given["purpose"], place)
    parameters = _parameters(given, chips, tables[0])
    reading = _reading.Reading(
        cards=_cards(given, chips, place.key("cards")),
        regions=_where(given, tables, place),
        spellings={
            chip.name: tuple(one["header"] or (chip.name,))
            for chip, one in zip(chips, tables, strict=True)
        },
        mosaic=given["bayer"] is not None,
    )
    camera = Instrument(
        name=given["name"],
        telescope=given["telescope"],
        utc_offset=_offset(given["site"], place.key("site")),
        pixel_scale=given["pixel_scale"],
        pixel_size=given["pixel_size"],
        chips={chip.name: chip for chip in chips},
        filters=_filters(given, place.key("filters")),
        bands=_bands(given["filters"], place.key("filters")),
        reader=functools.partial(_reading.read, reading),
        purposes=functools.partial(_purpose, rules, given["name"]),
        parameters=parameters,
        limits=limits(chips, {one.purpose for one in rules}, _method(parameters)),
        recognised_by=given["recognise"] or {"INSTRUME": (given["name"],)},
        leave_out=tuple(given["leave_out"]),
        cubes=given["cube"] is not None and given["cube"]["split"],
        step=_step(given["cube"], place.key("cube")),
    )
    return _split(camera, given["bayer"], place.key("bayer"))


def _refuse_all(given: Mapping[str, Any], tables: list[Any], place: Place) -> None:
    """Tell all that is wrong between keys at once, a line each."""
    mistakes = Mistakes()
    for check in (
        # where the regions are is told of chips that have a size
        lambda: (_chips(tables, place), _where(given, tables, place)),
        lambda: _refuse_crosstalk(tables, place.key("chip").key("crosstalk")),
        lambda: _rules(given["purpose"], place),
        lambda: _cards(given, tables, place.key("cards")),
        lambda: _offset(given["site"], place.key("site")),
        lambda: _filters(given, place.key("filters")),
        lambda: _bands(given["filters"], place.key("filters")),
        lambda: _step(given["cube"], place.key("cube")),
    ):
        with mistakes.noted():
            check()
    mistakes.finish()


def _cards(
    given: Mapping[str, Any], chips: Sequence[Any], place: Place
) -> dict[str, Entry]:
    """Return where attributes are; the begin must be told, and the chip of several."""
    mistakes = Mistakes()
    cards: dict[str, Entry] = {}
    for name, value in (given["cards"] or {}).items():
        with mistakes.noted():
            cards |= _entries({name: value}, place)
            _refuse_number(name, cards.get(name), place)
    known = {name for name, value in (given["cards"] or {}).items() if value is not None}
    with mistakes.noted():
        if "DATE_OBS" not in known:
            place.wrong("has no DATE_OBS, expected where the begin of exposures is")
    with mistakes.noted():
        if len(chips) > 1 and "chip" not in known:
            place.wrong(f"has no chip, expected which of {len(chips)} chips it is")
    mistakes.finish()
    return cards


def _refuse_number(name: str, entry: Entry | None, place: Place) -> None:
    """Refuse cards taken together, which are a text, for a number or a moment."""
    kind = _reading.KINDS.get(name, _reading.TEXT)
    if entry is not None and entry.together and kind.type is not str:
        place.key(name).wrong("is of cards taken together, which are a text; name one keyword")


def _split(camera: Instrument, given: Mapping[str, Any] | None, place: Place) -> Instrument:
    """Return a camera whose mosaics are split, where that is wanted."""
    if given is None or not given["split"]:
        return camera
    entries = {name: Entry.of(place.key(name), given[name]) for name in ("pattern", "x", "y")}
    try:
        return _bayer.split_camera(
            camera, _bayer.Mosaic(**entries, first_row=given["first_row"])
        )
    except WrongShape as problem:
        place.wrong(f"cannot split the chip: {problem}")


def _step(given: Mapping[str, Any] | None, place: Place) -> Any:
    if given is None or given["step"] is None:
        return None
    return functools.partial(_time_between, Entry.of(place.key("step"), given["step"]))


def _time_between(entry: Entry, *headers: Mapping[str, Any]) -> float | None:
    cards = CardReader(*headers)
    found: float | None = entry.read(cards, Wanted(type=float, low=0, high=1e6), required=True)
    cards.finish("a cube of exposures", "such a camera")
    return found


def _where(given: Mapping[str, Any], tables: list[Any], place: Place) -> _regions.Regions:
    """Return which cards tell the regions of a frame."""
    named = {
        name: _entries(given[name], place.key(name)) for name in ("sections", "widths", "binning")
    }
    if named["sections"] and named["widths"]:
        place.key("widths").wrong("is there with [sections], expected one of the two")
    return _regions.Regions(
        **named,
        window=_window(given["window"] or {}, place.key("window"), single=len(tables) == 1),
        amplifiers={one["name"]: _amplifiers(one, place) for one in tables},
    )


def _parsed(text: bytes, place: Place) -> dict[str, Any]:
    if len(text) > LONGEST:
        place.wrong(f"has {len(text)} bytes, expected at most {LONGEST}")
    _require_flat(text, place)
    try:
        # some editors put a mark in front
        return tomllib.loads(text.decode("utf-8-sig"))
    except UnicodeDecodeError as problem:
        place.wrong(f"is not text in UTF-8 ({problem}), expected that; save it so")
    except (ValueError, RecursionError) as problem:
        # a ValueError that is not of TOML is of a number with thousands of digits
        place.wrong(f"cannot be read as TOML: {problem}")


def _require_flat(text: bytes, place: Place) -> None:
    """Refuse keys of very many parts: the time to read them grows with the square of that."""
    plain = re.sub(rb"[ \t]+", b"", text)
    for run in re.split(rb"[\n,={}\[\]#]", plain):
        # a row of dots, as in a comment, does not count
        parts = len(re.findall(rb"(?<=[^.])[.](?=[^.])", run))
        if parts > DEEPEST:
            place.wrong(f"has {parts} dots in one word, a key has {DEEPEST} at most")


def _tables(given: Mapping[str, Any], raw: Mapping[str, Any], place: Place) -> list[Any]:
    """Return the tables of all chips, with what they have in common filled in."""
    if not given["chip"] and not given["chips"]:
        place.wrong("has no chip, expected a table [chip], or [[chips]] for several")
    if not given["chips"]:
        return [given["chip"]]
    common = raw.get("chip", {})
    return [
        CHIP.read(place.key("chips").item(number), {**common, **own})
        for number, own in enumerate(raw["chips"], 1)
    ]


def _chips(tables: list[Any], place: Place) -> list[Chip]:
    chips: list[Chip] = []
    mistakes = Mistakes()
    for number, table in enumerate(tables, 1):
        where = place.key("chips").item(number) if len(tables) > 1 else place.key("chip")
        lacks = [key for key in ("name", "size", "gain", "read_noise") if table[key] is None]
        for key in lacks:
            with mistakes.noted():
                where.key(key).wrong(f"is missing: {CHIP.keys[key].doc}")
        with mistakes.noted():
            if not lacks:
                chips.append(_chip(table, number, where, single=len(tables) == 1))
    mistakes.finish()
    names = [chip.name for chip in chips]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        place.key("chips").wrong(f"has {twice[0]} twice, expected each name once")
    return chips


def _chip(table: Mapping[str, Any], number: int, place: Place, *, single: bool) -> Chip:
    extension = table["extension"]
    if extension is None:
        extension = 0 if single else number
    return Chip(
        name=table["name"],
        extension=extension,
        geometry=_geometry(table, place),
        gain=table["gain"],
        read_noise=table["read_noise"],
        bias_level=table["bias_level"],
        corner=table["corner"],
        read_at_top=table["read_at_top"],
        remarks=table["remarks"],
        saturation=table["saturation"],
        bits=table["bits"],
    )


def _geometry(table: Mapping[str, Any], place: Place) -> ChipGeometry:
    nx, ny = table["size"]
    whole = f"[1:{nx},1:{ny}]"
    regions = {name: table[name] for name in STRIPS}
    amplifiers = tuple(_each_amplifier(table, place))
    # where cards tell their sections, only a frame has them
    amplifiers = amplifiers if all(one.active for one in amplifiers) else ()
    told = _regions.bounding(amplifiers) if amplifiers else table["active"]
    active = told or (None if any(regions.values()) else whole)
    if active is None:
        place.key("active").wrong("is missing: with a prescan or overscan it must be told")
    _inside({"active": active, **regions}, (ny, nx), place)
    try:
        strips: dict[str, Any] = _regions.cropped(active, regions)
    except WrongShape as problem:
        place.wrong(str(problem))
    geometry = ChipGeometry(nx=nx, ny=ny, active=active, amplifiers=amplifiers, **strips)
    try:
        geometry.places()
        require_true(geometry)
    except WrongShape as problem:
        (place.key("amplifiers") if amplifiers else place).wrong(str(problem))
    return geometry


def _each_amplifier(table: Mapping[str, Any], place: Place) -> list[Amplifier]:
    found, mistakes = [], Mistakes()
    for number, one in enumerate(table["amplifiers"], 1):
        with mistakes.noted():
            found.append(_amplifier(one, table, place.key("amplifiers").item(number)))
    mistakes.finish()
    return found


def _inside(regions: Mapping[str, str | None], shape: tuple[int, int], place: Place) -> None:
    mistakes = Mistakes()
    for name, section in regions.items():
        with mistakes.noted():
            try:
                if section is not None:
                    sections.parse(section, shape)
            except WrongShape:
                place.key(name).refuse(section, f"a section inside {shape[1]} x {shape[0]} pixels")
    mistakes.finish()


def _amplifier(one: Mapping[str, Any], chip: Mapping[str, Any], place: Place) -> Amplifier:
    nx, ny = chip["size"]
    told = (one["cards"] or {}).get("active")
    if one["active"] is None and told is None:
        place.key("active").wrong("is missing: which pixels of the image it reads")
    _inside({name: one[name] for name in ("active", *STRIPS)}, (ny, nx), place)
    strips = {name: one[name] for name in STRIPS}

    def number(name: str) -> Any:
        return chip[name] if one[name] is None else one[name]

    return Amplifier(
        name=one["name"],
        active=one["active"] or "",
        **(_regions.cropped(one["active"], strips) if one["active"] else {}),
        flip_x=one["flip_x"],
        flip_y=one["flip_y"],
        gain=number("gain"),
        read_noise=number("read_noise"),
        bias_level=number("bias_level"),
        saturation=number("saturation"),
        bits=number("bits"),
        scale=number("gain") / chip["gain"],
        output=one["output"],
        crosstalk=tuple(chip["crosstalk"].get(one["name"], {}).items()),
    )


def _refuse_crosstalk(tables: list[Any], place: Place) -> None:
    """Refuse crosstalk of what is not an amplifier of the chip, or of one in itself."""
    chips = {table["name"] for table in tables}
    for table in tables:
        names = [one["name"] for one in table["amplifiers"]]
        for victim, sources in table["crosstalk"].items():
            for other in (victim, *sources):
                if other not in names:
                    place.wrong(_no_amplifier(other, names, chips))
            if victim in sources:
                place.wrong(f"has {victim!r} in itself, expected other amplifiers")


def _no_amplifier(name: str, amplifiers: Sequence[str], chips: Collection[str]) -> str:
    if name in chips:
        return (
            f"has {name!r}, a chip: crosstalk is corrected between amplifiers of one chip, not "
            "between chips, whose frames are reduced each for itself; leave it out"
        )
    if not amplifiers:
        return f"has {name!r}, and the chip has no amplifiers; describe them, or leave it out"
    return f"has {name!r}, expected one of the amplifiers {', '.join(amplifiers)}"


def _amplifiers(
    table: Mapping[str, Any], place: Place
) -> tuple[tuple[Amplifier, Mapping[str, Entry]], ...]:
    """Return the amplifiers of a chip, each with the cards that tell of it."""
    places = place.key("chip").key("amplifiers")
    return tuple(
        (_amplifier(one, table, places.item(n)), _entries(one["cards"], places.item(n)))
        for n, one in enumerate(table["amplifiers"], 1)
    )


def _entries(given: Mapping[str, Any] | None, place: Place) -> dict[str, Entry]:
    entries, mistakes = {}, Mistakes()
    for name, value in (given or {}).items():
        with mistakes.noted():
            if value is not None:
                entries[name] = Entry.of(place.key(name), value)
    mistakes.finish()
    return entries


def _window(given: Mapping[str, Any], place: Place, *, single: bool) -> Window:
    entries = _entries({word: given.get(word) for word in ("x", "y", "section")}, place)
    if "section" in entries and len(entries) > 1:
        place.key("section").wrong("is there with x or y, expected one of the two ways")
    return Window(
        entries=entries,
        first=given.get("first", 1),
        binned=given.get("binned", False),
        single=single,
    )


def _rules(given: tuple[Mapping[str, Any], ...], place: Place) -> tuple[Rule, ...]:
    if not given:
        place.key("purpose").wrong("is missing: rules that tell what exposures were taken for")
    return tuple(
        Rule(
            purpose=one["is"],
            folder=one["folder"] or (),
            cards={
                word: Condition.of(value)
                for word, value in one.items()
                if word not in ("is", "folder")
            },
        )
        for one in given
    )


def _purpose(rules: tuple[Rule, ...], camera: str, header: Mapping[str, Any], folder: str) -> str:
    return decide(rules, header, folder, camera)


def _filters(given: Mapping[str, Any], place: Place) -> dict[str, str]:
    filters = given["filters"]
    if isinstance(filters, tuple):
        names = {name: f"{given['name']}_{name.replace(' ', '_')}" for name in filters}
        for number, (name, ours) in enumerate(names.items(), 1):
            if not re.fullmatch(LABEL.pattern, ours, re.ASCII):
                place.item(number).refuse(name, f"{LABEL.wanted}; give a table to name it")
        return names
    return {
        word: ours if isinstance(ours, str) else ours["name"] for word, ours in filters.items()
    }


def _bands(filters: Any, place: Place) -> dict[str, tuple[str, float]]:
    bands = {}
    for word, ours in filters.items() if isinstance(filters, dict) else ():
        if isinstance(ours, str) or (ours["band"], ours["wavelength"]) == (None, None):
            continue
        if None in (ours["band"], ours["wavelength"]):
            place.key(word).wrong("has band or wavelength, expected both or none")
        bands[ours["name"]] = (ours["band"], ours["wavelength"])
    return bands


def _offset(site: Mapping[str, Any], place: Place) -> float:
    """Return local time minus UTC [hour] without summer time: nights are alike all the year."""
    zone = site["time_zone"]
    if zone is not None:
        try:
            clock = ZoneInfo(zone)
        except (OSError, ValueError, KeyError):
            place.key("time_zone").refuse(zone, "a time zone such as Africa/Johannesburg")
        days = (datetime(2020, month, 1, tzinfo=clock).utcoffset() for month in (1, 7))
        return min(day.total_seconds() for day in days if day is not None) / 3600
    if site["utc_offset"] is not None:
        return float(site["utc_offset"])
    if site["longitude"] is None:
        place.wrong("has neither time_zone nor utc_offset nor longitude, expected one of them")
    east = (float(site["longitude"]) + 180) % 360 - 180
    return round(east / 15, 4)


def _parameters(
    given: Mapping[str, Any], chips: list[Chip], table: Mapping[str, Any]
) -> dict[str, Any]:
    told = [one["cards"] or {} for one in table["amplifiers"]]
    strips = [
        name
        for name in METHODS
        if _in_all(chips[0], name) or any(one.get(name) for one in told)
    ]
    method = METHODS[strips[0]] if strips else 0
    said = {
        f"{product}.{name}": value
        for product, values in given["parameters"].items()
        for name, value in values.items()
    }
    return {"*.OVERSCAN_CORRECTION": method, **said}


def _in_all(chip: Chip, strip: str) -> bool:
    """Return True if a chip has a strip: an amplifier has it, and all at that or the other side.

    Where amplifiers differ in the side, `awe.calib.detector.overscan` reads the one each has.
    """
    parts = chip.amplifiers or (chip.geometry,)
    sides = [name for name in METHODS if name.endswith(strip[-2:])]
    return any(getattr(part, strip) for part in parts) and all(
        any(getattr(part, side) for side in sides) for part in parts
    )


def _method(parameters: Mapping[str, Any]) -> int:
    """Return the overscan method of biases."""
    every = parameters["*.OVERSCAN_CORRECTION"]
    return int(parameters.get("BiasFrame.OVERSCAN_CORRECTION", every))
