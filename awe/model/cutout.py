"""A part of a frame, without the rest of it: pixels, weight, variance, reason bits, coordinates.

Of a frame whose file is at the dataserver only the bytes of the part are fetched, under the same
rights as the whole. They cannot be compared with the checksum, which is that of the whole file;
`retrieve()` does that.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from awe import fits
from awe.dataserver.extracts import Local, Remote
from awe.errors import ArgumentError, AweError, WrongShape
from awe.fits import Image
from awe.fits.cutting import Images
from awe.fits.extracted import part_header, plane_image, variance_of
from awe.fits.planes import FLAGS
from awe.fits.tiles import Zone
from awe.localfiles import scratch_directory
from awe.model import ccddata, where
from awe.terminal import harmless, out

if TYPE_CHECKING:
    from astropy.io.fits import Header
    from astropy.nddata import CCDData
    from astropy.wcs import WCS
    from numpy.typing import NDArray

    from awe.model.data import DataObject

__all__ = ["Cutout", "cutout"]


@dataclass(frozen=True, eq=False)
class Cutout:
    """A part of a frame.

    Attributes
    ----------
    filename : str
        Name of the frame's file.
    zone : tuple of int
        First column and row, last column and row, counted from 1, both included: x0, y0, x1, y1.
    data : ndarray, shape (ny, nx)
        Pixels, as `frame.data` has them.
    flags : ndarray of integers, shape (ny, nx), or None
        Reason bits, 0 = good; None where the file has none.
    variance : ndarray of float32, shape (ny, nx), or None
        Variance in the square of the unit of the pixels; None where the file has none.
    weight : ndarray of float32, shape (ny, nx), or None
        Weight, from the weight frame that the frame names; None without one.
    header : Header
        Cards of the frame, with coordinates that fit the part.
    fetched : int
        Bytes that came from the dataserver for it.
    """

    filename: str
    zone: tuple[int, int, int, int]
    data: NDArray[Any]
    header: Header
    flags: NDArray[Any] | None = None
    variance: NDArray[Any] | None = None
    weight: NDArray[Any] | None = None
    fetched: int = 0

    @property
    def shape(self) -> tuple[int, int]:
        """Number of rows and of columns."""
        return self.data.shape[0], self.data.shape[1]

    @property
    def slices(self) -> tuple[slice, slice]:
        """Where the part is in the pixels of the frame: `frame.data[cut.slices]`."""
        x0, y0, x1, y1 = self.zone
        return slice(y0 - 1, y1), slice(x0 - 1, x1)

    @cached_property
    def wcs(self) -> WCS:
        """World coordinates of the part."""
        return fits.wcs_of(self.header, self.filename)

    def write(self, path: str | Path, *, replace: bool = False) -> Path:
        """Write the part as one FITS file and return its path.

        The pixels are the first image; MASK, UNCERT and WEIGHT follow where there are some.

        Parameters
        ----------
        path : str or Path
            Path of the file.
        replace : bool
            Whether a file of that name is replaced.

        Raises
        ------
        FileTaken
            There is a file of that name, and `replace` is False.
        """
        planes = [
            plane_image(self.header, name, pixels)
            for name, pixels in (("MASK", self.flags), ("UNCERT", self.variance),
                                 ("WEIGHT", self.weight))
            if pixels is not None
        ]  # fmt: skip
        whole = Image(self.data, self.header)
        target = Path(path).expanduser()
        if not planes:
            return fits.write(target, whole, replace=replace)
        return fits.write(target, planes, primary=whole, replace=replace)

    def to_ccddata(self, unit: str | None = None) -> CCDData:
        """Return the part as an astropy CCDData, as `frame.to_ccddata()` does the whole.

        Parameters
        ----------
        unit : str, optional
            Unit of the pixels; that of BUNIT by default, `adu` without one.
        """
        with scratch_directory() as folder:
            return ccddata.read(self.write(folder / "cutout.fits"), unit)

    def __repr__(self) -> str:
        x0, y0, x1, y1 = self.zone
        planes = {"flags": self.flags, "variance": self.variance, "weight": self.weight}
        there = [name for name, pixels in planes.items() if pixels is not None]
        more = f" with {', '.join(there)}" if there else ""
        name = harmless(self.filename, lines=False)
        return f"<Cutout [{x0}:{x1},{y0}:{y1}] of {name}{more}>"


def cutout(
    frame: DataObject,
    x0: Any,
    y0: Any = None,
    x1: int | None = None,
    y1: int | None = None,
    *,
    size: Any = None,
) -> Cutout:
    """Return a part of the frame, of which only its bytes are fetched.

    `cutout(x0, y0, x1, y1)` takes columns and rows as the window of `inspect()` shows them: FITS
    pixels, counted from 1, both corners included. `cutout('10:00:30 +02:12', size='30 arcsec')`
    takes a place on the sky: as text, as two numbers or texts, or as a `SkyCoord`. What reaches
    beyond the frame is cut off.

    Parameters
    ----------
    x0, y0 : int, or a place
        Lower left corner; or, with `size`, right ascension and declination [deg], the text of
        both, or a `SkyCoord`.
    x1, y1 : int
        Upper right corner.
    size : float, str, Quantity or pair of these
        Width and height on the sky, along the columns and rows: a number in degrees, text such as
        '30 arcsec', or a quantity.

    Raises
    ------
    OutOfRange
        Nothing of it is on the frame.
    ArgumentError
        It is neither a zone nor a place with a size.
    BadHeader
        The frame has no coordinates that can be used.
    FileGone
        The frame has no file, or you may not see it.
    """
    source = _source(frame)
    images = Images(source)
    height, width = images.shape
    if size is None:
        wanted = where.zone_of_corners(x0, y0, x1, y1)
    elif x1 is not None or y1 is not None:
        msg = "cutout() takes four corners, or a place and a size, not both"
        raise ArgumentError(msg)
    else:
        wanted = where.zone_of_place(frame.wcs, where.place(x0, y0), size)
    zone = where.clipped(wanted, width, height, source.name)
    science, *planes = _read(images, zone)
    named = {str(fits.value_of(image.header, "EXTNAME", "")): image for image in planes}
    weight, more = _weight(frame, zone, (height, width))
    return Cutout(
        filename=source.name,
        zone=(zone[0] + 1, zone[1] + 1, zone[2], zone[3]),
        data=_pixels(science),
        header=part_header(science.header, zone),
        flags=_named(named, FLAGS),
        variance=variance_of(named),
        weight=weight,
        fetched=source.fetched + more,
    )


def _source(item: DataObject) -> Local | Remote:
    """Return where extracts of the file of an object come from: its copy here, if there is one."""
    return Local(Path(item.pathname)) if item.pathname else item.remote()


def _read(images: Images, zone: Zone) -> list[Image]:
    """Return the images of a zone: the first with its header, those behind it with theirs."""
    small = images.cut(zone)
    with scratch_directory() as folder:
        path = folder / "cutout.fits"
        path.write_bytes(small.content)
        first = fits.read(path, None, small.sections[0])
        return [first, *(
            fits.read(path, number + small.front, section)
            for number, section in enumerate(small.sections[1:], start=1)
        )]  # fmt: skip


def _pixels(image: Image) -> NDArray[Any]:
    assert image.pixels is not None
    return image.pixels.reshape(image.pixels.shape[-2:])


def _named(images: dict[str, Image], names: tuple[str, ...]) -> NDArray[Any] | None:
    return next((_pixels(images[name]) for name in names if name in images), None)


def _weight(
    frame: DataObject, zone: Zone, shape: tuple[int, int]
) -> tuple[NDArray[Any] | None, int]:
    """Return the weight of a zone, and the bytes fetched for it; None if there is none."""
    if "weight" not in type(frame).get_persistent_properties():
        return None, 0
    try:
        weight: DataObject | None = getattr(frame, "weight", None)
        if weight is None:
            return None, 0
        source = _source(weight)
        images = Images(source)
        if images.shape != shape:
            msg = f"{source.name} has not the shape of {frame.filename}"
            raise WrongShape(msg)
        return _pixels(_read(images, zone)[0]), source.fetched
    except AweError as error:
        out(f"the cutout has no weight: {error}\n")
        return None, 0
