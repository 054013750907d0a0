"""Quality plots of photometry: the standards of a frame, the zero point or extinction of a night.

Importing this module loads no plotting library.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from awe.inspect.tableplots import INK, LIMIT

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["night", "standards"]

#: what is left out
OUT = "#bdc3c7"


def standards(figure: Figure, product: Any) -> None:
    """Draw the raw zero points of the standards of a frame, by magnitude and over the frame.

    Parameters
    ----------
    figure : Figure
        The empty figure.
    product : PhotSrcCatalog
        The standards.
    """
    import numpy as np

    table = product.photsourcelist
    used = np.asarray(table["used"], bool)
    raw = np.asarray(table["mag"] - table["instmag"], np.float64)
    error = np.hypot(table["mag_err"], table["instmag_err"])
    axes = figure.subplot_mosaic([["mag", "places"], ["x", "y"]])
    for some, colour in ((~used, OUT), (used, INK)):
        axes["mag"].errorbar(table["mag"][some], raw[some], error[some], fmt=".", color=colour)
        for name in "xy":
            axes[name].plot(table[f"{name.upper()}pos"][some], raw[some], ".", color=colour)
    for name in ("mag", "x", "y"):
        axes[name].axhline(product.raw_zeropnt, color=LIMIT, linewidth=1)
        axes[name].set(ylabel="raw zero point [mag]", xlabel=f"{name} [pixel]")
    axes["mag"].set(xlabel=f"{product.mag_id} [mag]", title=f"{product.source_count} standards, "
                    f"{product.raw_zeropnt:.4f} mag at airmass {product.airmass:.3f}")  # fmt: skip
    shown = axes["places"].scatter(
        table["Xpos"][used], table["Ypos"][used], c=raw[used] - product.raw_zeropnt, s=18,
        cmap="coolwarm",
    )  # fmt: skip
    figure.colorbar(shown, ax=axes["places"], label="off the median [mag]")
    axes["places"].set(xlabel="x [pixel]", ylabel="y [pixel]", aspect="equal")


def night(figure: Figure, product: Any) -> None:
    """Draw the zero points of the frames of a night by airmass and by time, and what was fitted.

    Parameters
    ----------
    figure : Figure
        The empty figure.
    product : PhotometricParameters or AtmosphericExtinction
        The result.
    """
    found = list(product.photcats)
    zeropnt = getattr(product, "zeropnt", None)
    extinction = product.extinction if zeropnt is not None else product
    airmass = [one.airmass for one in found]
    raw = [one.raw_zeropnt for one in found]
    scatter = [one.raw_zeropnt_scatter / max(one.source_count, 1) ** 0.5 for one in found]
    slope = extinction.value if extinction is not None else 0.0
    axes = figure.subplot_mosaic([["air"], ["time"]])
    axes["air"].errorbar(airmass, raw, scatter, fmt="o", color=INK)
    axes["air"].set(xlabel="airmass", ylabel="raw zero point [mag]")
    if zeropnt is not None:
        middle = zeropnt.value
        told = f"zero point {middle:.4f} +- {zeropnt.error:.4f} mag, {product.source_count} stars"
    else:
        above = [value + slope * air for value, air in zip(raw, airmass, strict=True)]
        middle = sorted(above)[len(above) // 2] if above else 0.0
        told = f"extinction {slope:.4f} +- {product.error:.4f} mag/airmass ({product.kind})"
    axes["air"].set(title=told)
    ends = [0.0, max(airmass, default=1.0)] if zeropnt is not None else sorted(airmass)
    axes["air"].plot(ends, [middle - slope * air for air in ends], color=LIMIT)
    above = [value + slope * air for value, air in zip(raw, airmass, strict=True)]
    axes["time"].errorbar([one.DATE_OBS for one in found], above, scatter, fmt="o", color=INK)
    axes["time"].axhline(middle, color=LIMIT)
    if zeropnt is not None:
        low, high = middle - zeropnt.error, middle + zeropnt.error
        axes["time"].axhspan(low, high, color=LIMIT, alpha=0.15)
    axes["time"].set(ylabel="without extinction [mag]", xlabel="DATE_OBS [UTC]")
