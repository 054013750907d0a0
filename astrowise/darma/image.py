"""`image`: pixels with their header, added, divided, cut out and saved."""

from __future__ import annotations

import operator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from awe import fits
from awe.errors import FileTaken, OutOfRange
from awe.lazy import resolve
from darma.header import header

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

__all__ = ["image"]


def _calculation(function: Callable[[Any, Any], Any], *, turned: bool = False) -> Any:
    def calculate(self: image, other: Any) -> image:
        value = other.data if isinstance(other, image) else other
        found = function(value, self.data) if turned else function(self.data, value)
        return image(data=found, header=self.header)

    return calculate


class image:  # noqa: N801 - darma's name
    """Pixels `data[y, x]`, counted from 0, and a `header`.

    Parameters
    ----------
    filename : str, Path or DataObject, optional
        FITS file, or a frame of awe.
    extension : int, optional
        HDU of the file; by default the first with an image.
    data : array, optional
        Pixels of a new image, [y, x].
    header : header, optional
        Its header.
    """

    def __init__(
        self, filename: Any = None, extension: int | None = None, data: Any = None,
        header: Any = None,
    ) -> None:  # fmt: skip
        self.filename = filename
        self._extension = extension
        self._data = data
        self._header = header

    @property
    def data(self) -> NDArray[Any]:
        """Pixels, [y, x]; read when they are first used."""
        if self._data is None:
            of_frame = hasattr(self.filename, "_written_header")
            self._data = (
                self.filename.data if of_frame
                else fits.read_pixels(Path(self.filename).expanduser(), self._extension)
            )  # fmt: skip
        found: NDArray[Any] = self._data
        return found

    @data.setter
    def data(self, pixels: NDArray[Any]) -> None:
        self._data = pixels

    @property
    def header(self) -> header:
        """Header of the image; read when it is first used."""
        if not isinstance(self._header, header):
            source = self._header if self._header is not None else self.filename
            self._header = header(source, extension=self._extension)
        return self._header

    @header.setter
    def header(self, cards: Any) -> None:
        self._header = cards

    @property
    def shape(self) -> tuple[int, ...]:
        """Rows and columns."""
        return self.data.shape

    def xsize(self) -> int:
        """Return the number of columns."""
        return self.data.shape[1]

    def ysize(self) -> int:
        """Return the number of rows."""
        return self.data.shape[0]

    def stat(self) -> Any:
        """Return min, max, mean, median and stdev of the finite pixels, a `statistics`."""
        return statistics(self.data)

    def copy(self) -> image:
        """Return an image with pixels and header of its own."""
        return image(data=self.data.copy(), header=self.header.copy())

    def extract_region(self, x0: int, y0: int, x1: int, y1: int) -> image:
        """Return the part between two corners, counted from 1, both in it (as FITS counts).

        Raises
        ------
        OutOfRange
            A corner is outside.
        """
        rows, columns = self.data.shape
        if not (1 <= x0 <= x1 <= columns and 1 <= y0 <= y1 <= rows):
            msg = f"region {x0}:{x1}, {y0}:{y1} is not inside 1:{columns}, 1:{rows}"
            raise OutOfRange(msg)
        cards = self.header.copy()
        for key, shift in (("CRPIX1", x0 - 1), ("CRPIX2", y0 - 1)):
            if key in cards:
                cards[key] = cards[key] - shift
        return image(data=self.data[y0 - 1 : y1, x0 - 1 : x1].copy(), header=cards)

    def save(
        self,
        filename: str | Path = "",
        hdr: Any = None,
        clobber: bool = True,
        datatype: Any = None,
    ) -> None:
        """Write a FITS file.

        Parameters
        ----------
        filename : str or Path
            Path of the file; by default where the image came from.
        hdr : header, optional
            Header instead of its own.
        clobber : bool
            Whether a file of that name is replaced.
        datatype : numpy.dtype, optional
            Type of the pixels in the file; their own by default.

        Raises
        ------
        FileTaken
            There is a file of that name, and `clobber` is False.
        """
        path = Path(filename or self.filename).expanduser()
        if path.exists() and not clobber:
            msg = f"{path} is there already; image.save(..., clobber=True) replaces it"
            raise FileTaken(msg)
        cards = header(hdr).cards if hdr is not None else self.header.cards
        pixels = self.data if datatype is None else self.data.astype(datatype)
        resolve("astropy.io.fits:PrimaryHDU")(pixels, cards).writeto(path, overwrite=clobber)

    __add__ = __radd__ = _calculation(operator.add)
    __mul__ = __rmul__ = _calculation(operator.mul)
    __sub__ = _calculation(operator.sub)
    __truediv__ = _calculation(operator.truediv)
    __rsub__ = _calculation(operator.sub, turned=True)
    __rtruediv__ = _calculation(operator.truediv, turned=True)

    def __repr__(self) -> str:
        return f"<image {self.filename or ''} {self.data.shape[1]} x {self.data.shape[0]}>"


class statistics:  # noqa: N801 - a value, as darma's
    """Statistics of the finite pixels: `min`, `max`, `mean`, `median`, `stdev`, `npix`.

    Parameters
    ----------
    pixels : array
        Pixels of an image.
    """

    def __init__(self, pixels: NDArray[Any]) -> None:
        numpy = resolve("numpy")
        finite = pixels[numpy.isfinite(pixels)].astype("float64")
        self.npix = int(finite.size)
        for name, found in (("min", finite.min), ("max", finite.max), ("mean", finite.mean),
                            ("stdev", finite.std)):  # fmt: skip
            setattr(self, name, float(found()) if self.npix else float("nan"))
        self.median = float(numpy.median(finite)) if self.npix else float("nan")

    def __repr__(self) -> str:
        return ", ".join(f"{name} {value:.6g}" for name, value in vars(self).items())
