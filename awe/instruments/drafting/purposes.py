"""What exposures were taken for: the rules that tell the files that are looked at apart."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from awe.errors import BadHeader
from awe.instruments._cards import CardReader
from awe.instruments._spelling import Condition, Rule, decide, spelled
from awe.instruments.drafting.conventions import LAMPS, SPELLINGS, TYPE
from awe.instruments.drafting.seen import Seen, distinct
from awe.instruments.drafting.sheet import Sheet, literal

__all__ = ["purposes"]

#: What an object or a folder is called where it tells the purpose of a calibration.
_CALLED: dict[str, tuple[str, ...]] = {
    "bias": ("bias", "bias*", "zero", "zeros", "*_bias*"),
    "dark": ("dark", "darks", "dark[!a-z]*", "*_dark"),
    "twilight": ("*sky*flat*", "*twi*flat*", "*flat*twi*", "*twilight*"),
    "dome": ("*dome*", "flat", "flats", "flat[!a-z]*", "*flat field*", "*_flat*"),
}
_OPEN = ("science",)


def purposes(sheet: Sheet, images: Sequence[Seen]) -> list[str]:
    """Write the rules, and return what each image was taken for by them."""
    # the first image of each file
    files = list({image.file: image for image in reversed(images)}.values())[::-1]
    card = _card(files)
    rules: list[tuple[dict[str, Any], str]] = []
    kinds = _kinds(files, card)
    rules += _named(files, kinds, "OBJECT")
    rules += _folders(files, kinds)
    if card is not None:
        rules += _types(files, card)
    elif any(_value(one, "EXPTIME") == 0 for one in files):
        rules.append((
            {"is": "bias", "EXPTIME": {"at_most": 0}},
            "no card is known that tells the type: an exposure of 0 s is taken for a bias",
        ))  # fmt: skip
    if card is None:
        rules.append(({"is": "science"}, "everything else is taken for science"))
    unknown = [one.file for one in files if _purpose(rules, one) is None]
    lamps = [str(value) for one in files if spelled(value := _value(one, "OBJECT"), LAMPS)]
    for rule, doubt in rules:
        sheet.section("[[purpose]]")
        if doubt:
            sheet.doubt(doubt)
        if rule["is"] == "science" and lamps:
            sheet.doubt(f"OBJECT = {lamps[0]} is not science: leave such files out")
        for name, value in rule.items():
            sheet.key(name, value)
    if unknown:
        sheet.doubt(
            f"no rule takes {unknown[0]}{_more(unknown)}, without {card}: leave such files out or "
            "add a rule"
        )
    return [_purpose(rules, image) or "science" for image in images]


def _more(names: Sequence[str]) -> str:
    return f" and {len(names) - 1} more" if len(names) > 1 else ""


def _value(image: Seen, keyword: str) -> Any:
    """Return a value of the headers of the file, where rules look, as they find it."""
    try:
        return CardReader(image.whole).find(keyword, repeated="first")
    except ValueError:
        return None


def _kind(value: Any, table: Mapping[str, Sequence[str]]) -> str | None:
    return next((name for name, some in table.items() if spelled(value, some)), None)


def _card(files: Sequence[Seen]) -> str | None:
    """Return the card of the type: the one with most known values."""
    known = {
        word: sum(_kind(_value(one, word), SPELLINGS) is not None for one in files)
        for word in TYPE
    }
    best = max(known, key=lambda word: known[word])
    return best if known[best] else None


def _kinds(files: Sequence[Seen], card: str | None) -> list[str | None]:
    return [_kind(_value(one, card), SPELLINGS) if card else None for one in files]


def _types(files: Sequence[Seen], card: str) -> list[tuple[dict[str, Any], str]]:
    """Return the rules of a card of types: usual spellings, and then those that are met."""
    met = [str(value) for value in distinct(_value(one, card) for one in files)]
    rules = []
    for name, spellings in SPELLINGS.items():
        mine = [value for value in met if _kind(value, SPELLINGS) == name]
        doubt = ""
        if name == "dome" and mine:
            doubt = (
                f"{card} = {mine[0]} is taken for a dome flat; if it is of the twilight, say "
                "twilight here"
                if not spelled(mine[0], ("*dome*", "*lamp*", "*int*"))
                else ""
            )
        rules.append(({"is": name, card: list(spellings)}, doubt))
    for value in met:
        if _kind(value, SPELLINGS) is None:
            doubt = (
                f"{card} = {value} is not known here: taken for science; say what it is, or "
                "leave such files out"
            )
            rules.append(({"is": "science", card: literal(value)}, doubt))
    return rules


def _named(
    files: Sequence[Seen], kinds: list[str | None], keyword: str
) -> list[tuple[dict[str, Any], str]]:
    """Return rules of the object, for files whose type does not tell that they are flats."""
    met: dict[str, list[str]] = {}
    for image, kind in zip(files, kinds, strict=True):
        value = _value(image, keyword)
        called = _kind(value, _CALLED)
        if called is not None and kind in (None, *_OPEN) and called != kind:
            met.setdefault(called, []).append(str(value))
    return [
        (
            {"is": name, keyword: list(_CALLED[name])},
            f"the type does not say it, {keyword} = {met[name][0]} does",
        )
        for name in _CALLED
        if name in met
    ]


def _folders(
    files: Sequence[Seen], kinds: list[str | None]
) -> list[tuple[dict[str, Any], str]]:
    """Return rules of the folder, for files about which no card says anything."""
    met: dict[str, str] = {}
    for image, kind in zip(files, kinds, strict=True):
        called = _kind(image.folder, _CALLED)
        object_ = _kind(_value(image, "OBJECT"), _CALLED)
        if called is not None and kind in (None, *_OPEN) and object_ is None:
            met.setdefault(called, image.folder)
    return [
        ({"is": name, "folder": list(_CALLED[name])},
         f"no card says it, the folder {met[name]} does")
        for name in _CALLED
        if name in met
    ]  # fmt: skip


def _purpose(rules: Sequence[tuple[dict[str, Any], str]], image: Seen) -> str | None:
    made = [
        Rule(
            purpose=rule["is"],
            folder=tuple(rule.get("folder", ())),
            cards={word: _condition(value) for word, value in rule.items()
                   if word not in ("is", "folder")},
        )
        for rule, _ in rules
    ]  # fmt: skip
    try:
        return decide(made, image.whole, image.folder, "draft")
    except BadHeader:
        return None


def _condition(value: Any) -> Condition:
    if isinstance(value, Mapping):
        return Condition(at_most=value["at_most"])
    return Condition(spellings=(value,) if isinstance(value, str) else tuple(value))
