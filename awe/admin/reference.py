"""`awe-admin reference`: the pages of `docs/reference` that are made from declarations.

Each page is a function that returns its text; names, units, defaults and meanings come from
where they are declared, so a page cannot differ from the code. It writes nothing else.
"""

from __future__ import annotations

import argparse
import inspect
import sys
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import awe.config
import awe.errors
from awe import instruments
from awe.admin.command import parser
from awe.config import Environment
from awe.db.objects.base import registry
from awe.inspect.keys import KEYS
from awe.model import parameters as declared
from awe.model.classes import load
from awe.model.mixins import QualityFlag
from awe.recipes import available, find
from awe.rules.comparison import COMPARED
from awe.rules.pixelwise import COMPARED_PIXELS
from awe.rules.quality import CHECKS

__all__ = ["PAGES", "add", "pages"]

NOTE = "<!-- made by `awe-admin reference docs/reference`; change the declarations instead -->"


def add(commands: Any) -> None:
    """Add the subcommand."""
    command = commands.add_parser("reference", help="write the reference pages")
    command.add_argument("directory", type=Path, help="where the pages go")
    command.set_defaults(run=_run)


def _run(chosen: argparse.Namespace) -> int:
    chosen.directory.mkdir(parents=True, exist_ok=True)
    for name, text in pages().items():
        (chosen.directory / name).write_text(text)
        sys.stdout.write(f"{chosen.directory / name}\n")
    return 0


def pages() -> dict[str, str]:
    """Return every page: file name -> text."""
    return {f"{name}.md": f"{NOTE}\n\n{page()}" for name, page in PAGES.items()}


def _table(head: tuple[str, ...], rows: Iterable[tuple[object, ...]]) -> str:
    lines = [head, tuple("---" for _ in head), *rows]
    return "".join("| " + " | ".join(_cell(cell) for cell in line) + " |\n" for line in lines)


def _cell(value: object) -> str:
    return " ".join(str(value).split()).replace("|", "\\|")


def _first(documented: object) -> str:
    text = inspect.getdoc(documented) or ""
    return text.split("\n\n")[0]


def classes() -> str:
    """Return the page of persistent classes and their attributes."""
    load()
    text = "# Persistent classes\n\nWhat one can query for. Units are in square brackets.\n"
    for name, cls in sorted(registry.items()):
        if not cls.__module__.startswith("awe."):
            continue
        rows = [
            (f"`{attribute}`", _type(cls, attribute), cls._attributes[attribute].__doc__)
            for attribute in cls.get_persistent_properties()
        ]
        text += f"\n## {name}\n\n{_first(cls)}\n\n{_table(('attribute', 'type', 'meaning'), rows)}"
    return text


def _type(cls: Any, attribute: str) -> str:
    name: str = cls._attributes[attribute].type_name
    return name


def recipes() -> str:
    """Return the page of recipes and their arguments."""
    text = (
        "# Recipes\n\n`dpu.run('Name', ...)`, `lpu.run('Name', ...)` and "
        "`NameTask(...).execute()` take the same arguments, by long or short name.\n"
    )
    for name, target in sorted(available().items()):
        if not target.startswith("awe."):
            continue
        task = find(name)
        rows = [
            (f"`{argument.name}`", f"`{argument.short}`" if argument.short else "",
             argument.type.__name__, argument.default, argument.doc)
            for argument in task.arguments
        ]  # fmt: skip
        head = ("argument", "short", "type", "default", "meaning")
        text += f"\n## {name}\n\n{_first(task)}\n\n{_table(head, rows)}"
    return text


def parameters() -> str:
    """Return the page of process parameters."""
    load()
    text = "# Process parameters\n\nSet them with `Pars`; a product is stored with its own.\n"
    for name in sorted(n for n in declared.__all__ if n.endswith("Parameters")):
        cls = getattr(declared, name)
        if not cls.product:
            continue
        rows = [
            (f"`{key}`", p.default, p.unit, p.range, p.doc) for key, p in cls.declarations.items()
        ]
        head = ("parameter", "default", "unit", "accepted", "meaning")
        text += f"\n## {cls.product}\n\n{_table(head, rows)}"
        for instrument in instruments.shipped():
            changed = {
                key: value
                for key, value in cls.defaults(instrument).items()
                if value != cls.declarations[key].default
            }
            if changed:
                listed = ", ".join(f"`{key}` {value}" for key, value in changed.items())
                text += f"\n{instrument}: {listed}.\n"
    return text


def hotkeys() -> str:
    """Return the page of hot-keys of the inspect window."""
    rows = [(f"`{key.key}`", key.title, key.doc) for key in KEYS.values()]
    return f"# Hot-keys of `inspect()`\n\n{_table(('key', 'tool', 'what it does'), rows)}"


def errors() -> str:
    """Return the page of errors."""
    module = awe.errors
    rows = [
        (f"`{name}`", ", ".join(b.__name__ for b in getattr(module, name).__bases__[1:]),
         _first(getattr(module, name)))
        for name in module.__all__
        if inspect.isclass(getattr(module, name))
    ]  # fmt: skip
    return f"# Errors\n\n{_table(('name', 'also a', 'when'), rows)}"


def configuration() -> str:
    """Return the page of configuration keys."""
    kinds = Environment.kinds()
    rows = [
        (f"`{name}`", f"`AWE_{name.upper()}`", kinds[name].text, doc)
        for name, doc in Environment.keys_declared().items()
    ]
    head = ("key", "environment variable", "values", "meaning")
    intro = _first(awe.config)
    rest = (awe.config.__doc__ or "").split("\n\n", 1)[1]
    return f"# Configuration\n\n{intro}\n\n{rest}\n{_table(head, rows)}"


def flags() -> str:
    """Return the page of reason bits."""
    from awe.calib.flags import PixelFlag

    rows = [
        (int(flag).bit_length() - 1, f"`{flag.name}`", f"`{flag.key}`", flag.text)
        for flag in PixelFlag
    ]
    head = ("bit", "name", "header card", "meaning")
    return (
        "# Reason bits\n\nExtension MASK of a product: 0 where the pixel may be used. The weight "
        f"is 0 if and only if a bit is set.\n\n{_table(head, rows)}"
    )


def quality() -> str:
    """Return the page of the bits of `quality_flags`."""
    limits: dict[QualityFlag, list[str]] = {}
    for check in CHECKS:
        limits.setdefault(check.flag, []).append(check.parameter)
    limits[QualityFlag.CHANGED] = [
        *filter(None, COMPARED.values()), *(one for one, *_ in COMPARED_PIXELS.values())
    ]  # fmt: skip
    rows = [
        (int(flag), f"`{flag.name}`", flag.text,
         ", ".join(f"`{name}`" for name in dict.fromkeys(limits.get(flag, []))))
        for flag in QualityFlag
    ]  # fmt: skip
    return (
        "# Bits of `quality_flags`\n\nThe verdict of the system on a product; 0 is fine. Bits add "
        "up: 10 is `NOISE` and `FEW_INPUTS`; `explain(10)` of `awe.model.mixins.QualityFlag` "
        "names them. A calibration with any bit is never chosen. Limits are [process parameters]"
        "(parameters.md) of the class.\n\n"
        + _table(("value", "name", "meaning", "limits"), rows)
    )


def commands() -> str:
    """Return the page of the commands of `awe-admin`."""
    rows = [(f"`awe-admin {name}`", text) for name, text in _subcommands(parser(), "")]
    return f"# awe-admin\n\n{_table(('command', 'what it does'), rows)}"


def _subcommands(made: argparse.ArgumentParser, before: str) -> Iterator[tuple[str, str]]:
    for action in made._actions:
        if not isinstance(action, argparse._SubParsersAction):
            continue
        texts = {choice.dest: choice.help for choice in action._choices_actions}
        for name, command in action.choices.items():
            yield f"{before}{name}", texts.get(name) or ""
            yield from _subcommands(command, f"{before}{name} ")


PAGES: dict[str, Callable[[], str]] = {
    "classes": classes,
    "recipes": recipes,
    "parameters": parameters,
    "hotkeys": hotkeys,
    "errors": errors,
    "configuration": configuration,
    "flags": flags,
    "quality": quality,
    "commands": commands,
}
"""The pages, by file name without its ending."""
