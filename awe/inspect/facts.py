"""What is known of a frame and no pixel tells: gain, saturation, unit, place on the sky."""

from __future__ import annotations

import functools
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from awe import fits
from awe.errors import BadHeader

if TYPE_CHECKING:
    from astropy.io.fits import Header
    from astropy.wcs import WCS
    from numpy.typing import NDArray

__all__ = ["Facts", "Sky", "card_header", "facts_of", "read", "sexagesimal", "written"]


class Sky:
    """The world coordinates of a frame.

    Parameters
    ----------
    wcs : WCS
        Celestial coordinates of the frame.
    """

    def __init__(self, wcs: WCS) -> None:
        self._wcs = wcs

    @property
    def wcs(self) -> WCS:
        """The coordinates as astropy knows them."""
        return self._wcs

    def __call__(self, x: float, y: float) -> tuple[float, float]:
        """Return right ascension and declination of FITS pixel coordinates [deg].

        Parameters
        ----------
        x, y : float
            FITS pixel coordinates.
        """
        ra, dec = self._wcs.all_pix2world([x], [y], 1)
        return float(ra[0]) % 360, float(dec[0])

    def places(self, x: NDArray[Any], y: NDArray[Any]) -> tuple[NDArray[Any], NDArray[Any]]:
        """Return right ascensions and declinations of many places [deg].

        Parameters
        ----------
        x, y : ndarray of float64
            FITS pixel coordinates, of one shape.
        """
        ra, dec = self._wcs.all_pix2world(x, y, 1)
        return ra % 360, dec

    def pixels(self, ra: NDArray[Any], dec: NDArray[Any]) -> tuple[NDArray[Any], NDArray[Any]]:
        """Return the FITS pixel coordinates of many places; NaN off the projection.

        Parameters
        ----------
        ra, dec : ndarray of float64, deg
            Right ascensions and declinations, of one shape.
        """
        x, y = self._wcs.all_world2pix(ra, dec, 1, quiet=True)
        return x, y

    @functools.cached_property
    def scale(self) -> float:
        """Side of a pixel on the sky, root of its area [arcsec]."""
        from astropy.wcs.utils import proj_plane_pixel_area

        return math.sqrt(float(proj_plane_pixel_area(self._wcs))) * 3600


@dataclass(frozen=True, kw_only=True)
class Facts:
    """What is known of a frame and no pixel tells.

    Attributes
    ----------
    gain : float or None, e-/ADU
        Electrons for one count.
    saturation : float or None
        Level from which a pixel is saturated, in the unit of the pixels.
    unit : str
        Unit of the pixels.
    header : Header or mapping
        Header of the frame; what cannot be read or makes no sense counts as not there.
    """

    gain: float | None = None
    saturation: float | None = None
    unit: str = ""
    header: Any = field(default_factory=dict, repr=False, compare=False)

    @functools.cached_property
    def sky(self) -> Sky | None:
        """Place of pixels on the sky; None where the header tells of none."""
        types = [str(fits.value_of(self.header, f"CTYPE{axis}", "")) for axis in (1, 2)]
        if not any(kind.startswith(("RA", "DEC")) for kind in types):
            return None
        try:
            wcs = fits.wcs_of(card_header(self.header), "the frame")
            return Sky(wcs.celestial) if wcs.has_celestial else None
        except (BadHeader, ValueError):
            return None


def facts_of(header: Any, unit: str) -> Facts:
    """Return what a header tells about its pixels.

    Parameters
    ----------
    header : Header or mapping
        Header of the frame.
    unit : str
        Unit of the pixels.
    """
    gain, level = _positive(header, "GAIN"), _positive(header, "SATURATE")
    return Facts(gain=gain, saturation=level, unit=unit, header=header)


def _positive(header: Mapping[str, Any], card: str) -> float | None:
    try:
        value = float(fits.value_of(header, card, 0.0))
    except (TypeError, ValueError):
        return None
    return value if math.isfinite(value) and value > 0 else None


def written(header: Any) -> str:
    """Return a header as text, for another process.

    Parameters
    ----------
    header : Header, mapping or None
        Cards.
    """
    if not header:
        return ""
    text: str = fits.readable(card_header(header)).tostring(sep="\n", endcard=False, padding=False)
    return text


def card_header(cards: Any) -> Header:
    """Return cards as a header of astropy.

    Parameters
    ----------
    cards : Header or mapping
        The cards; a header is returned as it is.
    """
    from astropy.io.fits import Header

    if isinstance(cards, _Text):
        return cards.header
    return cards if isinstance(cards, Header) else Header(dict(cards))


class _Text(Mapping[str, Any]):
    """A header that is read when a card is needed: a picture needs none, and astropy is large."""

    def __init__(self, text: str) -> None:
        self._text = text

    @functools.cached_property
    def header(self) -> Header:
        """The header as astropy knows it."""
        from astropy.io.fits import Header

        return Header.fromstring(self._text, sep="\n")

    def __bool__(self) -> bool:
        return bool(self._text)

    def __getitem__(self, card: str) -> Any:
        return self.header[card]

    def __contains__(self, card: object) -> bool:
        return card in self.header

    def __iter__(self) -> Iterator[str]:
        return iter(self.header)

    def __len__(self) -> int:
        return len(self.header)


def read(text: str) -> Mapping[str, Any]:
    """Return the header that `written` made a text of; it is read when a card is needed.

    Parameters
    ----------
    text : str
        Cards, one a line.
    """
    return _Text(text)


def sexagesimal(ra: float, dec: float) -> str:
    """Return a place on the sky in hours and degrees.

    Parameters
    ----------
    ra, dec : float
        Right ascension and declination [deg].

    Examples
    --------
    >>> sexagesimal(150.1166, -2.2)
    '10:00:27.98 -02:12:00.0'
    """
    if not (math.isfinite(ra) and math.isfinite(dec)):
        return "not on the sky"
    hours = round(ra % 360 / 15 * 360_000) % (24 * 360_000)
    seconds = round(abs(dec) * 36_000)
    sign = "-" if dec < 0 else "+"
    return (
        f"{hours // 360_000:02d}:{hours // 6000 % 60:02d}:{hours % 6000 / 100:05.2f} "
        f"{sign}{seconds // 36_000:02d}:{seconds // 600 % 60:02d}:{seconds % 600 / 10:04.1f}"
    )
