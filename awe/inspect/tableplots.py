"""Quality plots of products whose file is a table: residuals of a solution, sources of a list.

Importing this module loads no plotting library.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["residuals", "sources"]

INK = "#2c3e50"
LIMIT = "#c0392b"
#: length of the longest arrow, part of the frame
ARROW = 0.08


def residuals(figure: Figure, product: Any) -> None:
    """Draw where the stars of a solution are and how far from the reference, in five panels.

    Parameters
    ----------
    figure : Figure
        The empty figure.
    product : AstrometricParameters
        The solution.
    """
    import numpy as np

    table = product.residuals
    x, y, east, north = (
        np.asarray(table[name], np.float64) for name in ("Xpos", "Ypos", "DRA", "DDEC")
    )
    axes = figure.subplot_mosaic([
        ["arrows", "cloud"], ["arrows", "cloud"], ["east_x", "east_y"], ["north_x", "north_y"],
    ])  # fmt: skip
    longest = max(float(np.hypot(east, north).max(initial=0.0)), 1e-9)
    span = max(float(np.ptp(x)) if x.size else 1.0, 1.0)
    axes["arrows"].quiver(x, y, east, north, angles="xy", scale_units="xy", color=INK,
                          scale=longest / (ARROW * span), width=0.004)  # fmt: skip
    axes["arrows"].set(xlabel="x [pixel]", ylabel="y [pixel]", aspect="equal",
                       title=f"reference minus frame, longest {longest:.3g} arcsec")  # fmt: skip
    axes["cloud"].plot(east, north, ".", color=INK)
    axes["cloud"].axhline(0, color=LIMIT, linewidth=0.7)
    axes["cloud"].axvline(0, color=LIMIT, linewidth=0.7)
    axes["cloud"].set(xlabel="right ascension [arcsec]", ylabel="declination [arcsec]",
                      title=f"{product.NREF} stars, rms {product.RMS:.3g} arcsec")  # fmt: skip
    for name, values, along, place, what in (
        ("east_x", east, x, "x", "RA"), ("east_y", east, y, "y", "RA"),
        ("north_x", north, x, "x", "Dec"), ("north_y", north, y, "y", "Dec"),
    ):  # fmt: skip
        axes[name].plot(along, values, ".", color=INK, markersize=4)
        axes[name].axhline(0, color=LIMIT, linewidth=0.7)
        axes[name].set(xlabel=f"{place} [pixel]", ylabel=f"{what} [arcsec]")


def sources(figure: Figure, product: Any) -> None:
    """Draw where the sources of a list are, how bright and how wide.

    Parameters
    ----------
    figure : Figure
        The empty figure.
    product : SourceList
        The list.
    """
    import numpy as np

    table = product.sources.to_table()
    axes = figure.subplot_mosaic([["places", "width"], ["places", "number"]])
    if not len(table) or "Xpos" not in table.colnames:
        axes["places"].set(title=f"{product.source_count} sources")
        return
    x, y, flux, radius = (
        np.asarray(table[name], np.float64)
        for name in ("Xpos", "Ypos", "FLUX_AUTO", "FLUX_RADIUS")
    )
    bright = np.where(flux > 0, flux, np.nan)
    sizes = 4 + 12 * np.nan_to_num(np.log10(bright / np.nanmin(bright)))
    axes["places"].scatter(x, y, s=sizes, color=INK, linewidths=0)
    axes["places"].set(xlabel="x [pixel]", ylabel="y [pixel]", aspect="equal",
                       title=f"{product.source_count} sources")  # fmt: skip
    axes["width"].plot(bright, radius, ".", color=INK)
    if product.star_radius:
        axes["width"].axhline(product.star_radius, color=LIMIT, linestyle="--", linewidth=1,
                              label=f"stars: {product.star_radius:.3g}")  # fmt: skip
        axes["width"].legend(fontsize=8)
    axes["width"].set(xscale="log", xlabel="FLUX_AUTO [ADU]", ylabel="FLUX_RADIUS [pixel]")
    axes["number"].hist(np.log10(bright[np.isfinite(bright)]), bins=30, color=INK)
    axes["number"].set(xlabel="log10 of FLUX_AUTO [ADU]", ylabel="sources")
