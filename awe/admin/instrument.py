"""`awe-admin instrument new|list|show|check|crosstalk|update|enter`: cameras."""

from __future__ import annotations

import argparse
import re
from collections import Counter
from collections.abc import Iterator
from contextlib import closing, suppress
from pathlib import Path
from typing import Any

from awe import columns, instruments
from awe.errors import ArgumentError, AweError, ConfigError, NotFound, nearest
from awe.ingest import couplings, draft, odd, sources, trial
from awe.instruments import models
from awe.model import cameras, released
from awe.model import parameters as declared
from awe.model.classes import load
from awe.services.installation import Installation
from awe.services.logins import superuser
from awe.terminal import out

__all__ = ["add"]

#: files that are looked at for a draft
MOST = 60
#: filters that the list of cameras names
LISTED = 8


def add(commands: Any) -> None:
    """Add the subcommands."""
    instrument = commands.add_parser(
        "instrument", help="cameras: new, list, show, check, crosstalk, update, enter"
    )
    verbs = instrument.add_subparsers(title="verbs", metavar="VERB", required=True)
    verb = verbs.add_parser("new", help="draft the description of a camera from its files")
    verb.add_argument(
        "files", nargs="*", metavar="FILE",
        help="biases, flats and science frames of one camera, or a folder of them",
    )  # fmt: skip
    verb.add_argument(
        "--like", metavar="MODEL", help=f"one of a known model: {', '.join(models.available())}"
    )
    verb.add_argument("--time-zone", help="where it is: Europe/Amsterdam")
    verb.add_argument("--pixel-scale", type=float, help="of a pixel without binning [arcsec]")
    verb.add_argument("--name", help="what the camera is called; from its headers if left out")
    verb.add_argument("--print", action="store_true", help="show it, and write no file")
    verb.set_defaults(run=_new)
    verb = verbs.add_parser("list", help="all cameras and the files that describe them")
    verb.set_defaults(run=_list)
    verb = verbs.add_parser("show", help="one camera: its chips, filters, parameters")
    verb.add_argument("name")
    verb.set_defaults(run=_show)
    verb = verbs.add_parser("check", help="descriptions, and what exposures become by them")
    verb.add_argument(
        "files", nargs="*", metavar="FILE",
        help="exposures, patterns or folders of them, or descriptions (.toml); without any, all "
        "descriptions",
    )  # fmt: skip
    verb.add_argument(
        "--picture", metavar="PNG", type=Path, help="draw the regions of the first exposure"
    )
    verb.set_defaults(run=_check)
    verb = verbs.add_parser("crosstalk", help="what amplifiers see of each other, from exposures")
    verb.add_argument(
        "files", nargs="+", metavar="FILE", help="exposures with bright stars, not saturated"
    )
    verb.set_defaults(run=_crosstalk)
    verb = verbs.add_parser("update", help="replace the description of a camera in the database")
    verb.add_argument("name")
    verb.set_defaults(run=_update)
    verb = verbs.add_parser("enter", help="let everybody refer to a camera that comes with awe")
    verb.add_argument("name")
    verb.set_defaults(run=_enter)


def _new(chosen: argparse.Namespace) -> int:
    if chosen.like is not None:
        return _like(chosen)
    if not chosen.files:
        msg = (
            "no file was given; name biases, flats and science frames, two of each, or --like "
            f"{' or '.join(models.available())}"
        )
        raise ArgumentError(msg)
    with sources.opened(chosen.files) as files:
        name, sheet = draft.draft(
            files[:MOST], _name(chosen.name), chosen.time_zone, chosen.pixel_scale
        )
        if chosen.print:
            out(sheet.text())
            return 0
        path = _written(name, sheet.text())
        out(f"{path}: drafted from {min(len(files), MOST)} of {len(files)} file(s)\n")
        doubts = list(dict.fromkeys(sheet.doubts))
        for doubt in doubts:
            out(f"  doubt: {doubt}\n")
        return _tried([path], files[:MOST], None, short=True, doubts=len(doubts))


def _like(chosen: argparse.Namespace) -> int:
    """Write the description of a camera of a known model, and try it on the files given."""
    name = _name(chosen.name) or chosen.like.upper()
    text = models.described(chosen.like, name, chosen.time_zone, chosen.pixel_scale)
    if chosen.print:
        out(text)
        return 0
    path = _written(name, text)
    out(f"{path}: one of the model {chosen.like.upper()}; gain and noise are those of the maker\n")
    if not chosen.files:
        return _tried([path], [], None)
    with sources.opened(chosen.files) as files:
        return _tried([path], files[:MOST], None, short=True)


def _written(name: str, text: str) -> Path:
    """Write the description of a new camera of the user's own and return its file."""
    path = instruments.own_directory() / f"{name.lower()}.toml"
    if name in instruments.files():
        msg = (
            f"{instruments.files()[name]}: {name} is described already; choose --name, or "
            "move it away"
        )
        raise ArgumentError(msg)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


def _update(chosen: argparse.Namespace) -> None:
    name = chosen.name.upper()
    text = instruments.own_text(name)
    if text is None:
        path = instruments.own_directory() / f"{name.lower()}.toml"
        msg = (
            f"{name} comes with awe, and the database has no description of it"
            if name in instruments.shipped()
            else f"{name} has no file of yours: expected {path}"
        )
        raise NotFound(msg)
    with closing(superuser(Installation())) as connection:
        state = cameras.replace(connection, name, text)
    out(f"{name}: {state}\n")


def _enter(chosen: argparse.Namespace) -> int:
    name = chosen.name.upper()
    with closing(superuser(Installation())) as connection:
        left = released.enter(connection, name)
    for line in left:
        out(f"{line}: left alone\n")
    if not left:
        out(f"{name}, its chips and filters are in the database, for everybody to see\n")
    return int(bool(left))


def _crosstalk(chosen: argparse.Namespace) -> None:
    with sources.opened(chosen.files) as files:
        found = couplings.measured(files)
    for chip, pairs in found.items():
        rows = [
            (one.victim, one.source, f"{one.fraction:+.2e}", f"{one.error:.1e}", str(one.pixels),
             _mirrored(one.mirrored))
            for one in pairs
        ]  # fmt: skip
        if not rows:
            out(f"{chip}: no amplifier has light bright enough; take frames with bright stars\n")
            continue
        heads = ("amplifier", "sees of", "fraction", "error", "pixels", "mirrored")
        out(f"{chip}\n{columns.text(heads, rows)}\n")
        keys = couplings.table(pairs)
        turned = any(any(one.mirrored) and one.significance > couplings.CLEAR for one in pairs)
        if keys:
            out(f"for [chip], or its [[chips]], in the description:\n{keys}")
        elif not turned:
            out("none is clearly seen: nothing has to be described\n")
        if turned:
            out("what is mirrored: give its amplifiers the corners they are read from (output = "
                "'lower right'), and measure again\n")


def _mirrored(turn: tuple[bool, bool]) -> str:
    return " and ".join(name for name, yes in zip(("columns", "rows"), turn, strict=True) if yes)


def _name(name: str | None) -> str | None:
    if name is not None and not re.fullmatch(r"[A-Z][A-Z0-9_]{0,31}", name.upper(), re.ASCII):
        msg = f"--name {name}: expected letters, digits and _, beginning with a letter, 32 at most"
        raise ArgumentError(msg)
    return name and name.upper()


def _list(chosen: argparse.Namespace) -> None:
    rows = []
    for name, path in sorted(instruments.files().items()):
        try:
            camera = instruments.load(path)
        except ConfigError as problem:
            rows.append((name, "", "", "", str(problem)))
            continue
        chips = str(len(camera.chips))
        filters = list(dict.fromkeys(camera.filters.values()))
        more = f" and {len(filters) - LISTED} more" if len(filters) > LISTED else ""
        named = " ".join(filters[:LISTED]) + more
        rows.append((name, camera.telescope, chips, named, str(path)))
    out(columns.text(("camera", "telescope", "chips", "filters", "file"), rows) + "\n")
    out(f"models, for instrument new --like: {', '.join(models.available())}\n")


def _show(chosen: argparse.Namespace) -> None:
    name = chosen.name.upper()
    model = name in models.available() and name not in instruments.files()
    path = models.file(name) if model else instruments.files().get(name)
    camera = instruments.load(models.file(name)) if model else instruments.get(name)
    known = camera.recognised_by or {"INSTRUME": (camera.name,)}
    spellings = "; ".join(f"{word} = {' or '.join(some)}" for word, some in known.items())
    out(f"{camera.name} at {camera.telescope or 'a telescope without a name'}\n")
    out(f"a model, for --like {name}: {path}\n" if model else f"described in {path}\n")
    out(f"recognised by {spellings}\n")
    out(f"{camera.pixel_scale:g} arcsec a pixel, UTC {camera.utc_offset:+g} h\n")
    out(f"filters: {', '.join(f'{a} is {b}' for a, b in camera.filters.items()) or 'none'}\n")
    changed = ", ".join(f"{key} {value}" for key, value in camera.parameters.items())
    out(f"parameters that differ: {changed or 'none'}\n")
    limits = ", ".join(f"{key} {value}" for key, value in camera.limits.items())
    out(f"limits that follow from its numbers: {limits or 'none'}\n")
    rows = [
        (chip.name, f"{chip.geometry.nx} x {chip.geometry.ny}", chip.geometry.active,
         f"{chip.gain:g}", f"{chip.read_noise:g}", f"{chip.saturated(float('inf')):g}",
         str(len(chip.amplifiers) or 1))
        for chip in camera.chips.values()
    ]  # fmt: skip
    heads = ("chip", "pixels", "with light", "gain [e-/ADU]", "noise [e-]", "full [ADU]", "amps")
    out(columns.text(heads, rows) + "\n")


def _check(chosen: argparse.Namespace) -> int:
    if not chosen.files:
        own = [path for path in instruments.files().values() if path.suffix == ".toml"]
        return _tried(own, [], chosen.picture)
    with sources.opened(chosen.files) as files:
        descriptions = [path for path in files if path.suffix == ".toml"]
        exposures = [path for path in files if path.suffix != ".toml"]
        return _tried(descriptions, exposures, chosen.picture)


def _tried(
    descriptions: list[Path], exposures: list[Path], target: Path | None, *, short: bool = False,
    doubts: int = 0,
) -> int:  # fmt: skip
    """Print what descriptions and exposures are; return 1 if one of them is refused."""
    wrong = sum(_described(path) for path in descriptions)
    drawn = target is None
    looks: list[odd.Look] = []
    for path in exposures:
        try:
            lines, number = trial.trial(path, looks)
            if target is not None and not drawn:
                lines.append(f"  drawn: {trial.picture(path, target)}")
                drawn = True
        except (AweError, OSError) as problem:
            text = str(problem)
            out(f"{text if text.startswith(str(path)) else f'{path}: {text}'}\n")
            wrong += 1
            continue
        doubts += number
        out("\n".join(lines[:1] if short and not number else lines) + "\n")
    for doubt in odd.odd(looks):
        out(f"doubt: {doubt}\n")
        doubts += 1
    right = len(descriptions) + len(exposures) - wrong
    wrong += sum(_untried({look.chip for look in looks}, descriptions))
    out(f"{right} right, {wrong} refused, {doubts} doubt(s)\n")
    return 1 if wrong else 0


def _untried(chips: set[str], tried: list[Path]) -> Iterator[bool]:
    """Print what is wrong in descriptions of these chips that were not tried themselves."""
    for path in set(instruments.files().values()) - set(tried):
        with suppress(ConfigError):
            camera = instruments.load(path)
            if chips.isdisjoint(camera.chips):
                continue
            try:
                _check_parameters(path, camera)
                _check_names(path, camera)
            except (ConfigError, NotFound) as problem:
                out(f"{problem}\n")
                yield True


def _described(path: Path) -> bool:
    """Print whether a description is right; return True if it is wrong."""
    try:
        camera = instruments.load(path)
        _check_parameters(path, camera)
        _check_names(path, camera)
    except (ConfigError, NotFound) as problem:
        out(f"{problem}\n")
        return True
    out(f"{path}: {camera.name} with {len(camera.chips)} chip(s) is well described\n")
    return False


def _check_parameters(path: Path, camera: instruments.Instrument) -> None:
    load()
    classes = {
        cls.product: cls
        for name in declared.__all__
        if name.endswith("Parameters") and (cls := getattr(declared, name)).product
    }
    for key, value in camera.parameters.items():
        product, _, name = key.partition(".")
        if product == "*":
            continue
        if product not in classes:
            hint = nearest(product, list(classes))
            msg = f"{path}: parameters.{key}: there is no class {product!r} with parameters{hint}"
            raise ConfigError(msg)
        try:
            classes[product].check(name, value)
        except AweError as problem:
            msg = f"{path}: parameters.{key}: {problem}"
            raise ConfigError(msg) from problem


def _check_names(path: Path, camera: instruments.Instrument) -> None:
    """Refuse names of chips and filters that another camera has: queries could not tell them."""
    for other in instruments.available():
        if other == camera.name:
            place = instruments.files()[other]
            if place.resolve() != path.resolve():
                msg = f"{path}: {camera.name} is described in {place}, which goes first; rename it"
                raise ConfigError(msg)
            continue
        try:
            theirs = instruments.get(other)
        except ConfigError:
            continue
        names = Counter([*camera.chips, *set(camera.filters.values())])
        names.update([*theirs.chips, *set(theirs.filters.values())])
        twice = [name for name, number in names.items() if number > 1]
        if twice:
            msg = f"{path}: {twice[0]} is a name {other} has too; choose another"
            raise ConfigError(msg)
