"""`lpu` at the prompt: the call of `dpu.run`, worked off in this process and this directory."""

from __future__ import annotations

from typing import Any

from awe import recipes
from awe.dpu.planning import plan
from awe.dpu.sequences import Sequences

__all__ = ["LocalProcessor"]


class LocalProcessor(Sequences):
    """Runs recipes here and now; files stay in the working directory."""

    def run(self, recipe: str, **arguments: Any) -> list[Any]:
        """Run a recipe, or a chain of them, and return what was made.

        Parameters
        ----------
        recipe : str
            Name of a recipe such as `'Reduce'`, or a chain such as `'ReadNoise>Bias'`.
        **arguments
            Arguments of the recipe by long or short name; `commit=True` keeps the products.

        Raises
        ------
        ArgumentError
            The recipe or an argument is unknown, missing, or of the wrong type.

        Examples
        --------
        >>> lpu.run("Reduce", instrument="OMEGACAM", raw_filenames=names)  # doctest: +SKIP
        """
        made: list[Any] = []
        for job in plan(recipe, arguments, "local").jobs:
            made.extend(recipes.find(job["recipe"])(**job["args"]).execute() or [])
        return made

    def __repr__(self) -> str:
        return "lpu: runs recipes in this process; lpu.run('Reduce', ...) as dpu.run does"
