"""What a processing unit can run: recipes by name and the arguments each takes."""

from __future__ import annotations

from awe import recipes
from awe.dpu.options import OPTIONS
from awe.dpu.planning import chain
from awe.terminal import out

__all__ = ["Sequences"]


class Sequences:
    """The part `dpu` and `lpu` share: telling which recipes there are."""

    def get_sequence_identifiers(self) -> list[str]:
        """Return the names of all recipes, as `run` takes them."""
        return list(recipes.available())

    def show_sequence_identifiers(self) -> None:
        """Print the names of all recipes with a line about each."""
        for name in recipes.available():
            doc = (recipes.find(name).__doc__ or "").strip().splitlines()
            out(f"{name:14} {doc[0] if doc else ''}\n")

    def get_sequence_options(self, recipe: str) -> list[str]:
        """Return the names of the arguments a recipe, or a chain of recipes, takes.

        Raises
        ------
        ArgumentError
            There is no such recipe.
        """
        names: dict[str, None] = {}
        for part in chain(recipe):
            names.update((argument.name, None) for argument in recipes.find(part).arguments)
        return [*names, *OPTIONS]

    def show_sequence_options(self, recipe: str) -> None:
        """Print the arguments a recipe takes: long name, short name, what it means.

        Raises
        ------
        ArgumentError
            There is no such recipe.
        """
        for part in chain(recipe):
            out(f"{part}\n")
            for argument in recipes.find(part).arguments:
                short = argument.short or ""
                out(f"  {argument.name:16} {short:5} {argument.doc}\n")
        for name, doc in OPTIONS.items():
            out(f"  {name:16} {'':5} {doc}\n")
