"""A common solution beside SCAMP, and one of 160 frames: time, memory and errors.

Stars with a common distortion on a chip of 1024 x 2048 pixels, five dithers, 150 reference stars
of 20 mas: both solve the same lists, in turns, errors are against the true maps. Then 32 chips of
2048 x 4100 pixels in five exposures. Exits 1 where a limit is not kept.

    python -m benchmarks.common_astrometry [--repeats 2] [--only-large]
"""

from __future__ import annotations

import argparse
import os
import resource
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from awe.calib.astrometry.matching import Stars
from awe.calib.astrometry.overlaps import Common, Detections, solve_together
from awe.calib.astrometry.projection import projected, unprojected
from awe.calib.astrometry.solution import Plate
from benchmarks.alternating import load

SCALE = 0.2132
CENTRE = (150.0, -5.0)
ORDER = [(i, j) for i in range(4) for j in range(4 - i)]
REFERENCE_ERROR = 0.02
RATIO, SECONDS, MEGABYTES = 100.0, 5.0, 500.0


@dataclass(frozen=True, kw_only=True)
class Sky:
    """Frames of a sky, their true maps, the light of their stars, and the reference."""

    frames: list[Detections]
    true: list[Plate]
    light: list[np.ndarray]
    reference: Stars
    shape: tuple[int, int]


def sky(
    rng: np.random.Generator, *, chips: tuple[int, int], shape: tuple[int, int], density: float,
    references: int, dither: tuple[float, float], wrong: float,
) -> Sky:  # fmt: skip
    """Return five dithers of a mosaic with a distortion of each chip."""
    ny, nx = shape
    reach = 0.5 * np.array([chips[0] * nx, chips[1] * ny]) * SCALE * 1.03
    reach += 2 * np.array(dither) + 30
    stars = int(4 * reach.prod() * density)
    places = rng.uniform(-1, 1, (stars, 2)) * reach
    flux = 10 ** rng.uniform(0, 2, stars)
    some = rng.choice(stars, references, replace=False)
    catalogue = places[some] + rng.normal(0, REFERENCE_ERROR, (references, 2))
    reference = Stars(
        x=catalogue[:, 0], y=catalogue[:, 1], error=np.full(references, REFERENCE_ERROR)
    )
    frames, true, light = [], [], []
    bends = {}
    for exposure in range(5):
        turn = rng.normal(0, 0.05, (2, 3))
        for cx in range(chips[0]):
            for cy in range(chips[1]):
                bend = bends.setdefault((cx, cy), rng.normal(0, 0.3, (2, 10)))
                at = ((cx - (chips[0] - 1) / 2) * nx * SCALE * 1.03,
                      (cy - (chips[1] - 1) / 2) * ny * SCALE * 1.03)  # fmt: skip
                at = np.array(at) + np.array(dither) * (exposure - 2)
                plate, one, mine = _frame(rng, places, flux, at, bend, turn, shape, wrong)
                frames.append(one)
                true.append(plate)
                light.append(flux[mine])
    return Sky(frames=frames, true=true, light=light, reference=reference, shape=shape)


def _frame(
    rng: np.random.Generator, places: np.ndarray, flux: np.ndarray, at: np.ndarray,
    bend: np.ndarray, turn: np.ndarray, shape: tuple[int, int], wrong: float,
) -> tuple[Plate, Detections, np.ndarray]:  # fmt: skip
    size = np.array([shape[1] / 2, shape[0] / 2])
    middle = size - 0.5
    numbers = bend.copy()
    numbers[:, 0] += at
    numbers[0, ORDER.index((1, 0))] += SCALE * size[0]
    numbers[1, ORDER.index((0, 1))] += SCALE * size[1]
    numbers[:, [ORDER.index(one) for one in ((0, 0), (1, 0), (0, 1))]] += turn
    plate = Plate(coefficients=numbers, degree=3, middle=middle, size=size)
    near = (abs(places - at) < size * SCALE * 1.05 + 3).all(axis=1).nonzero()[0]
    pixel = (places[near] - at) / SCALE + middle
    for _ in range(8):
        pixel = pixel - (plate(*pixel.T) - places[near]) / SCALE
    inside = ((pixel > 0) & (pixel < 2 * middle)).all(axis=1)
    near, pixel = near[inside], pixel[inside]
    error = SCALE * np.hypot(0.3 / flux[near], 0.01)
    seen = pixel + rng.normal(0, 1, pixel.shape) * error[:, None] / SCALE
    # as a solution of the frame alone leaves it
    start = numbers + rng.normal(0, wrong, (2, 10))
    begun = Plate(coefficients=start, degree=3, middle=middle, size=size)
    return plate, Detections(x=seen[:, 0], y=seen[:, 1], error=error, plate=begun), near


def cpu() -> float:
    """Return the processor seconds of this process and its children."""
    now = os.times()
    return now.user + now.system + now.children_user + now.children_system


def errors(one: Sky, maps: list[Any]) -> np.ndarray:
    """Return by how much maps to the plane are wrong at the stars of the frames [mas]."""
    off = [
        plate(frame.x, frame.y) - true(frame.x, frame.y)
        for frame, plate, true in zip(one.frames, maps, one.true, strict=True)
    ]
    return 1000 * np.hypot(*np.concatenate(off).T)


def _header(one: Sky, number: int) -> Any:
    """Return a linear header of a frame, as right as the start of the common solution."""
    from astropy.io import fits

    ny, nx = one.shape
    # SCAMP reads these first, in this order, or calls the header corrupted
    header = fits.Header(
        [("SIMPLE", True), ("BITPIX", -32), ("NAXIS", 2), ("NAXIS1", nx), ("NAXIS2", ny)]
    )
    header["CTYPE1"], header["CTYPE2"] = "RA---TAN", "DEC--TAN"
    header["CRVAL1"], header["CRVAL2"] = CENTRE
    for name, value in one.frames[number].plate.cards(one.shape).items():
        if not name.startswith("PV"):
            header[name] = value
    return header


def scamp(one: Sky, folder: Path) -> list[Any]:
    """Return the maps that SCAMP finds for the same lists."""
    from astropy.io import fits
    from astropy.wcs import WCS

    names = []
    for number, frame in enumerate(one.frames):
        text = _header(one, number)
        text["EXPTIME"], text["DATE-OBS"], text["FILTER"] = 100.0, "2016-01-01T00:00:00", "r"
        card = text.tostring(endcard=True, padding=True)
        light = 1000 * one.light[number]
        pixel = frame.error / SCALE
        columns = [
            ("X_IMAGE", frame.x + 1), ("Y_IMAGE", frame.y + 1), ("ERRA_IMAGE", pixel),
            ("ERRB_IMAGE", pixel), ("ERRTHETA_IMAGE", 0 * pixel), ("FLUX_AUTO", light),
            ("FLUXERR_AUTO", light**0.5), ("FLAGS", 0 * light),
        ]  # fmt: skip
        _ldac(folder / f"f{number}.cat", card, columns)
        names.append(f"f{number}.cat")
    ra, dec = unprojected(one.reference.x, one.reference.y, CENTRE)
    error = one.reference.error / 3600
    zero = 0 * ra
    _ldac(folder / "ref.cat", fits.Header().tostring(endcard=True, padding=True), [
        ("X_WORLD", ra), ("Y_WORLD", dec), ("ERRA_WORLD", error), ("ERRB_WORLD", error),
        ("ERRTHETA_WORLD", zero), ("MAG", zero + 15), ("MAGERR", zero + 0.01),
        ("OBSDATE", zero + 2016.0),
    ])  # fmt: skip
    command = [
        "scamp", *names, "-c", "/dev/null", "-ASTREF_CATALOG", "FILE", "-ASTREFCAT_NAME",
        "ref.cat", "-ASTREFCENT_KEYS", "X_WORLD,Y_WORLD", "-ASTREFERR_KEYS",
        "ERRA_WORLD,ERRB_WORLD,ERRTHETA_WORLD", "-ASTREFMAG_KEY", "MAG", "-ASTREFMAGERR_KEY",
        "MAGERR", "-CENTROID_KEYS", "X_IMAGE,Y_IMAGE", "-CENTROIDERR_KEYS",
        "ERRA_IMAGE,ERRB_IMAGE,ERRTHETA_IMAGE", "-DISTORT_KEYS", "X_IMAGE,Y_IMAGE",
        "-DISTORT_GROUPS", "1,1", "-DISTORT_DEGREES", "3", "-PHOTFLUX_KEY", "FLUX_AUTO",
        "-PHOTFLUXERR_KEY", "FLUXERR_AUTO", "-STABILITY_TYPE", "EXPOSURE",
        "-PROJECTION_TYPE", "TPV", "-CROSSID_RADIUS", "1.5", "-SOLVE_PHOTOM", "N",
        "-CHECKPLOT_TYPE", "NONE", "-WRITE_XML", "N", "-NTHREADS", "1",
        "-VERBOSE_TYPE", "QUIET", "-SN_THRESHOLDS", "5.0,10.0",
    ]  # fmt: skip
    done = subprocess.run(
        command, cwd=folder, capture_output=True, text=True, timeout=600, check=False
    )
    if done.returncode:
        sys.exit(f"scamp: {done.stderr[-300:]}")
    maps = []
    for number in range(len(one.frames)):
        lines = (folder / f"f{number}.head").read_text(errors="replace").splitlines()
        lines = [line for line in lines if not line.startswith(("HISTORY", "COMMENT"))]
        wcs = WCS(fits.Header.fromstring("\n".join(lines), sep="\n"))
        maps.append(_plane(wcs))
    return maps


def _plane(wcs: Any) -> Any:
    def places(x: np.ndarray, y: np.ndarray) -> np.ndarray:
        return np.stack(projected(*wcs.all_pix2world(x, y, 0), CENTRE), axis=-1)

    return places


def _ldac(path: Path, card: str, columns: list[tuple[str, Any]]) -> None:
    from astropy.io import fits

    # SCAMP takes places as doubles, their errors and light as floats
    kinds = {"FLAGS": "1I"} | dict.fromkeys(
        ("X_IMAGE", "Y_IMAGE", "X_WORLD", "Y_WORLD", "OBSDATE"), "1D"
    )
    made = [
        fits.Column(name=name, format=kinds.get(name, "1E"), array=values)
        for name, values in columns
    ]
    cell = fits.Column(
        name="Field Header Card", format=f"{len(card)}A", array=np.array([card.encode()])
    )
    head = fits.BinTableHDU.from_columns([cell], name="LDAC_IMHEAD")
    objects = fits.BinTableHDU.from_columns(made, name="LDAC_OBJECTS")
    fits.HDUList([fits.PrimaryHDU(), head, objects]).writeto(path, overwrite=True)
    # trailing blanks become NUL, which ends the header for other programs
    with fits.open(path) as hdus:
        begin = hdus[1].fileinfo()["datLoc"]
    data = path.read_bytes()
    path.write_bytes(data[:begin] + card.encode() + data[begin + len(card):])


def together(one: Sky) -> Common:
    """Return the common solution of a sky."""
    return solve_together(one.frames, one.reference, degree=3, clip=3.5)


def beside(repeats: int) -> bool:
    """Compare with SCAMP, five dithers of one chip; return True where both limits are kept."""
    rng = np.random.default_rng(16)
    one = sky(rng, chips=(1, 1), shape=(2048, 1024), density=0.004, references=150,
              dither=(25.0, 45.0), wrong=0.05)  # fmt: skip
    together(one)
    ours, theirs = [], []
    for _ in range(repeats):
        begin = cpu()
        found = together(one)
        ours.append(cpu() - begin)
        with tempfile.TemporaryDirectory() as folder:
            begin = cpu()
            maps = scamp(one, Path(folder))
            theirs.append(cpu() - begin)
    ratio = min(theirs) / min(ours)
    mine, other = errors(one, found.plates), errors(one, maps)
    for name, seconds, off in (("awe", min(ours), mine), ("SCAMP", min(theirs), other)):
        print(f"{name}: {seconds:.3f} CPU s, error median {np.median(off):.1f}, "
              f"99 % {np.quantile(off, 0.99):.1f} mas")  # fmt: skip
    print(f"SCAMP / awe {ratio:.0f}; load {load()}")
    return ratio >= RATIO and bool(np.median(mine) <= 1.02 * np.median(other))


def large() -> bool:
    """Solve 32 chips in five exposures; return True where time and memory are kept."""
    rng = np.random.default_rng(17)
    one = sky(rng, chips=(8, 4), shape=(4100, 2048), density=0.0008, references=1500,
              dither=(25.0, 85.0), wrong=0.03)  # fmt: skip
    begin = cpu()
    found = together(one)
    seconds = cpu() - begin
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    off = errors(one, found.plates)
    print(f"{len(one.frames)} frames, {sum(len(f.x) for f in one.frames)} detections: "
          f"{seconds:.1f} CPU s, {memory:.0f} MB, error median {np.median(off):.1f}, 99 % "
          f"{np.quantile(off, 0.99):.1f} mas")  # fmt: skip
    return seconds < SECONDS and memory < MEGABYTES


def main() -> int:
    """Print what was found; return 1 where a limit is not kept."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--repeats", type=int, default=2)
    parser.add_argument("--only-large", action="store_true")
    options = parser.parse_args()
    kept = large()
    if not options.only_large:
        kept = beside(options.repeats) and kept
    return int(not kept)


if __name__ == "__main__":
    sys.exit(main())
