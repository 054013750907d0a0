"""Images: one array with its header, read from and written to FITS files.

Reading maps the file and copies only the requested section, in one step, into native byte
order; unsigned 16-bit frames stay 16-bit. Writing goes to a temporary name in the same folder,
with CHECKSUM and DATASUM, and appears under the final name only when complete. It does not wait
for the disk: that is the dataserver's to do with its copy. Refuses to replace a file unless
asked. Arrays are [y, x] and zero-based; sections are slices of them.
"""

from __future__ import annotations

import errno
import hashlib
import os
import secrets
import warnings
import zlib
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

from awe.errors import BadFits, ChecksumMismatch, DiskFull, FileGone, FileTaken
from awe.fits import blocks, stream
from awe.fits.cards import clean
from awe.fits.scaling import Scaling, counts_of, damaged
from awe.localfiles import appear

if TYPE_CHECKING:
    from astropy.io.fits import HDUList, Header
    from numpy.typing import NDArray

__all__ = ["PLANES", "Image", "checked", "image_of", "opened", "parse_header", "read",
           "read_header", "read_pixels", "sha256", "write"]  # fmt: skip

Section = tuple[slice, slice]


@dataclass(frozen=True, eq=False)
class Image:
    """One image: `pixels` indexed [y, x], None for an empty primary, and its `header`."""

    pixels: NDArray[Any] | None
    header: Header


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
    """Return the header that `read_header` would, from the first bytes of a file.

    Parameters
    ----------
    head : bytes
        First bytes of a file, the whole primary header among them.
    name : str
        Name of the file in the message.

    Raises
    ------
    BadFits
        They are not those of a FITS file.
    """
    from astropy.io.fits import Header

    if not head.startswith(b"SIMPLE  ="):
        msg = f"{name} is not a FITS file: it begins with {head[:9]!r}; retrieve() it to look"
        raise BadFits(msg)
    return Header.fromstring(head)


def write(
    path: Path | str,
    images: Image | Sequence[Image],
    *,
    primary: Image | Header | None = None,
    compress: bool = False,
    replace: bool = False,
) -> Path:
    """Write a FITS file that `fitsverify` passes, and return its path.

    Parameters
    ----------
    path : path
        The final name.
    images : Image or sequence of Image
        One Image becomes the primary HDU. A sequence becomes extensions, named by their
        EXTNAME cards, behind the primary HDU.
    primary : Image or Header, optional
        The primary HDU when `images` is a sequence: an image, or a header without pixels.
    compress : bool
        Compress integer extensions with RICE, losslessly; they are read back and compared
        before the file appears. Floating-point images are never compressed.
    replace : bool
        Allow an existing file to be replaced.

    Raises
    ------
    FileTaken
        The name is taken and `replace` is False.
    DiskFull
        There is no space; nothing is left behind.
    ChecksumMismatch
        A compressed map did not read back as it was.
    """
    target = Path(path)
    if os.path.lexists(target) and not replace:
        msg = f"{target} exists already; choose another name or use replace=True"
        raise FileTaken(msg)
    # In the same folder: neither link(2) nor rename(2) crosses file systems.
    part = target.with_name(f".{target.name[:200]}.{secrets.token_hex(6)}.part")
    try:
        _write_part(part, _hdus(images, primary, compress))
        if compress and not isinstance(images, Image):
            _compare(part, images)
        appear(part, target, replace=replace)
    except FileTaken:
        raise
    except OSError as error:
        # numpy gives a write that was cut short no number
        if error.errno in (errno.ENOSPC, errno.EDQUOT) or "requested and" in str(error):
            msg = f"no space left for {target}; free some or choose another folder"
            raise DiskFull(msg) from error
        raise
    finally:
        with suppress(FileNotFoundError):
            part.unlink()
    return target


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
    from astropy.utils.exceptions import AstropyUserWarning

    with ExitStack() as stack, warnings.catch_warnings():
        # astropy only warns of these; `checked` refuses where pixels are wanted
        told = "File may have been truncated|Invalid .*'BLANK'|Error validating header"
        warnings.filterwarnings("ignore", told, AstropyUserWarning)
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


def _hdus(
    images: Image | Sequence[Image], primary: Image | Header | None, compress: bool
) -> HDUList:
    from astropy.io import fits

    if isinstance(images, Image):
        alone = clean(images.header)
        alone.remove(PLANES, ignore_missing=True)
        return fits.HDUList([fits.PrimaryHDU(_storable(images), alone)])
    front = primary if isinstance(primary, Image) else Image(None, clean(primary))
    first = clean(front.header)
    first.remove("EXTNAME", ignore_missing=True)
    first.remove(PLANES, ignore_missing=True)
    if front.pixels is not None:
        # a file that is cut off exactly behind a plane looks whole otherwise
        first[f"HIERARCH {PLANES}"] = (len(images), "extensions behind the image")
    hdus = fits.HDUList([fits.PrimaryHDU(_storable(front), first)])
    for image in images:
        header = clean(image.header)
        pixels = _storable(image)
        if compress and pixels is not None and pixels.dtype.kind in "iu":
            hdus.append(fits.CompImageHDU(pixels, header, compression_type="RICE_1"))
        else:
            hdus.append(fits.ImageHDU(pixels, header))
    return hdus


def _storable(image: Image) -> NDArray[Any] | None:
    """Return pixels as FITS can hold them: truth values become bytes."""
    import numpy as np

    pixels = image.pixels
    return pixels.view(np.uint8) if pixels is not None and pixels.dtype == np.bool_ else pixels


def _write_part(part: Path, hdus: HDUList) -> None:
    from astropy.io import fits

    compressed = any(isinstance(hdu, fits.CompImageHDU) for hdu in hdus)
    descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o644)
    with os.fdopen(descriptor, "wb") as file:
        if compressed:
            _write_compressed(file, hdus)
        else:
            stream.write(descriptor, hdus)


def _write_compressed(file: BinaryIO, hdus: HDUList) -> None:
    try:
        hdus.writeto(file, checksum=True, output_verify="silentfix")
    except AttributeError as error:
        # if the disk is full astropy fails while it makes its message
        if isinstance(error.__context__, OSError):
            raise error.__context__ from None
        raise


def _compare(part: Path, images: Sequence[Image]) -> None:
    import numpy as np

    for number, image in enumerate(images, start=1):
        if image.pixels is None or image.pixels.dtype.kind not in "biu":
            continue
        back = read(part, number).pixels
        if back is None or not np.array_equal(back, image.pixels):
            msg = f"extension {number} does not read back as written; write it uncompressed"
            raise ChecksumMismatch(msg)
