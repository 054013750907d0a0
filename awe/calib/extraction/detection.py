"""Detection: the sky, its noise, and the groups of pixels above it.

The search is that of SExtractor as the library sep has it. What this module adds are limits that
do not end in the middle of a crowded frame: where the buffers of the search overflow, it is
repeated with a higher threshold, and the result says so.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import sep

from awe.errors import NoValidPixels

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["Detected", "Settings", "detect"]

#: the search keeps its buffers in one place: one thread at a time
_LOCK = threading.Lock()

#: pixels above the threshold, as parts of the frame, that the buffer is made for: all of it is
# written before the search, so a small one comes first
_BUFFER_PARTS = (0.05, 0.5)
_LEAST_BUFFER = 300_000

#: sub-objects of one group of pixels that are told apart at most
_SUB_OBJECTS = 8192

#: what the library says when a buffer is full
_OVERFLOWS = ("buffer full", "overflow")

#: weights below are those of pixels that are not used; one row and column in five shows the level
_LEAST_WEIGHT = 1e-4
_STEP = 5

#: by how much the threshold rises when a buffer was full, and how often
_RAISE = 2.0
_TRIES = 4

#: weights of the pixels in the smoothing before the search
_KERNEL = np.array([[1, 2, 1], [2, 4, 2], [1, 2, 1]], np.float32)


@dataclass(frozen=True, kw_only=True)
class Settings:
    """How sources are found and measured.

    Attributes
    ----------
    threshold : float, sigma
        Least height of a pixel of a source above the sky, in the smoothed frame.
    minimum_area : int, pixel
        Fewest connected pixels of a source.
    deblend_levels : int
        Levels at which a group of pixels is looked at for parts.
    deblend_contrast : float
        Least part of the light of the group that a part must have.
    clean : float
        Efficiency of removing what is only the wing of a neighbour; 0 removes nothing.
    box, median : int, pixel and boxes
        Side of the boxes of the sky, and boxes of the median over them.
    apertures : tuple of float, pixel
        Diameters of the circular apertures.
    kron_factor, kron_minimum : float
        Multiple of the Kron radius of the elliptical aperture, and the least it may be.
    gain : float, e-/ADU
        Electrons of a count, for the noise of the light.
    correlation : float
        How much larger the noise of sums of pixels is than that of independent ones; 0 measures
        it from the frame.
    """

    threshold: float
    minimum_area: int
    deblend_levels: int
    deblend_contrast: float
    clean: float
    box: int
    median: int
    apertures: tuple[float, ...]
    kron_factor: float
    kron_minimum: float
    gain: float
    correlation: float


@dataclass(frozen=True, kw_only=True)
class Detected:
    """What was found in a frame.

    Attributes
    ----------
    sky : ndarray of float32, shape (ny, nx), ADU
        The frame without its sky; masked pixels are 0.
    noise : ndarray of float32, shape (ny, nx), ADU
        Standard deviation of a pixel of the sky.
    background : ndarray of float64, shape (n,), ADU
        Sky under each source.
    level, rms : float, ADU
        Sky and its noise over the whole frame.
    objects : structured ndarray, shape (n,)
        Sources as the library gives them.
    places : ndarray of int32, shape (ny, nx)
        Number of the source a pixel belongs to, from 1; 0 where it belongs to none.
    threshold : float, sigma
        Threshold that was used; higher than requested where a buffer was full.
    bad : ndarray of bool, shape (ny, nx)
        True where a pixel may not be used.
    spread : ndarray of float64, shape (n,), ADU
        Standard deviation of a pixel of the sky at each source.
    share : ndarray of float64, shape (n,)
        Photons of a count at each source over those at weight 1.
    searched : Detected or None
        Another frame that the sources were found in.
    """

    sky: NDArray[np.float32]
    noise: NDArray[np.float32]
    background: NDArray[np.float64]
    level: float
    rms: float
    objects: Any
    places: NDArray[np.int32]
    threshold: float
    bad: NDArray[np.bool_]
    spread: NDArray[np.float64]
    share: NDArray[np.float64]
    searched: Detected | None = None


def detect(
    image: NDArray[Any],
    settings: Settings,
    bad: NDArray[np.bool_] | None = None,
    weight: NDArray[np.float32] | None = None,
    searched: Detected | None = None,
) -> Detected:
    """Return the sources of a frame.

    Parameters
    ----------
    image : ndarray of float, shape (ny, nx), ADU
        Frame, flat-fielded; NaN is bad. It is not changed.
    settings : Settings
        How sources are found.
    bad : ndarray of bool, shape (ny, nx), optional
        True where a pixel may not be used.
    weight : ndarray of float32, shape (ny, nx), optional
        Relative inverse variance of the sky: noise and photons of a count follow it.
    searched : Detected, optional
        Another frame on the same pixels whose sources are taken; nothing is searched for here.

    Raises
    ------
    NoValidPixels
        No pixel may be used, or the pixels have no noise.

    References
    ----------
    Bertin & Arnouts 1996, A&AS 117, 393; Barbary 2016, JOSS 1, 58 (sep). Departure: where the
    buffers of the search overflow it is repeated with twice the threshold.
    """
    # the library takes floats in the order of the machine only
    pixels = np.array(image, np.float32, order="C")
    unusable = ~np.isfinite(pixels) if bad is None else bad | ~np.isfinite(pixels)
    if unusable.all():
        msg = "no pixel may be used: all are flagged; nothing can be detected"
        raise NoValidPixels(msg)
    np.copyto(pixels, 0, where=unusable)
    box = min(settings.box, *pixels.shape)
    sky = sep.Background(
        pixels, mask=unusable, bw=box, bh=box, fw=settings.median, fh=settings.median
    )
    noise = sky.rms()
    silent = ~(noise > 0)
    if silent.all():
        msg = "the pixels have no noise: no source can be told from the sky"
        raise NoValidPixels(msg)
    level = sky.back()
    pixels -= level
    np.copyto(pixels, 0, where=unusable)
    noise[silent] = sky.globalrms
    if weight is not None:
        noise = _by_weight(noise, np.asarray(weight, np.float32))
    if searched is None:
        objects, places, threshold = _search(pixels, noise, unusable, settings)
    else:
        objects, places, threshold = searched.objects, searched.places, searched.threshold
    x, y = _nearest(objects["x"], pixels.shape[1]), _nearest(objects["y"], pixels.shape[0])
    return Detected(
        sky=pixels,
        noise=noise,
        background=level[y, x].astype(np.float64),
        level=float(sky.globalback),
        rms=float(sky.globalrms),
        objects=objects,
        places=places,
        threshold=threshold,
        bad=unusable,
        spread=noise[y, x].astype(np.float64),
        share=weight[y, x].astype(np.float64) if weight is not None else np.ones(x.size),
        searched=searched,
    )


def _by_weight(
    noise: NDArray[np.float32], weight: NDArray[np.float32]
) -> NDArray[np.float32]:
    """Return the noise of pixels as their weights have it, at the level of the measured one."""
    root: NDArray[np.float32] = np.sqrt(np.maximum(weight, np.float32(_LEAST_WEIGHT)))
    some = (slice(None, None, _STEP), slice(None, None, _STEP))
    used = weight[some] > 0
    level = np.median((noise[some] * root[some])[used]) if used.any() else np.median(noise)
    found: NDArray[np.float32] = (np.float32(level) / root).astype(np.float32, copy=False)
    return found


def _nearest(values: NDArray[np.float64], size: int) -> NDArray[np.intp]:
    return np.clip(np.rint(values), 0, size - 1).astype(np.intp)


def _search(
    pixels: NDArray[np.float32],
    noise: NDArray[np.float32],
    unusable: NDArray[np.bool_],
    settings: Settings,
) -> tuple[Any, NDArray[np.int32], float]:
    """Return sources, the map of their pixels, and the threshold that was used."""
    threshold = settings.threshold
    parts = [_BUFFER_PARTS[0]] + _TRIES * [_BUFFER_PARTS[1]]
    for part in parts:
        try:
            with _LOCK:
                sep.set_extract_pixstack(max(_LEAST_BUFFER, int(part * pixels.size)))
                sep.set_sub_object_limit(_SUB_OBJECTS)
                objects, places = sep.extract(
                    pixels, threshold, err=noise, mask=unusable, minarea=settings.minimum_area,
                    filter_kernel=_KERNEL, filter_type="conv",
                    deblend_nthresh=settings.deblend_levels,
                    deblend_cont=settings.deblend_contrast, clean=settings.clean > 0,
                    clean_param=settings.clean or 1.0, segmentation_map=True,
                )  # fmt: skip
        except Exception as error:
            if not any(word in str(error) for word in _OVERFLOWS):
                raise
            if part == parts[-1]:
                threshold *= _RAISE
        else:
            return objects, places, threshold
    msg = (
        f"the search overflows even at {threshold:g} sigma: the sky is not flat, or most of the "
        "frame is light; raise DETECT_THRESH or give smaller boxes, BACK_SIZE"
    )
    raise NoValidPixels(msg)
