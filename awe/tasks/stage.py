"""`Stage`: one step of a recipe in words, and the steps that several recipes begin with."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["FLATTEN", "LEVELS", "LIT", "READ", "SCREENED", "SKIES", "Stage"]


@dataclass(frozen=True, kw_only=True)
class Stage:
    """One step of a recipe.

    Attributes
    ----------
    name, text : str
        Its name and what it does.
    unit : str
        Unit of the pixels after it.
    required : bool
        Whether it cannot be left out.
    argument : str
        Arguments of the recipe that ask for this step; empty if none does.
    state : str
        What the call in hand makes of it, where that is not simply to do it.
    """

    name: str
    text: str
    unit: str = "ADU"
    required: bool = False
    argument: str = ""
    state: str = ""


_NIGHT = Stage(name="night", text="leave out frames of another night than most", unit="raw ADU")
_WINDOW = Stage(
    name="window", text="leave out frames of another window, binning or read mode",
    unit="raw ADU", required=True,
)  # fmt: skip
LEVELS = Stage(
    name="levels", text="leave out frames with too little light or too much", unit="raw ADU"
)
READ = Stage(
    name="read", text="trim, subtract the electronic level, leave out what cannot be read",
    required=True,
)  # fmt: skip
_ALIKE = (
    Stage(name="copies", text="leave out frames with the pixels of another"),
    Stage(name="alike", text="leave out frames unlike the others, of four or more"),
)
FLATTEN = Stage(
    name="flatten", text="subtract the master bias, divide by the flat", required=True
)

#: The steps of choosing raw frames that are combined (`awe.tasks.screening.screen`).
SCREENED = (_NIGHT, _WINDOW, READ, *_ALIKE)
#: The same for frames with light in them.
LIT = (_NIGHT, _WINDOW, LEVELS, READ, *_ALIKE)
#: The steps of `awe.tasks.skies.skies`: the frames may be of several nights.
SKIES = (
    *LIT[1:],
    FLATTEN,
    Stage(name="sources", text="take the pixels of stars and galaxies out"),
)
