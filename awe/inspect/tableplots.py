"""Quality plots of products whose file is a table: residuals, sources, associations.

Importing this module loads no plotting library.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["associations", "residuals", "sources"]

INK = "#2c3e50"
LIMIT = "#c0392b"
#: length of the longest arrow, part of the frame
ARROW = 0.08


def associations(figure: Figure, product: Any) -> None:
    """Draw how far the sources of groups are from the first of them, where, and in how many lists.

    Parameters
    ----------
    figure : Figure
        The empty figure.
    product : AssociateList
        The association.
    """
    import numpy as np

    axes = figure.subplot_mosaic([["cloud", "places"], ["cloud", "number"]])
    table = product.associates.to_table()
    group, ra, dec = (np.asarray(table[name]) for name in ("AID", "RA", "DEC"))
    _, first, number, size = np.unique(
        group, return_index=True, return_inverse=True, return_counts=True
    )
    # the shorter way round, at 0 h too
    east = (ra - ra[first][number] + 180) % 360 - 180
    east *= 3600 * np.cos(np.radians(dec))
    north = 3600 * (dec - dec[first][number])
    others = np.ones(len(group), bool)
    others[first] = False
    limit = float(product.process_params.SEARCH_DISTANCE)
    around = np.linspace(0, 2 * np.pi, 200)
    axes["cloud"].plot(east[others], north[others], ".", color=INK, markersize=3)
    axes["cloud"].plot(limit * np.cos(around), limit * np.sin(around), color=LIMIT, linewidth=1)
    axes["cloud"].set(xlabel="right ascension [arcsec]", ylabel="declination [arcsec]",
                      aspect="equal", title=f"{product.associate_count} groups, from their first "
                      f"source; SEARCH_DISTANCE {limit:.3g} arcsec")  # fmt: skip
    axes["places"].plot(ra[first], dec[first], ".", color=INK, markersize=3)
    axes["places"].set(xlabel="right ascension [deg]", ylabel="declination [deg]")
    axes["places"].invert_xaxis()
    sizes, groups = np.unique(size, return_counts=True)
    axes["number"].bar(sizes, groups, color=INK)
    axes["number"].set(xlabel="sources of a group", ylabel="groups")


def residuals(figure: Figure, product: Any) -> None:
    """Draw where the stars of a solution are and how far from the reference, in five panels.

    Parameters
    ----------
    figure : Figure
        The empty figure.
    product : AstrometricParameters or GAstrometric
        The solution.
    """
    import numpy as np

    # a common solution tells how far stars are from their mean place in all frames
    common = hasattr(product, "solutions")
    what = "mean place" if common else "reference"
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
                       title=f"{what} minus frame, longest {longest:.3g} arcsec")  # fmt: skip
    axes["cloud"].plot(east, north, ".", color=INK)
    axes["cloud"].axhline(0, color=LIMIT, linewidth=0.7)
    axes["cloud"].axvline(0, color=LIMIT, linewidth=0.7)
    many, rms = (product.N_OVERLAP, product.RMS_OVERLAP) if common else (product.NREF, product.RMS)
    axes["cloud"].set(xlabel="right ascension [arcsec]", ylabel="declination [arcsec]",
                      title=f"{many} stars, rms {rms:.3g} arcsec")  # fmt: skip
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
