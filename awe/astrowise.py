"""Names of Astro-WISE that awe has not, or not yet, and what to use instead.

The prompt ends a `NameError` with it, recipes that do not exist are refused with it, and the
import names of Astro-WISE (`astro`, `common`, `darma`: the distribution `awe-astrowise`) give
placeholders for these names, whose first use says the same line.
"""

from __future__ import annotations

__all__ = ["INSTEAD", "LAYER", "PACKAGES", "of_module", "of_name", "of_recipe"]

#: Packages of the distribution, and how it is installed.
PACKAGES = ("astro", "common", "darma")
LAYER = "`pip install ./astrowise` in a clone of awe"

_ASTROMETRY = "awe has AstrometricParameters, and GAstrometric of many frames; recipe GAstrom"
_PHOTOMETRY = (
    "awe has PhotSrcCatalog, PhotometricParameters and AtmosphericExtinction; recipe Photom"
)
_SOURCES = (
    "awe has no trees of source collections; SourceList, Sources() and AssociateList hold "
    "sources and find them"
)
_GALAXIES = "awe does not fit galaxies; red.to_ccddata() goes to GALFIT, statmorph or photutils"
_FIGURES = "awe keeps no figures; red.inspect() draws them, red.preview() is the small picture"

#: Classes and tasks by name.
INSTEAD: dict[str, str] = {
    **dict.fromkeys(
        ("AstrometricCorrection", "GAstromSourceList", "GAstrom"),
        _ASTROMETRY,
    ),
    **dict.fromkeys(
        ("PhotRefCatalog", "PhotSkyBrightness", "PhotometricReport",
         "AtmosphericExtinctionCoefficient", "AtmosphericExtinctionCurve"),
        _PHOTOMETRY,
    ),
    "SourceCollection": _SOURCES,
    **dict.fromkeys(("GalFitModel", "GalPhotModel", "GalFitList", "GalPhotList"), _GALAXIES),
    "IlluminationVerifyTask": "awe does not verify illumination corrections; "
    "IlluminationCorrection holds them",
    "InspectFigure": _FIGURES,
    "Image": "awe keeps one chip in a file; query.retrieve() brings those of an exposure",
}  # fmt: skip

#: Recipes by identifier.
RECIPES: dict[str, str] = {
    **dict.fromkeys(("GalFit", "GalPhot"), _GALAXIES),
    "IlluminationVerify": INSTEAD["IlluminationVerifyTask"],
}  # fmt: skip


def of_name(name: str) -> str:
    """Return what to use instead of a name of Astro-WISE, empty for other names.

    Parameters
    ----------
    name : str
        Name of a class or task, such as `'PhotSrcCatalog'`.
    """
    return INSTEAD.get(name, "")


def of_recipe(identifier: str) -> str:
    """Return what to use instead of a recipe of Astro-WISE, empty for other recipes.

    Parameters
    ----------
    identifier : str
        Identifier of the recipe, such as `'Photom'`.
    """
    return RECIPES.get(identifier.removesuffix("Task"), "")


def of_module(name: str) -> str:
    """Return how a module of Astro-WISE is installed, empty for other modules.

    Parameters
    ----------
    name : str
        Name that could not be imported, such as `'astro.main'`.
    """
    if name not in PACKAGES:
        return ""
    return f"the prompt has the names without an import; {LAYER} brings the old import names"
