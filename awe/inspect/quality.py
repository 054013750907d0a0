"""`product.plot()`: the quality plot of a product, its own for every kind.

Images get their picture, the profile along rows and columns and the distribution of their
pixels; pixel maps the places of the bad pixels and their number in every row and column;
measured numbers their history over the previous versions; fits their surface; solutions the
residuals of their stars, source lists their sources, associations
how far their sources are apart. Every plot has the verdict in words, its
units, and the limits a product was judged by where it has such. Importing this module loads no
plotting library.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from awe.inspect import photplots
from awe.inspect import tableplots as tables
from awe.inspect.shown import present
from awe.inspect.tableplots import INK, LIMIT

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from numpy.typing import NDArray

__all__ = ["NUMBERS", "plot"]

#: previous versions a history goes back
VERSIONS = 30

#: pixels that suffice for a distribution
SAMPLE = 500_000

#: numbers of which a product without an image shows the history, with their units
NUMBERS = {
    "read_noise": "ADU",
    "gain": "e-/ADU",
    "dark_current": "ADU/pixel/hour",
    "linearity": "fraction",
    "rms": "mag",
    "coefficient": "mag",
    "color_term": "",
}

#: numbers named above a plot, where a product has them, with their units
NAMED = {"lamp_ratio": "of the master", "noise": "per pixel", "psf_radius": "arcsec"}

#: limit of a number where it is not MAXIMUM_<NUMBER>
LIMITS = {"linearity": "MAXIMUM_DEVIATION"}

#: bad pixels that are drawn as dots; more of them are drawn as a picture
DOTS = 20_000


def plot(self: Any, path: str | Path | None = None) -> Figure:
    """Draw the quality plot of the product.

    On a screen a window opens; in a notebook the figure is drawn in place; elsewhere a PNG file
    is written into the working directory and named.

    Parameters
    ----------
    path : str or Path, optional
        Write the figure here instead, as PNG, PDF or SVG by its ending.

    Returns
    -------
    Figure
        The matplotlib figure.
    """
    return present(
        lambda: _figure(self), path, name=f"{_name(self)}-quality.png",
        title=f"quality plot of {_name(self)}",
    )  # fmt: skip


def _figure(product: Any) -> Figure:
    from matplotlib import pyplot as plt

    figure = plt.figure(figsize=(10.5, 6.5), layout="constrained")
    figure.suptitle(_title(product), fontsize=10, color=INK)
    draw: Callable[[Figure, Any], None] = _history
    if "coefficients" in _has(product):
        draw = _surface
    elif "count" in _has(product):
        draw = _bad_pixels
    elif "photcats" in _has(product):
        draw = photplots.night
    elif "raw_zeropnt" in _has(product):
        draw = photplots.standards
    elif {"RMS_LEFT_OUT", "solutions"} & _has(product):
        draw = tables.residuals
    elif "associate_count" in _has(product):
        draw = tables.associations
    elif "source_count" in _has(product):
        draw = tables.sources
    elif "filename" in _has(product):
        draw = _image
    draw(figure, product)
    return figure


def _has(product: Any) -> set[str]:
    return set(product.get_persistent_properties())


def _value(product: Any, name: str) -> Any:
    return getattr(product, name) if name in _has(product) else None


def _name(product: Any) -> str:
    label = str(getattr(product, "filename", "") if "filename" in _has(product) else "")
    chip = re.sub(r"\W+", "_", product.chip.name if product.chip is not None else "")
    return label.removesuffix(".fits") or f"{type(product).__name__}-{chip}"


def _title(product: Any) -> str:
    filter_ = _value(product, "filter")
    chip = product.chip.name if product.chip is not None else ""
    words = [type(product).__name__, chip, filter_.name if filter_ else ""]
    numbers = [f"quality_flags {product.quality_flags}: {product.explain_quality()}"]
    imstat = _value(product, "imstat")
    if imstat is not None and "count" not in _has(product):
        numbers.append(f"median {imstat.median:.4g}, stdev {imstat.stdev:.3g}")
    for name, unit in NAMED.items():
        value = _value(product, name)
        if value:
            numbers.append(f"{name} {value:.4g} {unit}")
    lines = [" ".join(filter(None, words)), _value(product, "filename") or "", "; ".join(numbers)]
    return "\n".join(filter(None, lines))


# -- images --------------------------------------------------------------------------------------


def _image(figure: Figure, product: Any) -> None:
    import numpy as np

    from awe.inspect.stretch import block_mean, display_range

    pixels = product.data
    step = max(1, max(pixels.shape) // 500)
    lower, upper = display_range(pixels, kappa=4.0, iterations=5)
    axes = figure.subplot_mosaic([["picture", "rows"], ["picture", "columns"], ["picture", "all"]])
    picture = axes["picture"].imshow(
        block_mean(pixels, step), origin="lower", cmap="gray", vmin=lower, vmax=upper,
        extent=(0.5, pixels.shape[1] + 0.5, 0.5, pixels.shape[0] + 0.5), interpolation="nearest",
    )  # fmt: skip
    axes["picture"].set(xlabel="x [pixel]", ylabel="y [pixel]")
    unit = _unit(product)
    figure.colorbar(picture, ax=axes["picture"], shrink=0.7, label=unit)
    finite = np.where(np.isfinite(pixels), pixels, np.nan)
    _profile(axes["rows"], finite, 1, "y [pixel]", unit)
    _profile(axes["columns"], finite, 0, "x [pixel]", unit)
    _distribution(axes["all"], pixels, product)


def _unit(product: Any) -> str:
    """Return the unit of the pixels in words."""
    found = str(product.header.get("BUNIT", "")).strip()
    return found.replace("adu", "ADU") or "relative to 1"


def _bad_pixels(figure: Figure, product: Any) -> None:
    """Draw where the bad pixels of a map are, and how many in every row and column."""
    import numpy as np

    bad = product.data == 0
    ny, nx = bad.shape
    axes = figure.subplot_mosaic([["picture", "rows"], ["picture", "columns"]])
    picture = axes["picture"]
    if bad.sum() <= DOTS:
        y, x = np.nonzero(bad)
        picture.plot(x + 1, y + 1, ".", color=INK, markersize=3, markeredgewidth=0)
    else:
        picture.imshow(
            bad, origin="lower", cmap="Greys", extent=(0.5, nx + 0.5, 0.5, ny + 0.5),
            interpolation="nearest",
        )  # fmt: skip
    text = f"{int(bad.sum())} of {bad.size} pixels bad ({bad.mean():.2%}"
    limit = _limit(product, "MAXIMUM_FRACTION")
    text += ")" if limit is None else f", at most {limit:.2%} allowed)"
    picture.set(
        xlabel="x [pixel]", ylabel="y [pixel]", title=text, xlim=(0.5, nx + 0.5),
        ylim=(0.5, ny + 0.5), aspect="equal",
    )  # fmt: skip
    picture.title.set_fontsize(9)
    for name, axis, label in (("rows", 1, "y [pixel]"), ("columns", 0, "x [pixel]")):
        counts = bad.sum(axis=axis)
        highest = 1.1 * max(int(counts.max()), 1)
        axes[name].fill_between(np.arange(1, counts.size + 1), counts, step="mid", color=INK)
        axes[name].set(xlabel=label, ylabel="bad pixels", ylim=(0, highest))


def _profile(axes: Axes, pixels: NDArray[Any], axis: int, label: str, unit: str) -> None:
    import numpy as np

    thin = pixels[:, ::4] if axis == 1 else pixels[::4]
    known = np.isfinite(thin).any(axis=axis)
    middle = np.full(known.size, np.nan)
    middle[known] = np.nanmedian(thin[known] if axis == 1 else thin[:, known], axis=axis)
    axes.plot(np.arange(1, middle.size + 1), middle, color=INK, linewidth=0.8)
    axes.set(xlabel=label, ylabel=f"median [{unit}]")


def _distribution(axes: Axes, pixels: NDArray[Any], product: Any) -> None:
    import numpy as np

    step = max(1, round((pixels.size / SAMPLE) ** 0.5))
    values = pixels[::step, ::step]
    values = values[np.isfinite(values)]
    if values.size:
        low, high = np.percentile(values, [0.2, 99.8])
        margin = max((high - low) * 0.1, 1e-6)
        axes.hist(values, bins=100, range=(low - margin, high + margin), color=INK, log=True)
    limit = _limit(product, "MAXIMUM_ABS_MEAN")
    if limit is not None:
        for edge in (-limit, limit):
            axes.axvline(edge, color=LIMIT, linestyle="--", linewidth=1)
    told = "" if limit is None else ", red: limits of the mean"
    axes.set(xlabel=f"pixel value [{_unit(product)}]{told}", ylabel="pixels")


# -- numbers and fits ----------------------------------------------------------------------------


def _history(figure: Figure, product: Any) -> None:
    """Draw the numbers of this and the previous versions, with the limits."""
    versions = _versions(product)
    names = [name for name in NUMBERS if name in _has(product)]
    if "linearity" in names and not any(one.linearity for one in versions):
        # a gain from one exposure time says nothing about the response
        names.remove("linearity")
    places = range(1 - len(versions), 1)
    for row, name in enumerate(names, start=1):
        axes = figure.add_subplot(len(names), 1, row)
        values = [getattr(one, name) for one in versions]
        axes.plot(places, values, "o-", color=INK, label=f"this one: {values[-1]:.4g}")
        limit = _limit(product, LIMITS.get(name, f"MAXIMUM_{name.upper()}"))
        if limit is not None:
            text = f"largest allowed: {limit:g}"
            axes.axhline(limit, color=LIMIT, linestyle="--", linewidth=1, label=text)
        axes.set(ylabel=f"{name} [{NUMBERS[name]}]", xlim=(places[0] - 0.5, 0.5))
        axes.legend(fontsize=8)
        step = max(1, len(versions) // 8)
        axes.set_xticks(
            list(places)[::-step],
            [_made(one) for one in versions[::-step]],
            fontsize=7,
        )
        axes.set(xlabel="when the version was made [UTC]" if row == len(names) else "")


def _made(product: Any) -> str:
    moment = product.creation_date
    return "not committed" if moment is None else f"{moment:%Y-%m-%d\n%H:%M:%S}"


def _surface(figure: Figure, product: Any) -> None:
    """Draw a fitted polynomial over the chip, in magnitudes."""
    import numpy as np

    side = product.degree + 1
    coefficients = np.reshape(np.array(product.coefficients, np.float64), (side, side))
    line = np.linspace(-1, 1, 100)
    values = np.polynomial.polynomial.polygrid2d(line, line, coefficients)
    axes = figure.add_subplot()
    drawn = axes.contourf(line, line, values - values.mean(), levels=20, cmap="RdBu_r")
    figure.colorbar(drawn, ax=axes, label="too faint by [mag]")
    axes.set(
        xlabel="x, -1 to 1 over the chip",
        ylabel="y, -1 to 1 over the chip",
        title=f"{product.stars} stars, rms {product.rms:.4f} mag",
    )


def _versions(product: Any) -> list[Any]:
    """Return this and the previous versions, oldest first."""
    found = [product]
    while len(found) < VERSIONS and found[-1].prev is not None:
        found.append(found[-1].prev)
    return found[::-1]


def _limit(product: Any, name: str) -> float | None:
    parameters = product.process_params
    if parameters is None or name not in _has(parameters):
        return None
    return float(getattr(parameters, name))
