"""What can be looked at: frames of the database, FITS files, `CCDData` and arrays, made alike.

A file may be named with an extension, `'any.fits[2]'` or `'any.fits[SCI]'`; of a cube one plane
is shown, `plane=` says which.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from awe import fits
from awe.errors import ArgumentError, FileGone
from awe.inspect.facts import Facts, facts_of
from awe.terminal import harmless

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["Source", "source_of"]

_EXTENSION = re.compile(r"(?P<path>.+)\[(?P<extension>[^\[\]]+)\]")


@dataclass(frozen=True, kw_only=True)
class Source:
    """An image to look at.

    Attributes
    ----------
    name : str
        What it is called in titles.
    pixels : ndarray, shape (ny, nx) or (ny, nx, 3)
        The image.
    header : mapping
        Its header; empty without one.
    unit : str
        Unit of the pixels; empty where nobody knows, or where they have none.
    path : str
        File of the image, empty for arrays.
    observed : str
        Name of the target, where the database has corrected that of the header.
    """

    name: str
    pixels: NDArray[Any]
    header: Mapping[str, Any] = field(default_factory=dict)
    unit: str = ""
    path: str = ""
    observed: str = ""

    @property
    def facts(self) -> Facts:
        """What its header tells about the pixels."""
        return facts_of(self.header, self.unit)


def source_of(
    frame: Any,
    extension: int | str | None = None,
    *,
    pixels: Any = None,
    plane: int | None = None,
) -> Source:
    """Return an image to look at.

    Parameters
    ----------
    frame : frame, path, CCDData or ndarray
        A frame of the database, a FITS file, or pixels.
    extension : int or str, optional
        Number or name of the extension of a file; default: its first image.
    pixels : ndarray, optional
        Pixels to show in the place of the frame's.
    plane : int, optional
        Plane of a cube, from 1; default: the first.

    Raises
    ------
    ArgumentError
        It is nothing that can be shown.
    """
    _check_extension(extension)
    if isinstance(frame, str | Path):
        return _of_file(frame, extension, plane)
    if hasattr(frame, "filename"):
        return _of_frame(frame, extension, pixels, plane)
    if extension is not None:
        msg = f"extension={extension!r}: only files have extensions; leave it out"
        raise ArgumentError(msg)
    data = getattr(frame, "data", None)
    if hasattr(frame, "header") and hasattr(data, "dtype"):
        header = getattr(frame, "meta", None) or frame.header or {}
        unit = str(getattr(frame, "unit", None) or "")
        return Source(name=type(frame).__name__, pixels=_image(data, "the image", plane),
                      header=header, unit=_spelled(unit))  # fmt: skip
    return Source(name="array", pixels=_image(frame, "the array", plane))


def _check_extension(extension: Any) -> None:
    known = extension is None or isinstance(extension, int | str)
    if isinstance(extension, bool) or not known:
        msg = f"extension={extension!r}: expected its number or its name"
        raise ArgumentError(msg)


def _of_file(path: str | Path, extension: int | str | None, plane: int | None) -> Source:
    """Return the image of a file, whose name may end in [extension]."""
    file = Path(path).expanduser()
    named = _EXTENSION.fullmatch(str(file))
    if named is not None and not file.exists():
        if extension is not None:
            msg = f"{path}: its extension is given twice; leave out extension={extension!r}"
            raise ArgumentError(msg)
        file, inside = Path(named["path"]), named["extension"]
        extension = int(inside) if inside.isdecimal() else inside
    if not file.exists():
        msg = f"there is no file {file}; expected a FITS file, a frame or an array"
        raise FileGone(msg)
    image = fits.read(file, extension)
    name = file.name if extension is None else f"{file.name}[{extension}]"
    name = harmless(name, lines=False)
    return Source(name=name, pixels=_image(image.pixels, name, plane), header=image.header,
                  unit=_unit(image.header), path=str(file))  # fmt: skip


def _of_frame(
    frame: Any, extension: int | str | None, pixels: Any, plane: int | None
) -> Source:
    name = str(frame.filename or frame.pathname)
    if pixels is not None:
        return Source(name=name, pixels=_image(pixels, name, plane))
    header = frame.header
    data = frame.data if extension is None else None
    if extension is not None:
        image = fits.read(frame.pathname, extension)
        data, header, name = image.pixels, image.header, f"{name}[{extension}]"
    # a plan may have corrected what the header of a raw frame says
    return Source(name=name, pixels=_image(data, name, plane), header=header,
                  unit=_unit(header), path=_place(frame),
                  observed=str(getattr(frame, "OBJECT", None) or ""))  # fmt: skip


def _place(frame: Any) -> str:
    """Return where the file of a frame is on this machine, once its pixels were read."""
    fetch = getattr(frame, "_here", None)
    return str(fetch() if fetch is not None else frame.pathname or "")


def _unit(header: Mapping[str, Any]) -> str:
    """Return what the pixels are measured in; raw frames seldom say that it is ADU."""
    return _spelled(harmless(str(fits.value_of(header, "BUNIT", "adu")).strip(), lines=False))


def _spelled(unit: str) -> str:
    return unit.upper() if unit.lower() == "adu" else unit


def _image(pixels: Any, name: str, plane: int | None) -> NDArray[Any]:
    """Return pixels that can be shown: an image, one of colours, or a plane of a cube."""
    import numpy as np

    try:
        image = np.asarray(pixels)
    except ValueError:
        image = np.asarray(None)
    if image.dtype.kind not in "biuf":
        msg = (
            f"{name}: {type(pixels).__name__} holds no numbers to show; expected a frame, "
            "a FITS file or an array"
        )
        raise ArgumentError(msg)
    colour = image.ndim == 3 and image.shape[2] == 3 and plane is None
    if image.ndim == 3 and not colour and image.size:
        return _plane(image, name, 1 if plane is None else plane)
    if not (image.ndim == 2 or colour) or image.size == 0:
        msg = (
            f"{name}: pixels have shape {image.shape}; expected (ny, nx) or (ny, nx, 3); "
            "give one plane with pixels="
        )
        raise ArgumentError(msg)
    return image


def _plane(cube: NDArray[Any], name: str, plane: int) -> NDArray[Any]:
    number = cube.shape[0]
    if isinstance(plane, bool) or not isinstance(plane, int) or not 1 <= plane <= number:
        msg = f"{name}: plane={plane!r}; expected 1 to {number}"
        raise ArgumentError(msg)
    chosen: NDArray[Any] = cube[plane - 1]
    return chosen
