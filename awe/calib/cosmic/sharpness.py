"""How sharp a pixel must be to be no core of a star, by the seeing."""

from __future__ import annotations

import numpy as np

from awe.errors import ParameterError

__all__ = ["sharpness_limit"]

#: (seeing FWHM in pixels, sharpness of a noiseless star): worst of Moffat and Gauss profiles
# (hardly dependent on the flux: S' and F are both light over noise)
_STAR_SHARPNESS = ((1.5, 61.0), (2.0, 5.7), (2.4, 1.9), (2.8, 0.94), (3.5, 0.5), (4.2, 0.4))

#: largest limit where what exceeds it is compared with a star: sharper stars are left to that
_TESTED = 6.5


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
    star can tell them apart, and with it the limit is at most 6.5.

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
    return min(limit, _TESTED) if tested else limit
