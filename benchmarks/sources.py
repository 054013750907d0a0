"""Source lists beside SExtractor, and sources in the database, under rights.

A frame of 2048 x 4100 pixels with stars, 0.2 % of its pixels bad, is searched by awe and by
SExtractor (Debian's source-extractor) in turns with the same settings. Rows: lists of sources are
entered by their creator, and somebody else asks for cones of one arcminute. Two lists of 100,000
sources are matched, by astropy too. Exits 1 where a limit is not kept.

    python -m benchmarks.sources [--repeats 5] [--rows 1000000]
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
import uuid
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.alternating import load, table
from benchmarks.filled import opened

SHAPE = (4100, 2048)
SIGMA = 3.8 / 2.3548
GAIN = 2.5
STARS = 3500
ZERO = 27.6
CPU_LIMIT = 1.25
DIFFERENCE_LIMIT = 0.005
CONE_LIMIT = 10.0
RATE_LIMIT = 50_000
LIST = 20_000
PLACES = 40
#: sources per square degree
DENSITY = 100_000

SEXTRACTOR = ("NUMBER", "X_IMAGE", "Y_IMAGE", "XWIN_IMAGE", "YWIN_IMAGE", "FLUX_AUTO",
              "FLUXERR_AUTO", "FLUX_APER", "FLUXERR_APER", "FLUX_RADIUS", "FLAGS",
              "CLASS_STAR")  # fmt: skip


def cpu() -> float:
    """Return the processor seconds of this process and its children."""
    now = os.times()
    return now.user + now.system + now.children_user + now.children_system


def field(random: np.random.Generator) -> tuple[Any, Any, Any, Any]:
    """Return a frame, its reason bits, and places and light of its stars."""
    ny, nx = SHAPE
    x, y = random.uniform(10, nx - 10, STARS), random.uniform(10, ny - 10, STARS)
    magnitude = np.maximum(20.9 - random.exponential(1 / 0.69, STARS), 14)
    flux = 10 ** (-0.4 * (magnitude - ZERO))
    image = np.full(SHAPE, 420.0)
    reach = 25
    for px, py, light in zip(x, y, flux, strict=True):
        left, low = max(int(px) - reach, 0), max(int(py) - reach, 0)
        right, high = min(int(px) + reach + 1, nx), min(int(py) + reach + 1, ny)
        across = np.exp(-((np.arange(left, right) - px) ** 2) / 2 / SIGMA**2)
        along = np.exp(-((np.arange(low, high) - py) ** 2) / 2 / SIGMA**2)
        image[low:high, left:right] += light / (2 * np.pi * SIGMA**2) * along[:, None] * across
    image = random.poisson(image * GAIN) / GAIN + random.normal(0, 2, SHAPE)
    reasons = np.zeros(SHAPE, np.uint16)
    reasons.ravel()[random.integers(0, image.size, image.size // 500)] = 16
    image[reasons != 0] = 0
    return image.astype(np.float32), reasons, np.c_[x, y], flux


def judged(x: Any, y: Any, aperture: Any, error: Any, places: Any, flux: Any) -> list[str]:
    """Return found, completeness, unmatched, error of bright places, and width of pulls."""
    from scipy.spatial import cKDTree

    distance, star = cKDTree(places).query(np.c_[x, y], distance_upper_bound=2)
    there = np.isfinite(distance)
    bright = there.copy()
    bright[there] = flux[star[there]] > np.quantile(flux, 0.9)
    inside = 1 - np.exp(-25 / (2 * SIGMA**2))
    alone = cKDTree(places).query(places, k=2)[0][:, 1] > 25
    some = there.copy()
    some[there] = alone[star[there]]
    pulls = (aperture[some] - inside * flux[star[some]]) / error[some]
    return [
        str(x.size), f"{np.unique(star[there]).size / STARS:.4f}", f"{1 - there.mean():.4f}",
        f"{np.median(distance[bright]):.4f}",
        f"{1.4826 * np.median(abs(pulls - np.median(pulls))):.3f}",
    ]  # fmt: skip


def searched(repeats: int) -> bool:
    """Print how both find the stars of one frame; return whether the limits are kept."""
    from astropy.io import fits

    from awe.calib.extraction.catalogue import measure
    from awe.calib.extraction.detection import Settings

    image, reasons, places, flux = field(np.random.default_rng(3))
    settings = Settings(
        threshold=1.5, minimum_area=5, deblend_levels=32, deblend_contrast=0.005, clean=1, box=64,
        median=3, apertures=(10.0,), kron_factor=2.5, kron_minimum=3.5, gain=GAIN, correlation=0,
    )
    with tempfile.TemporaryDirectory() as folder:
        here = Path(folder)
        fits.writeto(here / "f.fits", image)
        fits.writeto(here / "w.fits", (reasons == 0).astype(np.uint8))
        (here / "p.param").write_text("\n".join(SEXTRACTOR) + "\n")
        shared = "/usr/share/source-extractor"
        command = [
            "source-extractor", "f.fits", "-c", "/dev/null", "-PARAMETERS_NAME", "p.param",
            "-FILTER_NAME", f"{shared}/default.conv", "-STARNNW_NAME", f"{shared}/default.nnw",
            "-CATALOG_TYPE", "FITS_1.0", "-CATALOG_NAME", "o.cat", "-DETECT_THRESH", "1.5",
            "-ANALYSIS_THRESH", "1.5", "-BACK_SIZE", "64", "-WEIGHT_TYPE", "MAP_WEIGHT",
            "-WEIGHT_IMAGE", "w.fits", "-GAIN", str(GAIN), "-PHOT_APERTURES", "10",
            "-SATUR_LEVEL", "1e9", "-VERBOSE_TYPE", "QUIET",
        ]  # fmt: skip
        ours, theirs = [], []
        for _ in range(repeats + 1):
            start = cpu()
            found = measure(fits.getdata(here / "f.fits"), settings, reasons=reasons).columns
            ours.append(cpu() - start)
            start = cpu()
            subprocess.run(command, cwd=here, check=True, capture_output=True)
            theirs.append(cpu() - start)
        other = fits.getdata(here / "o.cat", 1)
    mine = [
        judged(found[x] - 1, found[y] - 1, found["FLUX_APER_10"], found["FLUXERR_APER_10"],
               places, flux)
        for x, y in (("Xpos", "Ypos"), ("XWIN_IMAGE", "YWIN_IMAGE"))
    ]  # fmt: skip
    their = [
        judged(other[x] - 1, other[y] - 1, other["FLUX_APER"], other["FLUXERR_APER"], places, flux)
        for x, y in (("X_IMAGE", "Y_IMAGE"), ("XWIN_IMAGE", "YWIN_IMAGE"))
    ]
    seconds = [float(np.median(times[1:])) for times in (ours, theirs)]
    heading = ("", "CPU s", "found", "complete", "unmatched", "bright places, median [pixel]",
               "pull width of isolated stars")  # fmt: skip
    print(load())
    print(table(heading, [
        ("awe, centre of light", f"{seconds[0]:.2f}", *mine[0]),
        ("awe, windowed", "", *mine[1]),
        ("SExtractor, isophotal", f"{seconds[1]:.2f}", *their[0]),
        ("SExtractor, windowed", "", *their[1]),
    ]))  # fmt: skip
    near = all(
        abs(float(a[k]) - float(b[k])) <= DIFFERENCE_LIMIT
        for a, b in zip(mine, their, strict=True) for k in (1, 2)
    )  # fmt: skip
    print(f"\nCPU, awe / SExtractor: {seconds[0] / seconds[1]:.2f}")
    return near and seconds[0] <= CPU_LIMIT * seconds[1]


def _spent(process: int) -> float:
    """Return the processor seconds of another process."""
    fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def asked(rows: int) -> bool:
    """Print how fast rows are entered and found; return whether the limits are kept."""
    from awe.db.server.connection import database
    from awe.model import sourcerows
    from awe.model.sourcerows import COLUMNS, Sources

    random = np.random.default_rng(1)
    with opened(None) as filled:
        name = filled.database(32_000, 1_000)
        filled.connect(name)
        lists = rows // LIST
        side = (rows / DENSITY) ** 0.5
        backend = database.execute("SELECT pg_backend_pid()")[0][0]
        with closing(filled.superuser(name)) as connection, connection.cursor() as cursor:
            me = database.execute("SELECT awe.uid(), (awe.my_projects())[1]")[0]
            for number in range(lists):
                cursor.execute(
                    "INSERT INTO awe.source_list (object_id, creation_date, _creator, _project, "
                    "_privileges, slid, source_count) VALUES (%s, now(), %s, %s, 1, %s, %s)",
                    (str(uuid.uuid4()), me[0], me[1], number + 1, LIST),
                )
            connection.commit()
            taken = []
            for number in range(lists):
                middle = (150 + side * random.random(), 1 + side * random.random())
                names = [key for key in COLUMNS if not key.startswith("pm")]
                columns = {key: random.normal(100, 10, LIST).astype("f4") for key in names}
                columns["SID"] = np.arange(1, LIST + 1)
                columns["RA"] = middle[0] + random.uniform(-0.06, 0.06, LIST)
                columns["DEC"] = middle[1] + random.uniform(-0.12, 0.12, LIST)
                holder = type("List", (), {"SLID": number + 1})()
                holder.__dict__["_rows"] = columns
                start = cpu() + _spent(backend)
                sourcerows.enter(holder)
                taken.append(LIST / (cpu() + _spent(backend) - start))
            # a third stays mine alone, a third is of everybody, a third hidden
            cursor.execute("SET session_replication_role = replica")
            cursor.execute(
                "UPDATE awe.source_list SET _creator = %s WHERE slid %% 3 > 0", (me[0] + 1,)
            )
            cursor.execute("UPDATE awe.source_list SET _privileges = 3 WHERE slid % 3 = 1")
            connection.commit()
            connection.autocommit = True
            cursor.execute("VACUUM ANALYZE awe.source")
        times, found = [], 0
        for _ in range(PLACES):
            place = (150 + side * random.random(), 1 + side * random.random())
            cone = Sources().near(*place, 1 / 60)
            start = time.perf_counter()
            found += len(list(cone))
            times.append(1000 * (time.perf_counter() - start))
    rate, cone_ms = float(np.median(taken)), float(np.median(times))
    heading = ("sources", "entered, rows per CPU s of both sides", "cone of 1 arcmin, median [ms]",
               "95 % [ms]", "sources in a cone")  # fmt: skip
    print(table(heading,
                [(f"{lists * LIST}", f"{rate:.0f}", f"{cone_ms:.1f}",
                  f"{np.quantile(times, 0.95):.1f}", f"{found / PLACES:.0f}")]))  # fmt: skip
    return rate >= RATE_LIMIT and cone_ms <= CONE_LIMIT


def associated(repeats: int) -> bool:
    """Print the time two lists of 100,000 sources take; return whether the limit is kept."""
    from astropy import units
    from astropy.coordinates import SkyCoord

    from awe.calib.association import pairs

    random = np.random.default_rng(2)
    number = 100_000
    ra, dec = random.uniform(150, 151, number), random.uniform(-0.5, 0.5, number)
    moved = [one + random.normal(0, 0.1 / 3600, number) for one in (ra, dec)]
    ours, theirs = [], []
    for _ in range(repeats + 1):
        start = cpu()
        first, _second = pairs((ra, dec), (moved[0], moved[1]), 1.0)
        ours.append(cpu() - start)
        start = cpu()
        # new ones each time: astropy keeps the tree of a catalogue
        one, other = (
            SkyCoord(a * units.deg, b * units.deg) for a, b in ((ra, dec), moved)
        )  # fmt: skip
        found, far, _ = one.match_to_catalog_sky(other)
        back, _, _ = other.match_to_catalog_sky(one)
        mutual = (back[found] == np.arange(number)) & (far.arcsec <= 1)
        theirs.append(cpu() - start)
    mine, their = (float(np.median(times[1:])) for times in (ours, theirs))
    print(f"\n{load()}\n{first.size} pairs, astropy {int(mutual.sum())}; awe {mine:.2f} CPU s, "
          f"astropy, both directions, {their:.2f}: {mine / their:.2f}")  # fmt: skip
    return mine <= their and bool(first.size == mutual.sum())


def main() -> int:
    """Measure all."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--rows", type=int, default=1_000_000)
    options = parser.parse_args()
    kept = [searched(options.repeats), associated(options.repeats)] if options.repeats else []
    if options.rows:
        kept.append(asked(options.rows))
    return 0 if all(kept) else 1


if __name__ == "__main__":
    sys.exit(main())
