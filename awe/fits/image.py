"""Images: one array with its header, read from FITS files.

Reading maps the file and copies only the requested section, in one step, into native byte
order; unsigned 16-bit frames stay 16-bit, and images packed in tiles come unpacked. Arrays are
[y, x] and zero-based; sections are slices of them.
"""

from __future__ import annotations

import hashlib
import io
import warnings
import zlib
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from awe.errors import BadFits, FileGone
from awe.fits import blocks
from awe.fits.cards import clean
from awe.fits.scaling import Scaling, counts_of, damaged

if TYPE_CHECKING:
    from astropy.io.fits import HDUList, Header
    from numpy.typing import NDArray

__all__ = ["PLANES", "Image", "checked", "image_of", "opened", "parse_header", "read",
           "read_header", "read_pixels", "sha256"]  # fmt: skip

Section = tuple[slice, slice]


@dataclass(frozen=True, eq=False)
class Image:
    """One image: `pixels` indexed [y, x], None for an empty primary, and its `header`.

    When it is written, `within` is the largest relative error its pixels may have in the file: 0
    packs them in tiles without loss, None leaves them as plain pixels; `cards` (keyword, value,
    comment) are written besides those of the header, and instead of those of the same keywords.
    """

    pixels: NDArray[Any] | None
    header: Header
    within: float | None = None
    cards: tuple[tuple[str, Any, str], ...] = ()


def read(
    path: Path | str, extension: int | str | None = 0, section: Section | None = None
) -> Image:
    """Return one image of a FITS file.

    Parameters
    ----------
    path : path
        The file; judge it first when it comes from outside.
    extension : int or str, optional
        Number of the HDU, or its EXTNAME; None for the first that holds an image.
    section : pair of slices, optional
        The part [y, x] wanted; only that part is read.

    Returns
    -------
    Image
        Pixels in native byte order, in memory of their own: uint16 for frames with BZERO
        32768, float32 for other scaled integers of 16 bits, otherwise the type of the file.
        Integers come as floats where one of them is BLANK; it is NaN there.

    Raises
    ------
    FileGone
        There is no such file.
    BadFits
        There is no such extension, it holds no image, the section is not inside it, or the
        file ends before its last pixel.
    """
    with opened(path) as hdus:
        hdu = image_of(hdus, extension, path)
        return Image(checked(hdu, section, path), _header_of(hdus, hdu, extension))


def read_pixels(
    path: Path | str, extension: int | str | None = 0, section: Section | None = None
) -> NDArray[Any]:
    """Return the pixels that `read` would, without the work a header of many cards is.

    Parameters
    ----------
    path : Path or str
        Path of the file.
    extension : int or str, optional
        Number or EXTNAME of the HDU; None for the first that holds an image.
    section : tuple of slice, optional
        Slices in y and x to read; all pixels by default.
    """
    with opened(path) as hdus:
        return checked(image_of(hdus, extension, path), section, path)


def read_header(path: Path | str, extension: int | str | None = 0) -> Header:
    """Return a copy of one header; nothing else of the file is read.

    Parameters
    ----------
    path : Path or str
        Path of the file.
    extension : int or str, optional
        Number or EXTNAME of the HDU; None for the first that holds an image, with those cards
        of the primary header it has not itself.

    Raises
    ------
    FileGone
        There is no such file.
    BadFits
        There is no such extension.
    """
    with opened(path) as hdus:
        hdu = _first(hdus) if extension is None else _extension(hdus, extension, path)
        return _header_of(hdus, hdus[0] if hdu is None else hdu, extension)


def parse_header(head: bytes, name: str) -> Header:
    """Return the header that `read_header` would of the first image, from the first bytes.

    Parameters
    ----------
    head : bytes
        First bytes of a file, the whole primary header among them, and that of the extension
        behind it where the primary HDU is empty.
    name : str
        Name of the file in the message.

    Raises
    ------
    BadFits
        They are not those of a FITS file.
    """
    from astropy.io import fits

    if not head.startswith(b"SIMPLE  ="):
        msg = f"{name} is not a FITS file: it begins with {head[:9]!r}; retrieve() it to look"
        raise BadFits(msg)
    first = blocks.header_end(head)
    if not 0 < first < blocks.image_header_end(head):
        return fits.Header.fromstring(head[: first or None])
    with _known_warnings(), fits.open(io.BytesIO(head), do_not_scale_image_data=True) as hdus:
        image = hdus[1]
        return _header_of(hdus, image if image.is_image and image.shape else hdus[0], None)


def sha256(path: Path | str) -> str:
    """Return the SHA-256 of a file in hexadecimal.

    Parameters
    ----------
    path : Path or str
        Path of the file.
    """
    with Path(path).open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


@contextmanager
def _known_warnings() -> Iterator[None]:
    """Keep astropy from warning of what `checked` refuses where pixels are wanted."""
    from astropy.utils.exceptions import AstropyUserWarning

    with warnings.catch_warnings():
        told = "File may have been truncated|Invalid .*'BLANK'|Error validating header"
        warnings.filterwarnings("ignore", told, AstropyUserWarning)
        yield


@contextmanager
def opened(path: Path | str) -> Iterator[HDUList]:
    """Open a FITS file for reading; yield its HDUs, none of them scaled.

    Parameters
    ----------
    path : Path or str
        Path of the file.

    Raises
    ------
    FileGone
        There is no such file.
    BadFits
        It is not a FITS file.
    """
    from astropy.io import fits

    with ExitStack() as stack, _known_warnings():
        try:
            # astropy leaves a file open in which it finds a mistake
            file = stack.enter_context(Path(path).open("rb"))
            hdus = fits.open(
                file, memmap=True, do_not_scale_image_data=True, lazy_load_hdus=True
            )
        except FileNotFoundError as error:
            msg = f"no file {path} here; retrieve() it or check the name"
            raise FileGone(msg) from error
        except OSError as error:
            if error.errno is not None:
                raise
            # astropy goes on with advice on its own arguments, which nobody can give here
            found = str(error).split(". ")[0].rstrip(".")
            msg = f"{path} is not a FITS file: {found}; fetch it again"
            raise BadFits(damaged(path) or msg) from error
        with hdus:
            yield hdus


def _first(hdus: HDUList) -> Any:
    """Return the first HDU that holds an image, or None."""
    return next((hdu for hdu in hdus if hdu.is_image and hdu.shape), None)


def _header_of(hdus: HDUList, hdu: Any, extension: int | str | None) -> Header:
    header: Header = hdu.header.copy()
    if extension is None and hdu is not hdus[0]:
        # the primary header tells what all images share; the image's own cards go before
        header.extend(clean(hdus[0].header), unique=True)
    return header


def image_of(hdus: HDUList, extension: int | str | None, path: Path | str) -> Any:
    """Return the HDU of an image of an open file.

    Parameters
    ----------
    hdus : HDUList
        The open file.
    extension : int or str or None
        Number or EXTNAME; None for the first that holds an image.
    path : Path or str
        Path of the file, for the message.

    Raises
    ------
    BadFits
        There is no such extension, or it holds no image.
    """
    hdu = _first(hdus) if extension is None else _extension(hdus, extension, path)
    if hdu is None or hdu.is_image is False or not hdu.shape:
        named = path if extension is None else f"extension {extension!r} of {path}"
        msg = f"{named} holds no image; it has {_listed(hdus)}"
        image = _first(hdus)
        if image is not None:
            place = image.name or hdus.index_of(image)
            msg += f"; name one: frame.inspect(extension={place!r})"
        raise BadFits(msg)
    return hdu


def checked(hdu: Any, section: Section | None, path: Path | str) -> NDArray[Any]:
    """Return the pixels of an HDU, scaled.

    Parameters
    ----------
    hdu : HDU
        Image of an open file.
    section : tuple of slice or None
        Slices in y and x to read; None for all pixels.
    path : Path or str
        Path of the file, for the message.

    Raises
    ------
    BadFits
        The file is cut off, its scaling cannot be read, or the section is outside the image.
    """
    if section is not None:
        _check_section(section, hdu.shape, path)
    _check_length(hdu, path)
    scaling = Scaling.of(hdu.header, path)
    try:
        return counts_of(hdu, section, scaling)
    except (TypeError, EOFError, zlib.error) as error:
        # what is packed is cut off where nobody sees it from outside
        if not hdu.fileinfo()["file"].compression:
            raise
        msg = f"{path} is cut off: unpacked it ends before its last pixel; fetch it again"
        raise BadFits(msg) from error


def _check_length(hdu: Any, path: Path | str) -> None:
    from astropy.io import fits

    place = hdu.fileinfo()
    # of a compressed image astropy tells the size unpacked, and of its bytes whole blocks only
    packed = isinstance(hdu, fits.CompImageHDU)
    size = place["datSpan"] - (blocks.BLOCK - 1) if packed else hdu.size
    promised = place["datLoc"] + size
    found = Path(path).stat().st_size
    # a compressed file is shorter than its content; astropy says there where it ends
    if promised > found and not place["file"].compression:
        msg = (
            f"{path} is cut off: its header promises {promised} bytes, the file has {found}; "
            "fetch it again"
        )
        raise BadFits(msg)


def _extension(hdus: HDUList, extension: int | str, path: Path | str) -> Any:
    try:
        return hdus[extension]
    except (KeyError, IndexError) as error:
        msg = f"{path} has no extension {extension!r}; it has {_listed(hdus)}"
        raise BadFits(msg) from error


def _listed(hdus: HDUList) -> str:
    names = [f"{number} {hdu.name!r}" for number, hdu in enumerate(hdus)]
    return ", ".join(names[:8]) + (f", ... {len(names)} in all" if len(names) > 8 else "")


def _check_section(section: Section, shape: tuple[int, ...], path: Path | str) -> None:
    for part, length in zip(section, shape[-2:], strict=True):
        start, stop, step = part.indices(length)
        asked = part.stop if part.stop is not None else length
        if step != 1 or start >= stop or asked > length:
            msg = f"section {section} is outside the image of {path}: [y, x] has shape {shape}"
            raise BadFits(msg)


#: Card that tells how many planes are behind an image.
PLANES = "AWE PLANES"
