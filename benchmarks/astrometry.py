"""Local astrometry beside SCAMP, and spoiled fields that must not be solved.

Stars of a chip of 2048 x 4100 pixels with cubic distortion, a header that is wrong by arcseconds
and a turn, and a reference: both solve the same lists, in turns; errors are against the true map
over the whole chip. Then fields that are spoiled in eight ways. Exits 1 where a limit is not kept.

    python -m benchmarks.astrometry [--repeats 3] [--spoiled 200]
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np

from awe.calib.astrometry.matching import Stars
from awe.calib.astrometry.projection import projected, unprojected
from awe.calib.astrometry.solution import Limits, solve
from awe.errors import NoValidPixels
from benchmarks.alternating import load, table

SHAPE = (4100, 2048)
SCALE = 0.2132
CENTRE = (150.0, -5.0)
MIDDLE = np.array([1023.5, 2049.5])
LIMITS = Limits(reach=180.0, scale=0.05, degree=3, clip=3.5, fewest=5, rms=0.3)
RATIO = 100.0
ERROR = 0.02
KINDS = ("shift", "turn", "flip", "scale", "half a degree", "few", "tracks", "another field")


def cpu() -> float:
    """Return the processor seconds of this process and its children."""
    now = os.times()
    return now.user + now.system + now.children_user + now.children_system


def scene(random: np.random.Generator, number: int) -> tuple[Any, Any, Any, Any]:
    """Return places [pixel] and light of stars, the reference [arcsec], and the true map."""
    bent = random.normal(0, 0.5, (2, 7))

    def true(x: Any, y: Any) -> Any:
        u, v = (x - MIDDLE[0]) / 2050, (y - MIDDLE[1]) / 2050
        powers = np.stack([u * u, u * v, v * v, u**3, u * u * v, u * v * v, v**3], -1)
        return np.stack([-(x - MIDDLE[0]), y - MIDDLE[1]], -1) * SCALE + powers @ bent.T

    all_ = 3 * number
    x, y = random.uniform(-1400, 3400, all_), random.uniform(-1400, 5500, all_)
    flux = 100 * 10 ** random.exponential(0.9, all_)
    seen = (x > 5) & (x < 2043) & (y > 5) & (y < 4095) & (random.random(all_) < 0.93)
    known = random.random(all_) < 0.75
    first, second = np.argsort(-flux[seen]), np.argsort(-flux[known])
    places = np.stack([x[seen], y[seen]], -1)[first]
    places = places + random.normal(0, ERROR, places.shape)
    reference = true(x[known], y[known])[second] + random.normal(0, 0.004, (known.sum(), 2))
    light = flux[seen][first], flux[known][second]
    return places, light, reference, true


def start(
    places: Any, turn: float = 0, scale: float = 1, flip: bool = False, shift: Any = (0, 0)
) -> Any:
    """Return places by a header that is wrong [arcsec]."""
    cos, sin = np.cos(np.radians(turn)), np.sin(np.radians(turn))
    matrix = scale * np.array([[cos, -sin], [sin, cos]]) @ np.diag([-SCALE, SCALE])
    if flip:
        matrix = np.diag([-1, 1]) @ matrix
    return (places - MIDDLE) @ matrix.T + np.array(shift)


def ours(places: Any, reference: Any, **wrong: Any) -> Any:
    """Return our solution."""
    begin = start(places, **wrong)
    low, high = begin.min(axis=0) - LIMITS.reach, begin.max(axis=0) + LIMITS.reach
    near = reference[((reference >= low) & (reference <= high)).all(axis=1)]
    return solve(
        places[:, 0], places[:, 1],
        Stars(x=begin[:, 0], y=begin[:, 1], error=np.full(len(begin), ERROR * SCALE)),
        Stars(x=near[:, 0], y=near[:, 1], error=np.full(len(near), 0.004)), LIMITS, SHAPE,
    )  # fmt: skip


def errors(told: Any, true: Any) -> Any:
    """Return distances from the true map over the chip [arcsec]."""
    x, y = (one.ravel() for one in np.meshgrid(np.linspace(0, 2047, 15), np.linspace(0, 4099, 25)))
    return np.hypot(*(told(x, y) - true(x, y)).T)


def scamp(folder: Path, places: Any, light: Any, reference: Any, wrong: Any) -> Any:
    """Return the map of SCAMP."""
    from astropy.io import fits
    from astropy.wcs import WCS

    cos, sin = np.cos(np.radians(wrong["turn"])), np.sin(np.radians(wrong["turn"]))
    matrix = np.array([[cos, -sin], [sin, cos]]) @ np.diag([-SCALE, SCALE]) / 3600
    ra, dec = unprojected(np.array([wrong["shift"][0]]), np.array([wrong["shift"][1]]), CENTRE)
    header = fits.Header({
        "SIMPLE": True, "BITPIX": -32, "NAXIS": 2, "NAXIS1": SHAPE[1], "NAXIS2": SHAPE[0],
        "CTYPE1": "RA---TAN",
        "CTYPE2": "DEC--TAN", "CRVAL1": float(ra[0]), "CRVAL2": float(dec[0]),
        "CRPIX1": MIDDLE[0] + 1, "CRPIX2": MIDDLE[1] + 1, "CD1_1": matrix[0, 0],
        "CD1_2": matrix[0, 1], "CD2_1": matrix[1, 0], "CD2_2": matrix[1, 1],
        "DATE-OBS": "2012-06-01T00:00:00", "EXPTIME": 100.0, "FILTER": "r",
    })  # fmt: skip
    n = len(places)
    stars = {
        "NUMBER": ("J", np.arange(1, n + 1)), "XWIN_IMAGE": ("D", places[:, 0] + 1),
        "YWIN_IMAGE": ("D", places[:, 1] + 1), "ERRAWIN_IMAGE": ("E", np.full(n, ERROR)),
        "ERRBWIN_IMAGE": ("E", np.full(n, ERROR)), "ERRTHETAWIN_IMAGE": ("E", np.zeros(n)),
        "FLUX_AUTO": ("E", light[0]), "FLUXERR_AUTO": ("E", light[0] / 100),
        "MAG_AUTO": ("E", 30 - 2.5 * np.log10(light[0])), "MAGERR_AUTO": ("E", np.full(n, 0.01)),
        "FLUX_RADIUS": ("E", np.full(n, 2.0)), "ELONGATION": ("E", np.ones(n)),
        "FLAGS": ("I", np.zeros(n)),
    }  # fmt: skip
    m = len(reference)
    right, up = unprojected(reference[:, 0], reference[:, 1], CENTRE)
    known = {
        "X_WORLD": ("D", right), "Y_WORLD": ("D", up), "ERRA_WORLD": ("E", np.full(m, 1e-6)),
        "ERRB_WORLD": ("E", np.full(m, 1e-6)), "ERRTHETA_WORLD": ("E", np.zeros(m)),
        "MAG": ("E", 30 - 2.5 * np.log10(light[1])), "MAGERR": ("E", np.full(m, 0.01)),
        "OBSDATE": ("D", np.full(m, 2012.4)),
    }  # fmt: skip
    for name, columns, cards in (("s.cat", stars, header), ("ref.cat", known, fits.Header())):
        # the end card included, and as long as the cell says: SCAMP trusts both
        text = cards.tostring(endcard=True, padding=True)
        front = fits.BinTableHDU.from_columns(
            [fits.Column("Field Header Card", f"{len(text)}A", array=np.array([text]))],
            name="LDAC_IMHEAD",
        )
        body = fits.BinTableHDU.from_columns(
            [fits.Column(name=key, format=kind, array=values)
             for key, (kind, values) in columns.items()], name="LDAC_OBJECTS",
        )  # fmt: skip
        fits.HDUList([fits.PrimaryHDU(), front, body]).writeto(folder / name, overwrite=True)
        # astropy pads the cell with NUL, and SCAMP crashes there
        with fits.open(folder / name) as hdus:
            begin = hdus[1].fileinfo()["datLoc"]
        content = bytearray((folder / name).read_bytes())
        content[begin : begin + len(text)] = text.encode()
        (folder / name).write_bytes(content)
    subprocess.run(
        ["scamp", "s.cat", "-ASTREF_CATALOG", "FILE", "-ASTREFCAT_NAME", "ref.cat",
         "-ASTREFCENT_KEYS", "X_WORLD,Y_WORLD", "-ASTREFERR_KEYS",
         "ERRA_WORLD,ERRB_WORLD,ERRTHETA_WORLD", "-ASTREFMAG_KEY", "MAG", "-ASTREFMAGERR_KEY",
         "MAGERR", "-DISTORT_DEGREES", "3", "-CHECKPLOT_TYPE", "NONE", "-NTHREADS", "1",
         "-WRITE_XML", "N", "-SOLVE_PHOTOM", "N", "-POSITION_MAXERR", "1.0", "-VERBOSE_TYPE",
         "QUIET", "-PROJECTION_TYPE", "TPV"],
        cwd=folder, check=True, capture_output=True, timeout=120,
    )  # fmt: skip
    lines = (folder / "s.head").read_text(errors="replace").splitlines()
    kept = [line for line in lines if not line.startswith(("HISTORY", "COMMENT"))]
    wcs = WCS(fits.Header.fromstring("\n".join(kept), sep="\n"))

    def told(x: Any, y: Any) -> Any:
        return np.stack(projected(*wcs.all_pix2world(x, y, 0), CENTRE), -1)

    return told


def compared(repeats: int) -> bool:
    """Print both, and return whether the limits are kept."""
    rows, kept = [], True
    wrong = {"shift": (14.0, -9.0), "turn": 0.05}
    for number in (300, 1500):
        times: tuple[list[float], list[float]] = ([], [])
        off: tuple[list[Any], list[Any]] = ([], [])
        for seed in range(repeats):
            places, light, reference, true = scene(np.random.default_rng(seed), number)
            begin = cpu()
            found = ours(places, reference, **wrong)
            times[0].append(cpu() - begin)
            off[0].append(errors(found.plate, true))
            with tempfile.TemporaryDirectory() as folder:
                begin = cpu()
                told = scamp(Path(folder), places, light, reference, wrong)
                times[1].append(cpu() - begin)
            off[1].append(errors(told, true))
        mine, their = (np.median(one) for one in times)
        for name, seconds, far in (("awe", mine, off[0]), ("SCAMP", their, off[1])):
            far = 1000 * np.concatenate(far)
            rows.append((f"{name}, {len(places)} stars", f"{seconds:.3f}", f"{np.median(far):.1f}",
                         f"{np.quantile(far, 0.99):.1f}"))  # fmt: skip
        kept &= their >= RATIO * mine and np.median(off[0]) <= np.median(off[1])
    print(load())
    print(table(("", "CPU s", "error median [mas]", "99 % [mas]"), rows))
    return kept


def spoiled(random: np.random.Generator, kind: str) -> tuple[Any, Any, Any, Any]:
    """Return a field that is wrong in a way."""
    places, _, reference, true = scene(random, int(random.choice([20, 60, 200, 800])))
    wrong: dict[str, Any] = {}
    if kind == "shift":
        wrong = {"shift": tuple(random.uniform(-400, 400, 2))}
    if kind == "turn":
        wrong = {"turn": random.uniform(-180, 180)}
    if kind == "flip":
        wrong = {"flip": True, "turn": random.uniform(-180, 180)}
    if kind == "scale":
        wrong = {"scale": random.uniform(0.7, 1.4)}
    if kind == "half a degree":
        wrong = {"shift": (1800.0, random.uniform(-60, 60))}
    if kind == "few":
        places = places[np.sort(random.permutation(len(places))[: random.integers(1, 7)])]
    if kind == "tracks":
        ends = random.uniform(0, 2000, (2, 2))
        along = ends[0] + random.random((500, 1)) * (ends[1] - ends[0])
        places = np.concatenate([along + random.normal(0, 1, (500, 2)), places[::3]])
    if kind == "another field":
        _, _, reference, _ = scene(random, 300)
    return places, reference, true, wrong


def refused(number: int) -> bool:
    """Print what became of spoiled fields, and return whether none was solved wrongly."""
    rows, none = [], True
    for kind in KINDS:
        random = np.random.default_rng([5, KINDS.index(kind)])
        right = wrong = no = 0
        for _ in range(number // len(KINDS)):
            places, reference, true, changes = spoiled(random, kind)
            try:
                found = ours(places, reference, **changes)
            except NoValidPixels:
                no += 1
                continue
            fine = kind != "another field" and np.median(errors(found.plate, true)) < 1
            right, wrong = right + fine, wrong + (not fine)
        none &= wrong == 0
        rows.append((kind, str(right), str(wrong), str(no)))
    print(table(("spoiled by", "solved rightly", "wrongly", "refused"), rows))
    return none


def main() -> int:
    """Measure both."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--spoiled", type=int, default=200)
    options = parser.parse_args()
    kept = [compared(options.repeats)] if options.repeats else []
    kept.append(refused(options.spoiled))
    return 0 if all(kept) else 1


if __name__ == "__main__":
    sys.exit(main())
