"""Arguments of tasks: declared once with long and short name, type, unit and meaning."""

from __future__ import annotations

import datetime
import inspect
import math
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from awe import dates
from awe.errors import ArgumentError, nearest
from awe.tasks.tables import Table, as_table

__all__ = ["COMMON", "Argument", "bind", "common", "describe", "refuse_paths",
           "signature"]  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class Argument:
    """One argument of a task.

    Attributes
    ----------
    name, short : str
        Long name, and the short one that `dpu.run` and tasks accept too.
    type : type
        Type of the value: str, int, float, bool, dict, list (of str), `datetime.datetime` or
        `Table`.
    doc : str
        What the argument selects or does.
    default : object
        Value if the argument is not given; None selects everything.
    unit : str
        Unit of the value; empty if it has none.
    low, high : int or float or None
        Smallest and largest accepted value.
    required : bool
        Whether the task refuses to start without it.
    """

    name: str
    type: type
    doc: str
    short: str = ""
    default: Any = None
    unit: str = ""
    low: float | None = None
    high: float | None = None
    required: bool = False

    def check(self, value: Any) -> Any:
        """Return the value in the declared type.

        Raises
        ------
        ArgumentError
            The value is of another type or out of range.
        """
        if value is None:
            return None
        if self.type is Table:
            return as_table(value, self.name)
        converted = _convert(self.type, value)
        if converted is None:
            msg = (
                f"argument {self.name} expects {_in_words(self.type)}, "
                f"got {_short(value)} ({type(value).__name__})"
            )
            raise ArgumentError(msg)
        outside = self.low is not None and converted < self.low
        if outside or (self.high is not None and converted > self.high):
            msg = f"argument {self.name} expects {self.range}, got {value!r}"
            raise ArgumentError(msg)
        return converted

    @property
    def range(self) -> str:
        """The numbers accepted, in words."""
        if self.high is None:
            return f"{self.low} or more"
        return f"{self.high} or less" if self.low is None else f"{self.low} to {self.high}"


def refuse_paths(
    owner: str, arguments: tuple[Argument, ...], keywords: Mapping[str, Any]
) -> None:
    """Refuse what a job was sent in place of a table: a job opens no file of its submitter's.

    Raises
    ------
    ArgumentError
        There is text where columns are expected.
    """
    for argument in arguments:
        for name in (argument.name, argument.short):
            if argument.type is Table and isinstance(keywords.get(name), str):
                msg = (
                    f"argument {name} of {owner} is a path: a job takes the table itself, as "
                    "dpu.run sends it"
                )
                raise ArgumentError(msg)


def _convert(wanted: type, value: Any) -> Any:
    """Return the value as the wanted type, or None; a number of numpy is a number."""
    value = plain_number(value)
    if wanted is bool:
        return bool(value) if isinstance(value, int | float) and value in (0, 1) else None
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if wanted is list:
        return _names(value)
    if wanted is datetime.date:
        return _night(value)
    if wanted is datetime.datetime:
        return _moment(value)
    if wanted is float and isinstance(value, int) and not isinstance(value, bool):
        return float(value) if abs(value) <= sys.float_info.max else None
    if wanted is int and isinstance(value, bool):
        return None
    if wanted is dict and isinstance(value, Mapping):
        return dict(value) if all(isinstance(key, str) for key in value) else None
    return value if isinstance(value, wanted) else None


def plain_number(value: Any) -> Any:
    """Return a scalar of numpy as Python's own, without importing numpy; others as they are."""
    if getattr(value, "shape", None) == () and hasattr(value, "dtype") and hasattr(value, "item"):
        return value.item()
    return value


def _names(value: Any) -> list[str] | None:
    if not isinstance(value, Iterable):
        return None
    values = [value] if isinstance(value, str) else list(value)
    return values if values and all(isinstance(item, str) for item in values) else None


def _night(value: Any) -> str | None:
    try:
        return dates.night(value).isoformat()
    except ValueError:
        return None


def _moment(value: Any) -> datetime.datetime | None:
    try:
        return dates.moment(value)
    except (ValueError, OverflowError):
        return None


def _short(value: Any) -> str:
    """Return a value on one line of a message."""
    text = " ".join(repr(value).split())
    return text if len(text) <= 80 else f"{text[:77]}..."


def _in_words(wanted: type) -> str:
    return {
        list: "a name or a list of names, as [raw.filename for raw in query]",
        dict: "a dictionary of names and values, as Pars(...).get()",
        bool: "True or False",
        Table: "the path of a CSV file, an astropy Table or a dictionary of columns",
        datetime.date: "a night as 'CCYY-MM-DD'",
        datetime.datetime: "a moment as 'CCYY-MM-DDThh:mm:ss'",
    }.get(wanted, wanted.__name__)


COMMON = {
    argument.name: argument
    for argument in (
        Argument(
            name="instrument", short="i", type=str, required=True, doc="camera, e.g. 'OMEGACAM'"
        ),
        Argument(
            name="date",
            short="d",
            type=datetime.date,
            doc="night that began on this date at the telescope, 'CCYY-MM-DD'",
        ),
        Argument(name="filter", short="f", type=str, doc="filter, e.g. 'OCAM_r_SDSS'"),
        Argument(name="chip", short="c", type=str, doc="detector, e.g. 'ESO_CCD_#65'"),
        Argument(name="object", short="o", type=str, doc="name of the target, with * and ?"),
        Argument(
            name="template",
            type=datetime.datetime,
            doc="start of the observing template, 'CCYY-MM-DDThh:mm:ss' UTC",
        ),
        Argument(name="raw_filenames", short="raw", type=list, doc="names of raw frames"),
        Argument(name="red_filenames", short="red", type=list, doc="names of reduced frames"),
        Argument(
            name="overscan",
            short="oc",
            type=int,
            low=0,
            high=10,
            doc="overscan method, 0 to 10; by default the parameter OVERSCAN_CORRECTION (6)",
        ),
        Argument(name="pars", type=dict, doc="process parameters that differ: Pars(...).get()"),
        Argument(
            name="commit",
            short="C",
            type=bool,
            default=False,
            doc="store and commit the products; False is a dry run that does all but this",
        ),
        Argument(
            name="skip",
            type=bool,
            default=False,
            doc="leave out what is already made with the same inputs, parameters and code",
        ),
        Argument(
            name="go_without",
            type=list,
            doc="calibrations to go on without if none fits: their roles, as "
            "'flat', or 'all'; products carry the bit MISSING",
        ),
        Argument(
            name="workers",
            type=int,
            low=1,
            high=64,
            doc="threads that share chips and frames at the prompt; by default one per core, at "
            "most 4, and 1 for recipes of your own; jobs of the DPU have one",
        ),
        Argument(
            name="stop_after",
            type=str,
            doc="step to stop after: execute() returns the frames as they are then and makes no "
            "product; steps() lists the names",
        ),
        Argument(
            name="leave_out",
            type=list,
            doc="steps that are not done; products carry the bit INCOMPLETE",
        ),
        Argument(
            name="keep",
            type=list,
            doc="steps after which the frame is kept as a file here, and in task.kept; 'all' for "
            "each",
        ),
    )
}


def common(*names: str) -> tuple[Argument, ...]:
    """Return shared arguments by name."""
    return tuple(COMMON[name] for name in names)


def bind(
    owner: str, arguments: tuple[Argument, ...], keywords: Mapping[str, Any]
) -> dict[str, Any]:
    """Return long name -> checked value for every declared argument.

    Raises
    ------
    ArgumentError
        A name is unknown or given twice, a value does not fit, or a required one is missing.
    """
    by_name = {a.name: a for a in arguments} | {a.short: a for a in arguments if a.short}
    values = {argument.name: argument.default for argument in arguments}
    given: set[str] = set()
    for name, value in keywords.items():
        argument = by_name.get(name)
        if argument is None:
            hint = nearest(name, list(by_name))
            known = ", ".join(values)
            msg = f"{owner} has no argument {name!r}{hint}; it has: {known}"
            raise ArgumentError(msg)
        if argument.name in given:
            msg = f"argument {argument.name} of {owner} is given twice; leave one out"
            raise ArgumentError(msg)
        given.add(argument.name)
        values[argument.name] = argument.check(value)
    for argument in arguments:
        if argument.required and values[argument.name] is None:
            msg = f"{owner} expects {argument.name} ({argument.doc})"
            raise ArgumentError(msg)
    return values


def signature(arguments: tuple[Argument, ...]) -> inspect.Signature:
    """Return the signature of a task with these arguments, for help and completion."""
    return inspect.Signature(
        [
            inspect.Parameter(
                argument.name,
                inspect.Parameter.KEYWORD_ONLY,
                default=inspect.Parameter.empty if argument.required else argument.default,
            )
            for argument in arguments
        ]
    )


def describe(arguments: tuple[Argument, ...]) -> str:
    """Return the numpydoc section of the arguments."""
    lines = ["Parameters", "----------"]
    for argument in arguments:
        short = f" ({argument.short})" if argument.short else ""
        need = "required" if argument.required else f"default {argument.default}"
        unit = f" [{argument.unit}]" if argument.unit else ""
        kind = _in_words(argument.type).partition(", as")[0]
        if argument.low is not None or argument.high is not None:
            kind += f", {argument.range}"
        lines.append(f"{argument.name}{short} : {kind}, {need}")
        lines.append(f"    {argument.doc}{unit}")
    return "\n".join(lines)
