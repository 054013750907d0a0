"""What a product is made of again that is drawn from reduced frames, not from raw ones."""

from __future__ import annotations

from typing import Any

from awe.errors import ArgumentError
from awe.model.associations import AssociateList
from awe.model.astrometry import GAstrometric
from awe.model.calibrations import IlluminationCorrectionFrame
from awe.model.photometry import AtmosphericExtinction, PhotometricParameters
from awe.model.regridded import CoaddedRegriddedFrame, RegriddedFrame
from awe.model.science import ReducedScienceFrame
from awe.rules.made_from import MADE_FROM, newer, newest_like
from awe.tasks.selection import newest_of_each

__all__ = ["reduced_inputs"]


def _again(product: Any, role: str, *, exact: bool) -> Any:
    """Return the frame a product is made from again: the same, or the newest sound one."""
    used = getattr(product, role)
    if used is None:
        msg = f"{product!r} was not made from a frame: nothing makes it again"
        raise ArgumentError(msg)
    return used if exact else newest_like(product, role) or used


def reduced_inputs(product: Any, *, exact: bool) -> list[Any] | None:
    """Return the reduced frames a regridded frame or an illumination correction is made of again.

    They are the newest sound ones of the raw frames behind it; exactly, those there were when it
    was made.

    Parameters
    ----------
    product : product
        Object that a recipe made; None is returned for those made of raw frames.
    exact : bool
        Whether the very inputs are wanted.

    Raises
    ------
    ArgumentError
        It was drawn from a table of stars, or a raw frame has no reduced one any more.
    """
    if isinstance(product, CoaddedRegriddedFrame):
        return _regridded_again(product, exact=exact)
    if isinstance(product, RegriddedFrame):
        again = list((ReducedScienceFrame.raw == product.raw) & (ReducedScienceFrame.is_valid > 0))
        return [product.reduced] if exact else newest_of_each(again) or [product.reduced]
    if isinstance(product, AssociateList):
        used = list(product.input_lists)
        return used if exact else [newer(one) or one for one in used]
    if isinstance(product, AtmosphericExtinction | PhotometricParameters):
        if not product.photcats:
            msg = (
                f"{product!r} was entered, not measured from standards: enter it again with "
                "ExtinctionTask(..., value=..., error=..., commit=True)"
            )
            raise ArgumentError(msg)
        return [_again(one, "frame", exact=exact) for one in product.photcats]
    if isinstance(product, GAstrometric):
        return [_again(one, "reduced", exact=exact) for one in product.solutions]
    roles = MADE_FROM.get(type(product).__name__, ())
    if roles:
        return [_again(product, roles[0], exact=exact)]
    if not isinstance(product, IlluminationCorrectionFrame):
        return None
    raws = product.illumination_correction.raw_science_frames
    if not raws:
        msg = (
            f"{product.filename} was drawn from a table of stars, and tables are not kept; make "
            "it again with IlluminationTask(..., photometry=table)"
        )
        raise ArgumentError(msg)
    frames: list[Any] = []
    for raw in raws:
        found = ReducedScienceFrame.raw == raw
        if exact:
            found &= ReducedScienceFrame.creation_date <= product.creation_date
        elif raw.is_valid <= 0:
            continue
        frames += newest_of_each([one for one in found if one.is_valid > 0])
    if len(frames) < len(raws) and exact:
        msg = (
            f"of {len(raws)} frames behind {product.filename} {len(frames)} have a reduced one "
            "that you may see; leave out exact"
        )
        raise ArgumentError(msg)
    return frames


def _regridded_again(coadd: CoaddedRegriddedFrame, *, exact: bool) -> list[Any]:
    """Return the frames of a sum: those in it, or the newest sound ones of the same raw frames."""
    used = list(coadd.regridded_frames)
    if exact:
        return used
    raws = [frame.raw for frame in used]
    found = RegriddedFrame.raw.isin(raws) & (RegriddedFrame.is_valid > 0)
    return newest_of_each([one for one in found if one.grid_target.same(coadd.grid_target)])
