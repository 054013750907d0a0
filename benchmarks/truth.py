"""Every product of a night against the truth it was simulated with, and what photons allow.

    python -m benchmarks.truth                     one chip of 768 x 768 pixels
    python -m benchmarks.truth --seed 5 --table FILE

Raw files go through ingest and the recipes; of products only their files and attributes are
looked at. Pixels that glow are in darks and science frames, and in no bias.
"""

from __future__ import annotations

import argparse
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from astropy.io import fits as astropy_fits
from astropy.nddata import CCDData

from awe import calib
from awe.calib.detector.bias import DIGITISATION
from awe.calib.flags import PixelFlag
from benchmarks import grid, scenes
from benchmarks.alternating import load
from benchmarks.nights import DOME, Night
from benchmarks.pipeline import installation
from benchmarks.raws import TWILIGHT

Row = tuple[str, str, str]

#: charge of glowing pixels in a science frame [ADU], and how many there are
GLOW, GLOWING = (80.0, 5000.0), 300
#: exposure times of science frames and darks [s]
EXPOSED, DARK = 360.0, 600.0
SKIES = (0.0, 1.0, 5.0, 20.0, 60.0)
BITS = (12, 14, 16)


class Truth(Night):
    """A night whose chip has pixels that glow, with what the recipes made of it."""

    def shine(self) -> np.ndarray:
        """Choose the glowing pixels; return their charge in a science frame [ADU]."""
        rng = np.random.default_rng([int(self.rng.integers(1 << 30)), 9])
        glow = np.zeros(self.sensor.shape)
        free = np.flatnonzero(~self.sensor.defects.ravel())
        places = rng.choice(free, GLOWING, replace=False)
        glow.ravel()[places] = np.exp(rng.uniform(*np.log(GLOW), GLOWING))
        return glow

    def make(self, recipe: str, kind: str | None = None, filtered: bool = False) -> Any:
        """Return the product of a recipe, committed."""
        more: dict[str, Any] = {"commit": True}
        if kind is not None:
            more["raw_filenames"] = self.names[kind]
        return self.run(recipe, filtered, **more)[0]

    def dark(self, glow: np.ndarray) -> None:
        """Store darks in which pixels glow."""
        expected = glow * scenes.GAIN * DARK / EXPOSED
        frames = [(self.sensor.read(self.rng, expected), None) for _ in range(5)]
        self.names["dark"] = self.store("dark", frames)

    def reduced(self, number: int, raw: np.ndarray) -> Any:
        """Return a raw image reduced."""
        [name] = self.store("science", [(raw, None)], first=number)
        [product] = self.run("Reduce", False, raw_filenames=[name], commit=True)
        return product

    names: dict[str, list[str]]


def rms(found: np.ndarray, truth: np.ndarray, good: np.ndarray) -> str:
    """Return the scatter about the truth, and of blocks of 64 pixels."""
    off = np.where(good & np.isfinite(found), found - truth, np.nan)
    off -= np.nanmean(off)
    ny, nx = (side // 64 for side in off.shape)
    blocks = off[: ny * 64, : nx * 64].reshape(ny, 64, nx, 64)
    return f"{np.nanstd(off):.5f}; blocks {np.nanstd(np.nanmean(blocks, axis=(1, 3))):.5f}"


def masters(night: Truth) -> Iterator[Row]:
    """Yield the figures of calibrations."""
    sensor, noise = night.sensor, np.hypot(scenes.READ_NOISE, DIGITISATION**0.5)
    good = ~sensor.defects
    for kind in ("bias", "dome", "twilight"):
        night.names[kind] = night.store(kind, night.raws(kind))
    yield "read noise [ADU]", f"{night.make('ReadNoise', 'bias').read_noise:.4f}", (
        f"{scenes.READ_NOISE:.4f}"
    )
    bias = night.make("Bias", "bias")
    # rows have levels of their own, with an error each
    yield "bias, rms about truth [ADU]", rms(bias.data, sensor.bias, good), (
        f"{noise / len(night.names['bias']) ** 0.5:.4f}"
    )
    hot = night.make("HotPixels").data == 0
    strong = sensor.hot > 5 * noise
    yield "hot pixels found; others flagged", (
        f"{(hot & strong).sum()}; {(hot & (sensor.hot == 0)).sum()}"
    ), f"{strong.sum()}; 0"
    dome = night.make("DomeFlat", "dome")
    light = sum(level for level, _ in DOME)
    yield "dome flat, rms about truth", rms(dome.data, sensor.response, good), (
        f"{(1 / (scenes.GAIN * light)) ** 0.5:.5f}"
    )
    gain = night.make("Gain")
    yield "gain [e-/ADU]", f"{gain.gain:.4f}", f"{scenes.GAIN:.4f}"
    cold = night.make("ColdPixels", filtered=True).data == 0
    dim = sensor.cold & (sensor.response < 0.9)
    yield "cold pixels found; others flagged", (
        f"{(cold & dim).sum()}; {(cold & ~sensor.defects).sum()}"
    ), f"{dim.sum()}; 0"
    sky = night.make("TwilightFlat", "twilight")
    yield "twilight flat, rms about truth", rms(sky.data, sensor.response, good), (
        f"{(1 / (scenes.GAIN * sum(TWILIGHT))) ** 0.5:.5f}"
    )
    master = night.make("MasterFlat", filtered=True)
    yield "master flat, rms about truth", rms(master.data, sensor.response, good), "dome flat's"
    yield "master flat, stated noise", f"{master.noise:.5f}", "its rms"


def science(night: Truth, glow: np.ndarray) -> Iterator[Row]:
    """Yield the figures of reduced frames."""
    sensor, seed = night.sensor, int(night.rng.integers(1 << 30))
    for number, sky in enumerate(SKIES):
        light = np.full(sensor.shape, sky) * sensor.response
        product = night.reduced(number, sensor.read(night.rng, light * scenes.GAIN))
        ccd = product.to_ccddata()
        good = (ccd.flags == 0) & ~sensor.defects
        error = (ccd.data - sky)[good] ** 2 / ccd.uncertainty.array[good]
        yield f"chi-square at a sky of {sky:g} ADU", f"{error.mean(dtype=float):.3f}", "1"
    scene = scenes.scene(grid.Cell(1500, 300, 3.6, 700.0), sensor, seed)
    product = night.reduced(20, sensor.read(
        night.rng, (scene.expected + glow) * scenes.GAIN, scene.charge
    ))  # fmt: skip
    yield from frame(product, scene, glow)
    for number, bits in enumerate(BITS):
        bright = scenes.scene(grid.Cell(1500, 0, 3.6, 700.0), sensor, seed + number)
        end = 2**bits - 1
        raw = np.minimum(bright.raw, end)
        inside = raw[: sensor.shape[0], 48 : 48 + sensor.shape[1]]
        full = inside >= min(end, 60_000)
        flags = night.reduced(30 + number, raw).to_ccddata().flags
        missed = full & (flags & int(PixelFlag.SATURATED) == 0)
        beyond = (flags & int(PixelFlag.SATURATED) > 0) & ~full
        yield f"saturated pixels missed; beyond, of a converter of {bits} bits", (
            f"{missed.sum()} of {full.sum()}; {beyond.sum()}"
        ), "0; 0"


def frame(product: Any, scene: scenes.Scene, glow: np.ndarray) -> Iterator[Row]:
    """Yield the figures of one reduced frame of stars."""
    ccd = product.to_ccddata()
    hit = scene.charge > 0.1 * scene.noise
    good = (ccd.flags == 0) & ~scene.chip.defects & ~hit & (glow == 0)
    off = ccd.data - scene.light
    yield "sky of a frame with stars [ADU]", f"{product.imstat.median:.2f}", f"{scene.level:.2f}"
    chi2 = (off[good] ** 2 / ccd.uncertainty.array[good]).mean(dtype=float)
    yield "chi-square, without flag or hit", f"{chi2:.4f}", "1"
    stray = good & (np.abs(off) > 6 * np.sqrt(ccd.uncertainty.array))
    yield "pixels off by more than 6 sigma", f"{stray.sum()} of {good.sum()}", "0"
    left = (glow > 0) & (ccd.flags == 0) & (glow > 5 * scene.noise)
    yield "glowing pixels that stay without a flag, over 5 sigma", (
        f"{left.sum()} of {(glow > 5 * scene.noise).sum()}"
    ), "0"
    weight = product.weight.data
    yield "weight 0 without flag; flag without weight 0", (
        f"{((weight == 0) & (ccd.flags == 0)).sum()}; {((weight > 0) & (ccd.flags != 0)).sum()}"
    ), "0; 0"
    yield "seeing [pixel]", f"{product.psf_radius / 0.2134:.3f}", f"{scene.cell.fwhm}"
    errors, centres = photometry(ccd.data, good | (ccd.flags == 0), scene)
    yield "light of stars, mean and rms [mag]; centroids, rms [pixel]", (
        f"{errors.mean():+.4f}, {errors.std():.4f} of {errors.size}; {centres:.3f}"
    ), "0; 0"
    raw = product.raw.wcs.pixel_to_world(148, 100)
    place = product.wcs.pixel_to_world(100, 100)
    yield "place on the sky against the raw frame [arcsec]", (
        f"{raw.separation(place).arcsec:.2g}"
    ), "0"
    with astropy_fits.open(product.pathname) as hdus:
        cards = [name for name in ("GAIN", "RDNOISE", "SATURATE", "PSF_FWHM")
                 if name in hdus[0].header]  # fmt: skip
        strips = [name for name in hdus[0].header if "PRSC" in name or "OVSC" in name]
        with_wcs = [hdu.name or "image" for hdu in hdus if "CTYPE1" in hdu.header]
    yield "cards of the product; of strips left; planes with coordinates", (
        f"{', '.join(cards)}; {len(strips)}; {', '.join(with_wcs)}"
    ), "GAIN, RDNOISE, SATURATE, PSF_FWHM; 0; all"
    plain = CCDData.read(product.pathname)
    same = np.array_equal(plain.mask, ccd.flags != 0)
    yield "`CCDData.read`: mask is that of the flags; uncertainty", (
        f"{same}; {type(plain.uncertainty).__name__}"
    ), "True; VarianceUncertainty"


def photometry(
    image: np.ndarray, good: np.ndarray, scene: scenes.Scene
) -> tuple[np.ndarray, float]:
    """Return errors of clean bright stars in circles [mag], and the rms of their centroids."""
    reach = 8
    y, x = np.mgrid[-reach : reach + 1, -reach : reach + 1]
    inside = np.hypot(y, x) <= reach
    errors, centres = [], []
    for k in np.argsort(-scene.flux):
        row, column = round(scene.y[k]), round(scene.x[k])
        box = (slice(row - reach, row + reach + 1), slice(column - reach, column + reach + 1))
        if min(row, column) < reach or good[box].shape != inside.shape:
            continue
        truth = scene.stars[box] * inside
        sky = scene.light[box] - scene.stars[box]
        found = (image[box] - sky) * inside
        noise = np.sqrt((scene.noise[box][inside] ** 2).sum())
        if not good[box][inside].all() or truth.sum() < 200 * noise:
            continue
        errors.append(-2.5 * np.log10(found.sum() / truth.sum()))
        centres += [((found - truth) * axis).sum() / truth.sum() for axis in (y, x)]
    return np.array(errors), float(np.std(centres)) if centres else float("nan")


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--size", type=int, default=768, help="side of the chip [pixel]")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--table", metavar="FILE", help="write the table as Markdown")
    options = parser.parse_args()
    warnings.simplefilter("ignore")
    with installation() as folder:
        calib.warm()
        night = Truth(
            folder, "ESO_CCD_#65", scenes.sensor(options.size, options.seed), 0,
            np.random.default_rng([options.seed, 77]),
        )  # fmt: skip
        night.names = {}
        glow = night.shine()
        rows = []
        for row in masters(night):
            rows.append(row)
            print(*row, sep=" | ", flush=True)
        night.dark(glow)
        night.make("Dark", "dark")
        for row in science(night, glow):
            rows.append(row)
            print(*row, sep=" | ", flush=True)
    print(load())
    if options.table:
        lines = ["| what | awe | truth or limit |", "|---|---|---|"]
        lines += [f"| {name} | {found} | {truth} |" for name, found, truth in rows]
        Path(options.table).write_text("\n".join([*lines, ""]), encoding="utf-8")


if __name__ == "__main__":
    main()
