"""How sharp a pixel, and how unlike a star a group, must be to be a hit, by the seeing."""

from __future__ import annotations

import numpy as np

from awe.errors import ParameterError

__all__ = ["sharpness_limit", "star_part"]

#: (seeing FWHM in pixels, sharpness of a noiseless star): worst of Moffat and Gauss profiles
# (hardly dependent on the flux: S' and F are both light over noise)
_STAR_SHARPNESS = ((1.5, 61.0), (2.0, 5.7), (2.4, 1.9), (2.8, 0.94), (3.5, 0.5), (4.2, 0.4))

#: stars of 1.0, 1.25, 1.5 and 1.75 pixels: (FWHM as flanks show it [pixel], largest limit where
# what exceeds it is compared with a star, part of the bound on noise by which a hit exceeds that)
_TESTED = ((1.70, 5.0, 0.03), (1.86, 5.0, 0.1), (2.03, 6.5, 0.3), (2.22, 6.5, 0.5))


def sharpness_limit(fwhm: float, *, tested: bool = False) -> float:
    """Return a limit of sharpness that few star cores exceed, for a seeing [pixel].

    Parameters
    ----------
    fwhm : float
        Full width at half maximum of the stars [pixel].
    tested : bool
        Whether what exceeds the limit is compared with a star: `find` gets `groups` and `fwhm`.

    Notes
    -----
    Five times the sharpness of a noiseless star, at least 5 as in astroscrappy: on faint stars
    noise adds to it. Undersampled stars are as sharp as most hits: only the comparison with a
    star can tell them apart, and with it the limit is at most 6.5, below 1.5 pixels 5.

    Examples
    --------
    >>> sharpness_limit(4.2), round(sharpness_limit(2.4), 3), sharpness_limit(2.4, tested=True)
    (5.0, 9.5, 6.5)
    """
    if not fwhm > 0:
        msg = f"a seeing of {fwhm} pixels is not possible; measure it or give the PSF radius"
        raise ParameterError(msg)
    widths, sharpness = zip(*_STAR_SHARPNESS, strict=True)
    # ln(sharpness) is linear in the FWHM between these, and constant beyond them
    star = float(np.exp(np.interp(fwhm, widths, np.log(sharpness))))
    limit = max(5.0, 5.0 * star)
    widths, most, _ = zip(*_TESTED, strict=True)
    return min(limit, float(np.interp(fwhm, widths, most))) if tested else limit


def star_part(fwhm: float) -> float:
    """Return by which part of the bound on noise a group must exceed a star to be a hit.

    Parameters
    ----------
    fwhm : float
        Full width at half maximum of the stars as their flanks show it [pixel]; see
        `sky.seeing.Seeing.flanks`.

    Notes
    -----
    One half, where hits and stars can be told apart. Stars sharper than 1.75 pixels look like
    hits, and what protects all of them protects most hits: the part is smaller there, so that as
    many hits are found as without the comparison, and some stars lose their cores.

    Examples
    --------
    >>> star_part(3.1), star_part(1.7)
    (0.5, 0.03)
    """
    widths, _, parts = zip(*_TESTED, strict=True)
    return float(np.interp(fwhm, widths, parts))
